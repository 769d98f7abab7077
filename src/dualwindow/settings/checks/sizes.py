"""How large a network becomes, known before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from dualwindow.columns import CLASS_NAMES
from dualwindow.settings.kinds import is_own
from dualwindow.settings.training_config import TrainingConfig

#: Of a day of 24 hours, in seconds.
DAY_SECONDS: Final = 86_400
#: Output channels of the patch convolution for each feature.
CHANNELS_PER_FEATURE: Final = 4
#: A training holds of every weight, as 4 bytes: itself, its gradient, the optimiser's two moments
#: and the best epoch's.
BYTES_A_WEIGHT: Final = 5 * 4
#: Steps that a layer of the network `tcn` reads.
TCN_TAPS: Final = 3
#: Gates of a recurrent layer, each with two biases.
_GATES: Final = {"lstm": 4, "gru": 3}


def least_features(periods: Sequence[int], timeframes: int = 1, pairs: int = 1) -> int:
    """Features of a candle that the strategy's own hooks make, at least.

    They are the changes of high, low, close and volume in every timeframe of every pair, and close
    and volume against the average of each of the `periods`.
    """
    return 4 * timeframes * pairs + 2 * len(periods)


def tcn_widths(layers: Sequence[int], steps: int) -> tuple[int, ...]:
    """Widths of as many layers of the network `tcn` as cover so many steps, at least the given.

    Example:
        >>> tcn_widths((32, 16), steps=36)
        (32, 16, 16, 16, 16)
    """
    count, covered = 0, 1
    while covered < steps:
        covered += (TCN_TAPS - 1) * 2**count
        count += 1
    return (*layers, *[layers[-1]] * (count - len(layers)))


def count_weights(config: TrainingConfig, n_features: int, n_wide: int = 0) -> int:
    """Weights of all networks, without the few of the trend head; 0 for those of the user's own.

    They see so many features of every candle of the window, and so many wide ones.

    Example:
        >>> count_weights(TrainingConfig(lstm_units=(2,), dense_units=()), n_features=1)
        53
    """
    if is_own(config.network):
        return 0
    width, weights = _count_below(config, n_features, n_wide)
    for below, units in pairwise((width + n_wide, *config.dense_units, len(CLASS_NAMES))):
        weights += (below + 1) * units
    return config.ensemble * (weights + n_wide * len(CLASS_NAMES))


def _count_below(config: TrainingConfig, n_features: int, n_wide: int) -> tuple[int, int]:
    """Width of what the layers that read the window give to the dense ones, and their weights."""
    if config.network == "linear":
        return (0 if n_wide else n_features), 0
    width, weights = n_features, 0
    if config.patch_size > 1:
        width = CHANNELS_PER_FEATURE * n_features
        weights += width * (n_features * config.patch_size + 1)
    if config.network == "tcn":
        widths = tcn_widths(config.lstm_units, config.window_size // config.patch_size)
        for below, units in pairwise((width, *widths)):
            # Weights and bias, and LayerNorm.
            weights += (TCN_TAPS * below + 1) * units + 2 * units
        return widths[-1], weights
    for below, units in pairwise((width, *config.lstm_units)):
        weights += _GATES[config.network] * units * (below + units + 2) + 2 * units
    return config.lstm_units[-1], weights


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
    needed = weights * BYTES_A_WEIGHT
    if needed <= memory:
        return []
    several = f", {config.ensemble} times (ensemble)" if config.ensemble > 1 else ""
    return [
        f"lstm_units {list(config.lstm_units)}, dense_units {list(config.dense_units)} and "
        f"patch_size {config.patch_size}{several} make a network of {weights:,} weights from "
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
