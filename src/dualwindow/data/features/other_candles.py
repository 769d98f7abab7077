"""Candles of correlated pairs and other timeframes: at which rows the features of them are known.

FreqAI gives a row the newest candle that had closed by the row's own close, and where that one is
missing an older one. A row knows such a candle only if it is there, is possible, and does not lie
in an outage: what holds for the pair's own candles holds for these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.frames import flat_candles, require_order, utc_seconds
from dualwindow.data.candles.impossible import KnownCandles


@dataclass(frozen=True)
class RowGrid:
    """The rows that other candles are joined to.

    Attributes:
        candle_seconds: between two rows.
        window_size: rows of a window.
        max_flat_candles: rows; a longer stretch without a trade is an outage, unless it is as long
            as a window, as in `windows.valid_windows`.
    """

    candle_seconds: int
    window_size: int
    max_flat_candles: int


@dataclass(frozen=True)
class OtherCandles:
    """M candles of another pair or timeframe, in time order, missing ones filled or not.

    Attributes:
        column_end: end of FreqAI's names of the features that come from them.
        candle_seconds: from the open of one to its close.
        seconds: (M,) int64 dates, seconds since 1970.
        unknown: (M,) true where features of a candle are unknown.
        rows: those that the candles are joined to.
    """

    column_end: str
    candle_seconds: int
    seconds: NDArray[np.int64]
    unknown: NDArray[np.bool_]
    rows: RowGrid

    @classmethod
    def from_frame(
        cls, candles: pd.DataFrame, pair: str, timeframe: str, candle_seconds: int, rows: RowGrid
    ) -> OtherCandles:
        """Take them from a frame with freqtrade's candle columns, as freqtrade filled it.

        Raises:
            DataError: when they are not in time order.
        """
        seconds = utc_seconds(candles["date"])
        require_order(seconds, f"{pair} {timeframe}")
        _, unknown = KnownCandles().update(candles)
        if rows.max_flat_candles < rows.window_size:
            flat = flat_candles(candles)
            position = np.arange(1, len(flat) + 1)
            silent = position - np.maximum.accumulate(np.where(flat, 0, position))
            longest = rows.max_flat_candles * rows.candle_seconds
            unknown = unknown | (silent * candle_seconds > longest)
        end = f"_{pair.replace(':', '')}_{timeframe}"
        return cls(end, candle_seconds, seconds, unknown, rows)

    def made(self, column: str) -> bool:
        """Whether a feature column of FreqAI's comes from these candles."""
        return column.replace(":", "").endswith(self.column_end)

    def unknown_rows(self, seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(N,) true at rows, of the (N,) dates in seconds since 1970, whose candle is unknown.

        Example:
            >>> rows = RowGrid(candle_seconds=60, window_size=180, max_flat_candles=30)
            >>> both = np.array([0, 300]), np.array([False, False])
            >>> five_minutes = OtherCandles("_5m", 300, *both, rows)
            >>> five_minutes.unknown_rows(np.array([180, 240, 540, 840])).tolist()
            [True, False, False, True]
        """
        closed = seconds + self.rows.candle_seconds
        ends = self.seconds + self.candle_seconds
        newest = np.searchsorted(ends, closed, side="right") - 1
        unknown = newest < 0
        if len(ends):
            # A whole candle has closed since: its own is missing.
            unknown |= closed - ends[newest] >= self.candle_seconds
            unknown |= self.unknown[newest]
        return np.asarray(unknown)
