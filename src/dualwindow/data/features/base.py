"""The eight features of set `base`: causal, one row a candle.

| feature | formula |
| --- | --- |
| high_change, low_change, close_change | high[t], low[t], close[t] / close[t-1] - 1 |
| volume_change | v[t] / v[t-1] - 1 in [-1, 10]; 0 when both are 0, 10 when only v[t-1] is |
| price_to_ma | close[t] / SMA_p(close)[t] - 1 |
| volume_to_ma | v[t] / SMA_p(v)[t] - 1, in [-1, 20]; 0 when the mean is 0 |

SMA_p is the plain mean of the last p candles, this one included, NaN until p candles exist.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dualwindow.columns import (
    CHANGE_FEATURES,
    CLOSE_CHANGE,
    HIGH_CHANGE,
    LOW_CHANGE,
    VOLUME_CHANGE,
    average_features,
)
from dualwindow.data.candles.frames import Candles
from dualwindow.data.candles.impossible import KnownCandles

#: Raised whenever a formula changes: models made with another version are not used.
FEATURE_CODE_VERSION: Final = 1
VOLUME_CHANGE_BOUNDS: Final = (-1.0, 10.0)
VOLUME_TO_MA_BOUNDS: Final = (-1.0, 20.0)


class MovingMean:
    """Plain mean of the last `period` values, fed block by block.

    Every window is the sum of the end of one aligned block of `period` values and the beginning
    of the next (van Herk's decomposition, used for sums): nothing is ever subtracted, so large old
    values leave no rounding behind, a NaN touches only the windows that hold it, and the result
    does not depend on where the input is cut: it is the same to the last bit. Time is linear in
    what is fed, memory in the period.
    """

    def __init__(self, period: int) -> None:
        if period < 1:
            raise ValueError(f"period must be at least 1 candle, not {period}")
        self._period = period
        # The block that is not yet complete: its values, how many they are, and their sum.
        self._block = np.empty(period)
        self._filled = 0
        self._sum = 0.0
        # Sums of the block before it, each from one position to its end; none before the first.
        self._ends = np.full(period + 1, np.nan)
        self._ends[period] = 0.0

    def update(self, values: ArrayLike) -> NDArray[np.float64]:
        """Means that end at each new value.

        Args:
            values: (N,) that follow what was given before.

        Returns:
            (N,) float64; NaN until `period` values were seen.
        """
        new = np.asarray(values, dtype=np.float64)
        sums = np.empty(len(new))
        done = self._fill_block(new, sums) if self._filled and len(new) else 0
        blocks = (len(new) - done) // self._period
        if blocks:
            stop = done + blocks * self._period
            self._whole_blocks(new[done:stop], sums[done:stop])
            done = stop
        if done < len(new):
            self._fill_block(new[done:], sums[done:])
        return sums / self._period

    def _fill_block(self, new: NDArray[np.float64], sums: NDArray[np.float64]) -> int:
        """Put what fits into the block that is not complete; return how much that was."""
        first = self._filled
        part = new[: self._period - first]
        self._block[first : first + len(part)] = part
        # Continued from the block's running sum: the same additions as of a block fed at once.
        beginnings = (
            np.cumsum(np.concatenate([[self._sum], part]))[1:] if first else np.cumsum(part)
        )
        sums[: len(part)] = beginnings + self._ends[first + 1 : first + 1 + len(part)]
        self._filled, self._sum = first + len(part), beginnings[-1]
        if self._filled == self._period:
            self._ends = _ends_of(self._block[None])[0]
            self._filled = 0
        return len(part)

    def _whole_blocks(self, new: NDArray[np.float64], sums: NDArray[np.float64]) -> None:
        table = new.reshape(-1, self._period)
        ends = _ends_of(table)
        out = sums.reshape(-1, self._period)
        np.cumsum(table, axis=1, out=out)
        out[0] += self._ends[1:]
        out[1:] += ends[:-1, 1:]
        self._ends = ends[-1].copy()


def _ends_of(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, p + 1) sums of each row of (B, p) from every position to its end; the last is 0."""
    ends = np.zeros((len(table), table.shape[1] + 1))
    np.cumsum(table[:, ::-1], axis=1, out=ends[:, -2::-1])
    return ends


def moving_mean(values: ArrayLike, period: int) -> NDArray[np.float64]:
    """Plain mean of the last `period` values (candles), NaN until that many exist: (N,) float64.

    Example:
        >>> moving_mean([1, 2, 3, 6], 2).tolist()
        [nan, 1.5, 2.5, 4.5]
    """
    return MovingMean(period).update(values)


def relative_change(
    values: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N,) values / reference - 1; NaN where that is no finite number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        change = values / reference - 1.0
    return np.where(np.isfinite(change), change, np.nan)


def _volume_change(volume: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = VOLUME_CHANGE_BOUNDS
    change = np.clip(relative_change(volume, before), low, high)
    return np.where(before == 0.0, np.where(volume == 0.0, 0.0, volume * 0.0 + high), change)


def volume_to_mean(volume: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) volume / mean - 1 in `VOLUME_TO_MA_BOUNDS`; 0 where the mean is 0, NaN where unknown."""
    ratio = np.clip(relative_change(volume, mean), *VOLUME_TO_MA_BOUNDS)
    return np.where(mean == 0.0, 0.0, ratio)


def float64_column(candles: Candles, column: str) -> NDArray[np.float64]:
    """(N,) float64 values of a column."""
    return np.asarray(candles[column], dtype=np.float64)


class ChangeFeatures:
    """The four features that need one candle and the one before it, fed block by block."""

    names: Final = CHANGE_FEATURES

    def __init__(self) -> None:
        self._close = self._volume = np.nan

    def update(self, candles: Candles) -> dict[str, NDArray[np.float64]]:
        """Features of the next N candles, which follow those given before.

        Args:
            candles: columns high, low, close, volume, (N,) each, in time order.

        Returns:
            Feature name to (N,) float64; the very first candle is NaN.
        """
        close, volume = float64_column(candles, "close"), float64_column(candles, "volume")
        if not len(close):
            return {name: np.empty(0) for name in self.names}
        before = np.concatenate([[self._close], close[:-1]])
        volume_before = np.concatenate([[self._volume], volume[:-1]])
        self._close, self._volume = close[-1], volume[-1]
        return {
            HIGH_CHANGE: relative_change(float64_column(candles, "high"), before),
            LOW_CHANGE: relative_change(float64_column(candles, "low"), before),
            CLOSE_CHANGE: relative_change(close, before),
            VOLUME_CHANGE: _volume_change(volume, volume_before),
        }


class MovingAverageFeatures:
    """The two features that compare a candle with its averages over `period` candles, itself too.

    They are fed block by block.
    """

    def __init__(self, period: int) -> None:
        self.names = average_features(period)
        #: Candles that a row needs, its own included.
        self.look_back = period
        self._close, self._volume = MovingMean(period), MovingMean(period)

    def update(self, candles: Candles) -> dict[str, NDArray[np.float64]]:
        """Features of the next N candles, which follow those given before.

        Args:
            candles: columns close and volume, (N,) each, in time order.

        Returns:
            Feature name (with the period in it) to (N,) float64; NaN before `period` candles.
        """
        close, volume = float64_column(candles, "close"), float64_column(candles, "volume")
        price_name, volume_name = self.names
        return {
            price_name: relative_change(close, self._close.update(close)),
            volume_name: volume_to_mean(volume, self._volume.update(volume)),
        }


def change_features(candles: Candles) -> dict[str, NDArray[np.float64]]:
    """`ChangeFeatures` of a whole frame at once, NaN where a row is unknown.

    Impossible candles are unknown, and the rows after them; see `candles.impossible`.

    Example:
        >>> candles = {"high": [8, 10], "low": [8, 6], "close": [8, 9], "volume": [4, 8]}
        >>> [values.tolist() for values in change_features(candles).values()]
        [[nan, 0.25], [nan, -0.25], [nan, 0.125], [nan, 1.0]]
    """
    known, unknown = KnownCandles().update(candles)
    return without_rows(ChangeFeatures().update(known), unknown)


def without_rows(
    features: dict[str, NDArray[np.float64]], unknown: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """The features, NaN in the (N,) unknown rows."""
    if not unknown.any():
        return features
    return {name: np.where(unknown, np.nan, values) for name, values in features.items()}


def moving_average_features(candles: Candles, period: int) -> dict[str, NDArray[np.float64]]:
    """`MovingAverageFeatures` of a whole frame at once."""
    return MovingAverageFeatures(period).update(candles)
