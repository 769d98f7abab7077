"""History needed before a row or a date range; periods are those of moving averages (candles)."""

from __future__ import annotations

from collections.abc import Sequence

from dualwindow.columns import candles_looked_at
from dualwindow.settings.training_config import CANDLES_PER_DAY, TrainingConfig


def look_back(config: TrainingConfig, periods: Sequence[int]) -> int:
    """Candles needed before a row: its window's, and those of the first one's features."""
    return max((*periods, candles_looked_at(config.feature_set))) - 1 + config.window_size - 1


def buffer_seconds(config: TrainingConfig, periods: Sequence[int], candle_seconds: int) -> int:
    """Seconds of candles read before a date range, so that its first row has a complete window."""
    days = config.calculate_required_buffer_days(periods)
    return max(days * CANDLES_PER_DAY, look_back(config, periods)) * candle_seconds
