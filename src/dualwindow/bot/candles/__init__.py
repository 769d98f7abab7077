"""Candles on their way from freqtrade to the features: impossible, absent and future ones."""
