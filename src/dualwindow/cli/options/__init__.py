"""Flags, settings and candles that commands share."""
