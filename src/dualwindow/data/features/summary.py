"""Features that set `summary` has beside those of `base`: causal, one row a candle.

x is the logarithm of the close, d[t] = x[t] - x[t-1], rms_p(d) the root of the mean of the last p
squares, at least `STILLNESS`, SMA_p the plain mean of the last p, H_p and L_p the logarithms of
the highest high and the lowest low of the last p candles, all with the present candle.

| feature | formula |
| --- | --- |
| log_rms_change5 ... 1440 | log rms_p(d) |
| log_rms_change_of5_over60, 240, 1440 | log rms_p of x[t] - x[t-5], from every candle on |
| log_parkinson15, 60, 240, 1440 | log of root(SMA_p((log high - log low)^2) / (4 log 2)) |
| log_range60, 240, 1440 | H_p - L_p |
| log_volume_ma5_to_ma1440, 15, 60, 240 | log(SMA_p(v) / SMA_1440(v)), at least log(0.01) |
| time_of_day_sin, _cos | of the UTC minute of the day, a turn a day |
| half_day_sin, _cos | the same, two turns a day |
| scaled_return5 ... 1440 | (x[t] - x[t-p]) / (rms_1440(d) root(p)) |
| range_position60, 240, 1440 | (2 x - H_p - L_p) / (H_p - L_p), in [-1, 1] |
| scaled_log_price_to_ma60, 240, 1440 | (x - SMA_p(x)) / (rms_1440(d) root(p)) |
| log_rms_same_time1d, 3, 7, 14 | log rms_120(d) at t - 1440 k + 120, over k = 1 ... p |

The range's estimate of volatility is Parkinson's (The Extreme Value Method for Estimating the
Variance of the Rate of Return, Journal of Business 53, 1980). The last rows are the root of the
mean of p mean squares: the volatility that followed at the same time on the last p days. Volumes
beyond 1e300 count as that.

**Finite** for any possible candles. Rates of change below `STILLNESS` count as that, in logarithms
and in units alike, so what stood still for a day has a scaled return of 0 and is at its mean. A
range of 0 has the close in its middle, and a day without volume a ratio of 1 (logarithm 0). NaN is
where a candle is missing: before p candles (and one more for changes) exist.

**Mirror**: x becomes c - x, high and low trade places. All but the scaled returns, positions and
distances stay as they are, and those change sign: exactly in real numbers, and but for rounding of
logarithms (about 1e-15 of log prices) in this code.

**Periods are candles** on every timeframe: with 5-minute candles a day of 1,440 is five days, which
keeps the time of day. Only the clock knows the date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import (
    DAY_FEATURES,
    LONG_CHANGE,
    PARKINSON_PERIODS,
    RANGE_PERIODS,
    RETURN_PERIODS,
    SAME_TIME_AHEAD,
    SAME_TIME_DAY,
    SAME_TIME_DAYS,
    SAME_TIME_FEATURES,
    SUMMARY_VOLUME_PERIODS,
    VOLUME_REFERENCE,
)
from dualwindow.data.candles.frames import Candles
from dualwindow.data.features.base import float64_column
from dualwindow.data.features.extended import clock, minutes_of_day
from dualwindow.data.features.moving import (
    FloatArray,
    delayed,
    moving_highest,
    moving_lowest,
    moving_sums,
)

#: Root mean square of log changes a candle that counts as standing still: a tenth of a basis point.
STILLNESS: Final = 1e-5
#: Lowest share of a day's mean volume that is told apart.
LOWEST_VOLUME: Final = 0.01

#: Computed at a time: all intermediate values of these take about 30 MiB.
_ROWS_AT_ONCE: Final = 32_768
_PARKINSON: Final = 4.0 * np.log(2.0)
# The sum of a day of larger ones would be no number.
_MOST_VOLUME: Final = 1e300

Columns = Mapping[str, NDArray[Any]]


class _FromRecent:
    """Features that look back a known number of candles, fed block by block.

    The candles that the next row still needs are kept, and a row's values depend on the candles
    that it looks at alone: they are the same to the last bit wherever the input is cut or begins.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        look_back: int,
        columns: Callable[[Candles], Columns],
        features: Callable[[Columns], dict[str, FloatArray]],
    ) -> None:
        self.names: Final = names
        #: Candles that a row needs, its own included.
        self.look_back: Final = look_back
        self._columns, self._features = columns, features
        self._recent: Columns = {}

    def update(self, candles: Candles) -> dict[str, FloatArray]:
        """Features of the next N candles, which follow those given before.

        Args:
            candles: columns date, high, low, close and volume, (N,) each, in time order.

        Returns:
            Feature name to (N,) float64.
        """
        columns = self._columns(candles)
        rows = len(next(iter(columns.values())))
        found = {name: np.empty(rows) for name in self.names}
        for first in range(0, rows, _ROWS_AT_ONCE):
            part = slice(first, first + _ROWS_AT_ONCE)
            block = {name: values[part] for name, values in columns.items()}
            for name, values in self._next(block).items():
                found[name][part] = values
        return found

    def _next(self, columns: Columns) -> dict[str, FloatArray]:
        rows = len(next(iter(columns.values())))
        if self._recent:
            columns = {
                name: np.concatenate([self._recent[name], new]) for name, new in columns.items()
            }
        kept = self.look_back - 1
        self._recent = {name: values[-kept:].copy() for name, values in columns.items()}
        return {name: values[-rows:] for name, values in self._features(columns).items()}


class SummaryFeatures(_FromRecent):
    """What the last day of candles tells of the present one."""

    def __init__(self) -> None:
        look_back = max(*RETURN_PERIODS, *RANGE_PERIODS) + LONG_CHANGE
        super().__init__(DAY_FEATURES, look_back, _day_columns, _day_features)


class SameTimeFeatures(_FromRecent):
    """The volatility that followed at the same time of earlier days."""

    def __init__(self) -> None:
        look_back = SAME_TIME_DAY * max(SAME_TIME_DAYS) + 1
        super().__init__(SAME_TIME_FEATURES, look_back, _log_closes, _same_time_features)


def _log(candles: Candles, column: str) -> FloatArray:
    # Contiguous: numpy's loop for other arrays may round otherwise.
    return np.asarray(np.log(np.ascontiguousarray(float64_column(candles, column))))


def _log_closes(candles: Candles) -> Columns:
    return {"close": _log(candles, "close")}


def _day_columns(candles: Candles) -> Columns:
    return {
        "minute": minutes_of_day(candles["date"]),
        **{name: _log(candles, name) for name in ("high", "low", "close")},
        "volume": np.minimum(float64_column(candles, "volume"), _MOST_VOLUME),
    }


def _day_features(columns: Columns) -> dict[str, FloatArray]:
    high, low, close = columns["high"], columns["low"], columns["close"]
    squares = _mean_squares(close - delayed(close, 1), RETURN_PERIODS)
    unit = np.maximum(np.sqrt(squares[max(RETURN_PERIODS)]), STILLNESS)
    longer = _mean_squares(close - delayed(close, LONG_CHANGE), RANGE_PERIODS)
    heights = _mean_squares(high - low, PARKINSON_PERIODS)
    highest, lowest = moving_highest(high, RANGE_PERIODS), moving_lowest(low, RANGE_PERIODS)
    sums = moving_sums(close, RANGE_PERIODS)
    found = [_half_log(squares[period]) for period in RETURN_PERIODS]
    found += [_half_log(longer[period]) for period in RANGE_PERIODS]
    found += [_half_log(heights[period] / _PARKINSON) for period in PARKINSON_PERIODS]
    found += [highest[period] - lowest[period] for period in RANGE_PERIODS]
    found += _log_volumes(columns["volume"])
    found += clock(columns["minute"]) + clock(2 * columns["minute"])
    found += [
        (close - delayed(close, period)) / (unit * np.sqrt(period)) for period in RETURN_PERIODS
    ]
    found += [_position(close, highest[period], lowest[period]) for period in RANGE_PERIODS]
    found += [
        (close - sums[period] / period) / (unit * np.sqrt(period)) for period in RANGE_PERIODS
    ]
    return dict(zip(DAY_FEATURES, found, strict=True))


def _mean_squares(changes: FloatArray, periods: tuple[int, ...]) -> dict[int, FloatArray]:
    sums = moving_sums(np.square(changes), periods)
    return {period: total / period for period, total in sums.items()}


def _half_log(mean_square: FloatArray) -> FloatArray:
    """(N,) logarithm of the root of a mean square, the root at least `STILLNESS`."""
    return np.asarray(0.5 * np.log(np.maximum(mean_square, STILLNESS**2)))


def _log_volumes(volume: FloatArray) -> list[FloatArray]:
    sums = moving_sums(volume, (*SUMMARY_VOLUME_PERIODS, VOLUME_REFERENCE))
    day = sums[VOLUME_REFERENCE] / VOLUME_REFERENCE
    found = []
    for period in SUMMARY_VOLUME_PERIODS:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.maximum(sums[period] / period / day, LOWEST_VOLUME)
        found.append(np.log(np.where(day == 0.0, 1.0, ratio)))
    return found


def _position(close: FloatArray, highest: FloatArray, lowest: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        position = (2.0 * close - highest - lowest) / (highest - lowest)
    # Some exchanges round a close beyond its own high or low.
    return np.where(highest == lowest, 0.0, np.clip(position, -1.0, 1.0))


def _same_time_features(columns: Columns) -> dict[str, FloatArray]:
    close = columns["close"]
    after = _mean_squares(close - delayed(close, 1), (SAME_TIME_AHEAD,))[SAME_TIME_AHEAD]
    total = np.zeros(len(close))
    found = []
    for day in range(1, max(SAME_TIME_DAYS) + 1):
        total = total + delayed(after, SAME_TIME_DAY * day - SAME_TIME_AHEAD)
        if day in SAME_TIME_DAYS:
            found.append(_half_log(total / day))
    return dict(zip(SAME_TIME_FEATURES, found, strict=True))
