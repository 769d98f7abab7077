"""A running bot's track record: decisions, their outcomes, and how sure a verdict on them is."""
