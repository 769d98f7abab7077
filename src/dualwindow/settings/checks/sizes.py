"""How large a network becomes, known before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from dualwindow.columns import CLASS_NAMES
from dualwindow.settings.training_config import TrainingConfig

#: Of a day of 24 hours, in seconds.
DAY_SECONDS: Final = 86_400
#: Output channels of the patch convolution for each feature.
CHANNELS_PER_FEATURE: Final = 4
#: A training holds of every weight, as 4 bytes: itself, its gradient, the optimiser's two moments
#: and the best epoch's.
_BYTES_A_WEIGHT: Final = 5 * 4


def least_features(periods: Sequence[int], timeframes: int = 1, pairs: int = 1) -> int:
    """Features of a candle that the strategy's own hooks make, at least.

    They are the changes of high, low, close and volume in every timeframe of every pair, and close
    and volume against the average of each of the `periods`.
    """
    return 4 * timeframes * pairs + 2 * len(periods)


def count_weights(config: TrainingConfig, n_features: int, n_wide: int = 0) -> int:
    """Weights of a network, without the few of the trend head.

    It sees so many features of every candle of the window, and so many wide ones.

    Example:
        >>> count_weights(TrainingConfig(lstm_units=(2,), dense_units=()), n_features=1)
        53
    """
    width, weights = n_features, 0
    if config.patch_size > 1:
        channels = CHANNELS_PER_FEATURE * n_features
        weights += channels * (n_features * config.patch_size + 1)
        width = channels
    for below, units in pairwise((width, *config.lstm_units)):
        # Four gates with two biases each, and LayerNorm.
        weights += 4 * units * (below + units + 2) + 2 * units
    joined = config.lstm_units[-1] + n_wide
    for below, units in pairwise((joined, *config.dense_units, len(CLASS_NAMES))):
        weights += (below + 1) * units
    return weights + n_wide * len(CLASS_NAMES)


def size_problems(
    config: TrainingConfig,
    n_features: int,
    memory: float,
    allowed: str = "of memory",
    *,
    n_wide: int = 0,
) -> list[str]:
    """The problem of a network whose training needs more than so much memory (bytes)."""
    weights = count_weights(config, n_features, n_wide)
    needed = weights * _BYTES_A_WEIGHT
    if needed <= memory:
        return []
    return [
        f"lstm_units {list(config.lstm_units)}, dense_units {list(config.dense_units)} and "
        f"patch_size {config.patch_size} make a network of {weights:,} weights from "
        f"{n_features + n_wide} features, whose training needs {needed / 2**30:,.1f} GiB, more "
        f"than the {memory / 2**30:,.1f} GiB {allowed}; choose narrower or fewer layers"
    ]


def period_problems(
    config: TrainingConfig, days: object, timeframe: str, seconds: int
) -> list[str]:
    """The problem of a training period without a window and a future in it, if it is one.

    Args:
        config: the settings; without a training any period will do.
        days: FreqAI's `train_period_days`; what is no number of days is a problem of its own.
        timeframe: of the candles.
        seconds: between two of them.
    """
    needed = config.window_size + config.future_window
    if (
        not config.epochs
        or type(days) is not int
        or days < 1
        or days * DAY_SECONDS > needed * seconds
    ):
        return []
    return [
        f"freqai.train_period_days {days} has {days * DAY_SECONDS // seconds:,} candles of the "
        f"timeframe {timeframe}, not more than one window_size {config.window_size} and one "
        f"future_window {config.future_window} together: nothing could be trained; raise it, or "
        "lower one of them"
    ]
