"""A contest: networks beside baselines and rivals on the same rows of the same candles."""
