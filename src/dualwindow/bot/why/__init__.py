"""The gates between a candle and an order, of a backtest or of a running bot."""
