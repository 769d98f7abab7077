"""Features of candles, and which rows have a whole window of them."""
