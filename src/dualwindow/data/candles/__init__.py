"""Candle files: where they lie, how they are read, and what is wrong with them."""
