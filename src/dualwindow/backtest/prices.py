"""Candles to trade on, with funding and with price steps as in freqtrade's backtest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import PRICES
from dualwindow.errors import DataError
from dualwindow.labels import decimal_places
from dualwindow.runtime.counts import counted

_PRICES = ("open", "high", "low", "close")
_RATE: Final = "funding_rate"
#: Half of a position, paid at once; exchanges cap rates at a few hundredths.
LARGEST_RATE: Final = 0.5


def tick_sizes(prices: NDArray[np.float64], seconds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Price steps: as many decimals as the price with the most has in the candle's month.

    freqtrade computes them so because an exchange reports only today's step. In a month of whole
    prices freqtrade asks the exchange; here the step is then 1.

    Args:
        prices: (N, K) prices of the candles (open, high, low, close), finite and above 0.
        seconds: (N,) dates of the candles in seconds since 1970.

    Returns:
        (N,) steps, 10 to the power of minus the decimals.
    """
    months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    _, month = np.unique(months, return_inverse=True)
    steps = np.empty(len(seconds))
    for index in range(month.max(initial=-1) + 1):
        rows = month == index
        # As text and back, so that a step is the number that freqtrade reads.
        steps[rows] = float(f"1e-{decimal_places(prices[rows].ravel()).max()}")
    return steps


def nearest_tick(price: float, tick: float) -> float:
    """The step nearest to a price, the upper one from halfway on; the price itself for tick 0."""
    return _on_step(price, tick, Decimal("0.5"))


def tick_at_or_above(price: float, tick: float) -> float:
    """The lowest step that is not below a price; the price itself for tick 0."""
    return _on_step(price, tick, Decimal(0))


def tick_at_or_below(price: float, tick: float) -> float:
    """The highest step that is not above a price; the price itself for tick 0."""
    return _on_step(price, tick, Decimal(1))


def _on_step(price: float, tick: float, up_from: Decimal) -> float:
    """Round a price between two steps, up from a share of the step on."""
    # From 2**53 steps on a float holds no single ones.
    if not tick or price / tick >= 2.0**53:
        return price
    exact, step = _exact(price), _step(tick)
    over = exact % step
    return float(exact - over + (step if over >= step * up_from else 0)) if over else price


def _exact(price: float) -> Decimal:
    """A price as it is written; the repr of a numpy number is no number."""
    return Decimal(repr(float(price)))


@lru_cache(maxsize=64)
def _step(tick: float) -> Decimal:
    return _exact(tick)


@dataclass(frozen=True)
class Funding:
    """Funding payments of a pair.

    Attributes:
        seconds: (M,) int64 times in seconds since 1970, ascending.
        per_unit: (M,) payment of a long of one coin (rate times mark price, in the stake
            currency); negative where it receives.
    """

    seconds: NDArray[np.int64]
    per_unit: NDArray[np.float64]

    @classmethod
    def from_frames(cls, rates: pd.DataFrame, marks: pd.DataFrame) -> Funding:
        """Join freqtrade's two files, as freqtrade does: only times in both count.

        Unknown and impossible values are left out, and of a time that is there twice the first of
        the others counts.

        Args:
            rates: `date` and `funding_rate`, named `open` in older files.
            marks: `date` and `open`, the mark price.
        """
        paid = _by_time(rates, marks=False) * _by_time(marks, marks=True)
        paid = paid.dropna().sort_index()
        return cls(paid.index.to_numpy(np.int64), paid.to_numpy(np.float64))

    def paid(self, entered: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.float64]:
        """(T,) payments of longs of one coin in the stake currency.

        From (T,) entries to (T,) exits in seconds since 1970, both included as in freqtrade's
        backtest; an exit is the open of its candle.
        """
        sums = np.concatenate([[0.0], np.cumsum(self.per_unit)])
        first = np.searchsorted(self.seconds, entered, "left")
        end = np.searchsorted(self.seconds, left, "right")
        return np.asarray(sums[end] - sums[first])


def impossible_funding(frame: pd.DataFrame, *, marks: bool) -> NDArray[np.bool_]:
    """(M,) rates beyond `LARGEST_RATE`, marks that are no prices; not unknown ones.

    One of them would spoil the sums of all payments after it.

    Args:
        frame: one of the files, see `Funding.from_frames`.
        marks: whether it has mark prices, and not rates.
    """
    values = _values(frame, marks=marks)
    low, high = PRICES if marks else (-LARGEST_RATE, LARGEST_RATE)
    return np.asarray(~((values >= low) & (values <= high)) & ~np.isnan(values))


def _by_time(frame: pd.DataFrame, *, marks: bool) -> pd.Series:
    values = _values(frame, marks=marks)
    values = np.where(impossible_funding(frame, marks=marks), np.nan, values)
    series = pd.Series(values, utc_seconds(frame["date"])).dropna()
    return series[~series.index.duplicated()]


def _values(frame: pd.DataFrame, *, marks: bool) -> NDArray[np.float64]:
    column = _RATE if _RATE in frame and not marks else "open"
    return np.asarray(frame[column].to_numpy(np.float64))


@dataclass(frozen=True)
class TradeCandles:
    """N consecutive candles without a gap, as freqtrade passes them on.

    Attributes:
        seconds: (N,) int64 dates in seconds since 1970.
        open: (N,) float64, within low and high.
        high: (N,) float64.
        low: (N,) float64.
        tick: (N,) float64 price steps, 0 where prices are not rounded.
        funding: payments of a future, None on spot.
    """

    seconds: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    tick: NDArray[np.float64]
    funding: Funding | None = None

    @classmethod
    def from_frame(
        cls, candles: pd.DataFrame, *, funding: Funding | None = None, rounded: bool = True
    ) -> TradeCandles:
        """Take them from a frame with freqtrade's candle columns.

        Args:
            candles: N rows in time order, missing minutes filled as freqtrade fills them.
            funding: of the pair.
            rounded: false leaves prices as they are, for exchanges without a step.

        Raises:
            DataError: when a price is missing, not finite or not above 0.
        """
        table = np.ascontiguousarray(candles[list(_PRICES)].to_numpy(np.float64).T)
        bad = ~(np.isfinite(table) & (table > 0.0)).all(axis=0)
        if bad.any():
            date = candles["date"].iloc[int(bad.argmax())]
            count = int(np.count_nonzero(bad))
            raise DataError(
                f"{counted(count, 'candle has', 'candles have')} no usable price, the first at "
                f"{date}; leave them out and fill the gap as freqtrade does (flat candles without "
                "volume)"
            )
        seconds = utc_seconds(candles["date"])
        tick = tick_sizes(table.T, seconds) if rounded else np.zeros(len(seconds))
        return cls(seconds, table[0], table[1], table[2], tick, funding)

    def __len__(self) -> int:
        return len(self.open)

    def at(self, rows: slice) -> TradeCandles:
        """Some of the candles, with all of the funding."""
        names = ("seconds", "open", "high", "low", "tick")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})
