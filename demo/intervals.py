"""Binance's kline intervals, and resampling 1-minute candles to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MINUTE_MS: Final = 60_000
DAY_MS: Final = 1440 * MINUTE_MS
#: The first Monday of 1970: weeks are counted from it.
FIRST_MONDAY_MS: Final = 4 * DAY_MS

#: Milliseconds of every interval of fixed length.
INTERVAL_MS: Final = {
    **{f"{n}m": n * MINUTE_MS for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": n * 60 * MINUTE_MS for n in (1, 2, 4, 6, 8, 12)},
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}
MONTH: Final = "1M"
INTERVALS: Final = (*INTERVAL_MS, MONTH)


@dataclass(frozen=True)
class Series:
    """Candles of one interval in time order; gaps have no rows.

    Attributes:
        open_time: (N,) int64 milliseconds since 1970.
        ohlcv: (N, 5) float64 open, high, low, close, volume.

    """

    open_time: NDArray[np.int64]
    ohlcv: NDArray[np.float64]

    def __len__(self) -> int:
        """Count the candles."""
        return len(self.open_time)

    def rows(self, rows: slice) -> Series:
        """Return a run of the candles."""
        return Series(self.open_time[rows], self.ohlcv[rows])


def join(first: Series, second: Series) -> Series:
    """Chain two runs of candles."""
    return Series(
        np.concatenate([first.open_time, second.open_time]),
        np.concatenate([first.ohlcv, second.ohlcv]),
    )


def interval_start(times: NDArray[np.int64], interval: str) -> NDArray[np.int64]:
    """Open time of the candle that each time (ms) falls in."""
    if interval == MONTH:
        months = times.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64)
    width = INTERVAL_MS[interval]
    offset = FIRST_MONDAY_MS if interval == "1w" else 0
    return (times - offset) // width * width + offset


def interval_end(start: int, interval: str) -> int:
    """Open time of the candle after the one that opens at `start` (ms)."""
    if interval == MONTH:
        following = np.datetime64(start, "ms").astype("datetime64[M]") + 1
        return int(following.astype("datetime64[ms]").astype(np.int64))
    return start + INTERVAL_MS[interval]


def resample(minutes: Series, interval: str) -> Series:
    """Resample 1-minute candles; missing minutes are skipped."""
    if interval == "1m" or not len(minutes):
        return minutes
    start = interval_start(minutes.open_time, interval)
    first = np.flatnonzero(np.diff(start, prepend=start[0] - 1))
    last = np.append(first[1:], len(start)) - 1
    opened, high, low, close, volume = minutes.ohlcv.T
    columns = (
        opened[first],
        np.maximum.reduceat(high, first),
        np.minimum.reduceat(low, first),
        close[last],
        np.add.reduceat(volume, first),
    )
    return Series(start[first], np.stack(columns, axis=1))
