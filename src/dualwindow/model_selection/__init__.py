"""Thresholds and walk-forward evaluation of models on candles they were not trained on."""
