"""Evidence: how sure a mean over trades is, its verdict in three words, and what choosing costs."""
