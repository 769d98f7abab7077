"""From candle files to windows that a network can read."""
