"""Long moving averages of a live bot, which is handed only the newest few hundred candles.

FreqAI keeps the longer history in memory. Here it is put in front of the newest candles, and a
minute that neither holds counts as freqtrade fills it: the last price, no volume.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.features import moving_average_features
from dualwindow.windows import utc_seconds

_COLUMNS = ["date", "close", "volume"]


def averages_with_history(
    candles: pd.DataFrame,
    history: pd.DataFrame | None,
    periods: Sequence[int],
    candle_seconds: int = 60,
) -> dict[str, NDArray[np.float64]]:
    """Moving-average features of candles, with older candles from the history in front.

    Args:
        candles: N rows with date, close and volume, in time order; where both hold a candle, these
            are newer and count.
        history: older candles likewise, or None where there are none.
        periods: of the averages (candles).
        candle_seconds: seconds between two candles.

    Returns:
        (N,) float64 each, by the feature's name; NaN where the history is too short.
    """
    if not periods or candles.empty:
        return {
            name: values
            for period in periods
            for name, values in moving_average_features(candles, period).items()
        }
    older = _older(candles, history, max(periods))
    whole = candles[_COLUMNS] if older is None else pd.concat([older, candles[_COLUMNS]])
    grid = _Grid(whole, candle_seconds)
    rows = grid.rows[len(whole) - len(candles) :]
    return {
        name: values[rows]
        for period in periods
        for name, values in moving_average_features(grid.columns, period).items()
    }


def joined_history(
    history: pd.DataFrame, newest: pd.DataFrame, keep_from: pd.Timestamp
) -> pd.DataFrame:
    """History whose end is replaced by the newest candles: late or corrected ones count.

    Args:
        history: candles in time order, the dates of any datetime type.
        newest: at least one candle, in time order.
        keep_from: older candles are dropped, so that memory stays bounded.

    Returns:
        Candles with datetime64[ms, UTC] dates and a new index.
    """
    first = _utc(newest["date"].iloc[:1]).iloc[0]
    older = history.assign(date=_utc(history["date"])) if len(history) else history
    if len(older):
        older = older[(older["date"] < first) & (older["date"] >= keep_from)]
    parts = [part for part in (older, newest.assign(date=_utc(newest["date"]))) if len(part)]
    return pd.concat(parts, ignore_index=True)


def _utc(dates: pd.Series) -> pd.Series:
    """Dates as datetime64[ms, UTC]; at once where they are that already."""
    if str(dates.dtype) == "datetime64[ms, UTC]":
        return dates
    return pd.to_datetime(dates, utc=True).dt.as_unit("ms")


def _older(
    candles: pd.DataFrame, history: pd.DataFrame | None, longest: int
) -> pd.DataFrame | None:
    """The last candles of the history before the first of `candles`, as many as averages need."""
    if history is None or history.empty:
        return None
    # Cut before anything is converted: the history is long and its dates may be objects.
    tail = history[_COLUMNS].iloc[-(longest + len(candles)) :]
    first = utc_seconds(candles["date"].iloc[:1])[0]
    return tail[utc_seconds(tail["date"]) < first]


class _Grid:
    """Candles on a grid without holes.

    Attributes:
        columns: close and volume by grid row.
        rows: grid row of every candle.
    """

    def __init__(self, candles: pd.DataFrame, candle_seconds: int) -> None:
        seconds = utc_seconds(candles["date"])
        self.rows = (seconds - seconds[0]) // candle_seconds
        size = int(self.rows[-1]) + 1
        # Where a grid row has no candle of its own, the last one before it stands.
        source = np.zeros(size, dtype=np.int64)
        source[self.rows] = np.arange(len(self.rows))
        np.maximum.accumulate(source, out=source)
        missing = np.ones(size, dtype=bool)
        missing[self.rows] = False
        close = candles["close"].to_numpy(np.float64)[source]
        volume = np.where(missing, 0.0, candles["volume"].to_numpy(np.float64)[source])
        self.columns = {"close": close, "volume": volume}
