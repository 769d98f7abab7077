"""Eight causal features, one row a candle.

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
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dualwindow.columns import (
    CLOSE_CHANGE,
    HIGH_CHANGE,
    LOW_CHANGE,
    VOLUME_CHANGE,
    average_features,
)

#: Raised whenever a formula changes: models made with another version are not used.
FEATURE_CODE_VERSION: Final = 1

VOLUME_CHANGE_BOUNDS: Final = (-1.0, 10.0)
VOLUME_TO_MA_BOUNDS: Final = (-1.0, 20.0)


class MovingMean:
    """Plain mean of the last `period` values, fed block by block.

    Every window is the sum of the end of one aligned block of `period` values and the beginning
    of the next (van Herk's decomposition, used for sums): nothing is ever subtracted, so large old
    values leave no rounding behind, a NaN touches only the windows that hold it, and the result
    does not depend on where the input is cut: it is the same to the last bit.
    """

    def __init__(self, period: int) -> None:
        if period < 1:
            raise ValueError(f"period must be at least 1 candle, not {period}")
        self._period = period
        # Values from the start of the block before the current one; at most 2 * period - 1.
        self._kept = np.empty(0)
        self._first_block = True

    def update(self, values: ArrayLike) -> NDArray[np.float64]:
        """Means that end at each new value.

        Args:
            values: (N,) that follow what was given before.

        Returns:
            (N,) float64; NaN until `period` values were seen.
        """
        new = np.asarray(values, dtype=np.float64)
        known = np.concatenate([self._kept, new])
        means = self._means(known)[len(known) - len(new) :]
        complete_blocks = len(known) // self._period
        if complete_blocks >= 1:
            drop = (complete_blocks - 1) * self._period
            self._kept = known[drop:].copy()
            self._first_block = self._first_block and drop == 0
        else:
            self._kept = known
        return means

    def _means(self, known: NDArray[np.float64]) -> NDArray[np.float64]:
        period = self._period
        blocks = -(-len(known) // period)
        padded = np.zeros(blocks * period)
        padded[: len(known)] = known
        table = padded.reshape(blocks, period)
        beginnings = np.cumsum(table, axis=1)
        # ends[b, k] is the sum of block b from position k on.
        ends = np.cumsum(table[:, ::-1], axis=1)[:, ::-1]
        sums = beginnings
        sums[1:, :-1] += ends[:-1, 1:]
        if blocks and self._first_block:
            sums[0, :-1] = np.nan
        return (sums.reshape(-1) / period)[: len(known)]


def moving_mean(values: ArrayLike, period: int) -> NDArray[np.float64]:
    """Plain mean of the last `period` values (candles), NaN until that many exist: (N,) float64."""
    return MovingMean(period).update(values)


def _relative_change(
    values: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        change = values / reference - 1.0
    return np.where(np.isfinite(change), change, np.nan)


def _previous(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([[np.nan], values[:-1]]) if len(values) else values


def _volume_change(volume: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = VOLUME_CHANGE_BOUNDS
    before = _previous(volume)
    change = np.clip(_relative_change(volume, before), low, high)
    return np.where(before == 0.0, np.where(volume == 0.0, 0.0, volume * 0.0 + high), change)


def change_features(candles: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """The four features that need one candle and the one before it.

    Args:
        candles: N rows with high, low, close, volume, in time order.

    Returns:
        Feature name to (N,) float64; the first row is NaN.
    """
    close = candles["close"].to_numpy(np.float64)
    before = _previous(close)
    return {
        HIGH_CHANGE: _relative_change(candles["high"].to_numpy(np.float64), before),
        LOW_CHANGE: _relative_change(candles["low"].to_numpy(np.float64), before),
        CLOSE_CHANGE: _relative_change(close, before),
        VOLUME_CHANGE: _volume_change(candles["volume"].to_numpy(np.float64)),
    }


def moving_average_features(candles: pd.DataFrame, period: int) -> dict[str, NDArray[np.float64]]:
    """The two features that compare a candle with its moving averages.

    Args:
        candles: N rows with close and volume, in time order.
        period: candles of the averages, this one included.

    Returns:
        Feature name (with the period in it) to (N,) float64; NaN before `period` rows exist.
    """
    close = candles["close"].to_numpy(np.float64)
    volume = candles["volume"].to_numpy(np.float64)
    volume_mean = moving_mean(volume, period)
    low, high = VOLUME_TO_MA_BOUNDS
    volume_ratio = np.clip(_relative_change(volume, volume_mean), low, high)
    price_name, volume_name = average_features(period)
    return {
        price_name: _relative_change(close, moving_mean(close, period)),
        volume_name: np.where(volume_mean == 0.0, 0.0, volume_ratio),
    }
