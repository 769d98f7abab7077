"""Records of freqtrade's own of its trades: results, databases, logs, and a journal of entries."""
