"""FreqAI's backtest: which saved models and predictions it takes, and which it makes again."""
