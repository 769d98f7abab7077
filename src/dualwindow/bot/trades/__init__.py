"""What freqtrade itself left of its trades: results, databases, logs, and a journal of entries."""
