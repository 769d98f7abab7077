"""Features that set `extended` has beside those of `base`: causal, one row a candle.

| feature | formula |
| --- | --- |
| rms_change30, 120, 1440 | root of the mean square of the last p close changes |
| volume_ma15_to_ma1440, 60 | SMA_p(v) / SMA_1440(v) - 1, in [-1, 20]; 0 when SMA_1440 is 0 |
| time_of_day_sin, _cos | sine and cosine of the UTC minute of the day, a turn a day |

A close change is close[t] / close[t-1] - 1, v is the volume, SMA_p the plain mean of the last p
candles, this one included; all are NaN until they have all of their candles.

The root mean square is the volatility, for the mean of 1-minute changes is negligible beside it,
and unlike a standard deviation it subtracts nothing, so it has no digits to lose. There is no day
of the week: the usual three months of training hold thirteen of each, which a network can learn by
heart.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import (
    EXTENDED,
    EXTENDED_FEATURES,
    RELATIVE_VOLUME_FEATURES,
    TIME_FEATURES,
    VOLATILITY_FEATURES,
    VOLATILITY_PERIODS,
    VOLUME_PERIODS,
    VOLUME_REFERENCE,
    candles_looked_at,
)
from dualwindow.data.candles.frames import Candles, utc_seconds
from dualwindow.data.features.base import (
    MovingMean,
    float64_column,
    relative_change,
    volume_to_mean,
)

_MINUTES_PER_DAY: Final = 1440
_ANGLES: Final = 2.0 * np.pi * np.arange(_MINUTES_PER_DAY) / _MINUTES_PER_DAY
# Looked up: numpy's sine of a value may differ in the last bit with its place in an array.
_SINES, _COSINES = np.sin(_ANGLES), np.cos(_ANGLES)


class ExtendedFeatures:
    """Trailing volatility, relative volume and time of day, fed block by block."""

    names: Final = EXTENDED_FEATURES
    #: Candles that a row needs, its own included.
    look_back: Final = candles_looked_at(EXTENDED)

    def __init__(self) -> None:
        self._close = np.nan
        self._squares = {
            name: MovingMean(period)
            for name, period in zip(VOLATILITY_FEATURES, VOLATILITY_PERIODS, strict=True)
        }
        self._volumes = {
            name: MovingMean(period)
            for name, period in zip(RELATIVE_VOLUME_FEATURES, VOLUME_PERIODS, strict=True)
        }
        self._reference = MovingMean(VOLUME_REFERENCE)

    def update(self, candles: Candles) -> dict[str, NDArray[np.float64]]:
        """Features of the next N candles, which follow those given before.

        Args:
            candles: columns date, close and volume, (N,) each, in time order; dates of any datetime
                type, or int64 seconds since 1970.

        Returns:
            Feature name to (N,) float64.
        """
        close, volume = float64_column(candles, "close"), float64_column(candles, "volume")
        if not len(close):
            return {name: np.empty(0) for name in self.names}
        times = clock(minutes_of_day(candles["date"]))
        return (
            self._volatilities(close)
            | self._relative_volumes(volume)
            | dict(zip(TIME_FEATURES, times, strict=True))
        )

    def _volatilities(self, close: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        before = np.concatenate([[self._close], close[:-1]])
        self._close = close[-1]
        with np.errstate(over="ignore"):
            squares = np.square(relative_change(close, before))
        # A change whose square is too large for a number is unknown, like an infinite one.
        squares[np.isinf(squares)] = np.nan
        return {name: np.sqrt(mean.update(squares)) for name, mean in self._squares.items()}

    def _relative_volumes(self, volume: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        reference = self._reference.update(volume)
        return {
            name: volume_to_mean(mean.update(volume), reference)
            for name, mean in self._volumes.items()
        }


def extended_features(candles: Candles) -> dict[str, NDArray[np.float64]]:
    """`ExtendedFeatures` of a whole frame at once."""
    return ExtendedFeatures().update(candles)


def minutes_of_day(dates: Any) -> NDArray[np.int64]:
    """(N,) UTC minutes since midnight; dates of any datetime type, or int64 seconds since 1970."""
    given = isinstance(dates, np.ndarray) and dates.dtype == np.int64
    seconds: NDArray[np.int64] = dates if given else utc_seconds(dates)
    return seconds // 60 % _MINUTES_PER_DAY


def clock(minutes: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """(N,) sines and (N,) cosines of minutes on a circle of a day."""
    turned = minutes % _MINUTES_PER_DAY
    return [_SINES[turned], _COSINES[turned]]
