"""Where a dry run and a backtest on its candles and models differ, and why."""
