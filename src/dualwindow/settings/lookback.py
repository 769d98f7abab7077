"""How much history the settings look back on."""

from __future__ import annotations

from collections.abc import Sequence

from dualwindow.columns import candles_looked_at
from dualwindow.settings.training_config import CANDLES_PER_DAY, TrainingConfig


def look_back(config: TrainingConfig, periods: Sequence[int]) -> int:
    """Candles before a row that its window needs: its own, and whole features for their first."""
    return max((*periods, candles_looked_at(config.feature_set))) - 1 + config.window_size - 1


def buffer_seconds(config: TrainingConfig, periods: Sequence[int], candle_seconds: int) -> int:
    """Seconds of candles that are read before a period, for complete windows from its beginning on.

    Args:
        config: window settings.
        periods: candles of the moving averages.
        candle_seconds: seconds between two candles.
    """
    days = config.calculate_required_buffer_days(periods)
    return max(days * CANDLES_PER_DAY, look_back(config, periods)) * candle_seconds
