"""Counts what is odd in a pair's candles, batch by batch, and refuses none of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualwindow.data.candles.feather import CandleBatch, inside_timerange
from dualwindow.data.candles.impossible import HUGE_MOVE, LARGEST_VOLUME, PRICES
from dualwindow.data.candles.price_steps import StepSearch
from dualwindow.data.candles.reader import off_grid
from dualwindow.data.candles.timerange import DateRange

_PRICES = ("open", "high", "low", "close")


@dataclass
class Seen:
    """How many candles are of a kind, and the date of the first one."""

    count: int = 0
    first: int | None = None

    def add(self, of_this_kind: NDArray[np.bool_], seconds: NDArray[np.int64]) -> None:
        """Count the next candles."""
        found = np.flatnonzero(of_this_kind)
        self.count += len(found)
        if self.first is None and len(found):
            self.first = int(seconds[found[0]])


@dataclass
class Stretches:
    """Stretches of candles: how many, how long together, and the longest with its first date."""

    count: int = 0
    candles: int = 0
    longest: int = 0
    longest_first: int | None = None

    def add(self, lengths: NDArray[np.int64], firsts: NDArray[np.int64], above: int = 0) -> None:
        """Count the next stretches; of those not longer than `above` only the longest matters."""
        if not len(lengths):
            return
        at = int(lengths.argmax())
        if lengths[at] > self.longest:
            self.longest, self.longest_first = int(lengths[at]), int(firsts[at])
        self.count += int(np.count_nonzero(lengths > above))
        self.candles += int(lengths[lengths > above].sum())


class CandleFacts:
    """Counts over a pair's candles, fed batch by batch.

    "Fresh" candles are newer than every one before them; the others are doubled or out of order.

    Args:
        timerange: what is trained on; candles before it are its buffer.
        max_flat_candles: a longer stretch without trades is an outage.

    Attributes:
        present: fresh candles of the date range.
        first_read: date of the first candle, that of the buffer included.
        first: date of the first candle of the date range.
        newest: date of the newest candle.
        doubled: candles with the date of the newest before them.
        unordered: candles older than one before them.
        off_grid: fresh candles that begin within one of the timeframe.
        unknown: candles with a value that is NaN.
        impossible: prices or volumes that no market has, see `impossible`, or high below low.
        outside: open or close not between low and high.
        silent: candles without volume, or with an unknown one.
        sprung: candles with a price three times the close before them, a third, or beyond.
        farthest: the largest factor between such a price and that close.
        steps: price steps of the date range.
        gaps: candles that are missing between two.
        outages: candles without trades and price changes, missing ones included; counted when
            longer than `max_flat_candles`.
    """

    def __init__(self, timerange: DateRange, candle_seconds: int, max_flat_candles: int) -> None:
        self._timerange = timerange
        self._step = candle_seconds
        self._max_flat = max_flat_candles
        self.rows = self.present = 0
        self.first_read: int | None = None
        self.first: int | None = None
        self.newest: int | None = None
        self.doubled, self.unordered, self.off_grid = Seen(), Seen(), Seen()
        self.unknown, self.impossible, self.outside, self.silent = Seen(), Seen(), Seen(), Seen()
        self.gaps, self.outages = Stretches(), Stretches()
        self.sprung, self.farthest, self.steps = Seen(), 1.0, StepSearch()
        # The last close that is a price.
        self._close: float | None = None
        # The newest candle that was traded.
        self._traded: int | None = None

    @classmethod
    def from_batches(
        cls,
        batches: Iterable[CandleBatch],
        timerange: DateRange,
        candle_seconds: int,
        max_flat_candles: int,
    ) -> CandleFacts:
        """Count in all batches."""
        facts = cls(timerange, candle_seconds, max_flat_candles)
        for batch in batches:
            if len(batch):
                facts._add(batch)
        facts._end()
        return facts

    def _add(self, batch: CandleBatch) -> None:
        seconds = batch.seconds
        self.rows += len(batch)
        if self.newest is None or self.first_read is None:
            self.first_read = int(seconds[0])
            self.newest = self._traded = int(seconds[0]) - self._step
        before = np.maximum.accumulate(np.concatenate([[self.newest], seconds[:-1]]))
        fresh = seconds > before
        self.doubled.add(seconds == before, seconds)
        self.unordered.add(seconds < before, seconds)
        self._add_values(batch)
        self._add_moves(batch)
        idle = batch.flat | np.isnan(batch["close"])
        self._add_times(seconds[fresh], before[fresh], ~idle[fresh])

    def _add_values(self, batch: CandleBatch) -> None:
        volume, high, low = batch["volume"], batch["high"], batch["low"]
        unknown = np.isnan(volume)
        impossible = (volume > LARGEST_VOLUME) | (volume < 0.0) | (high < low)
        outside = np.zeros(len(batch), dtype=np.bool_)
        for name in _PRICES:
            price = batch[name]
            unknown |= np.isnan(price)
            impossible |= (price > PRICES[1]) | (price < PRICES[0])
            outside |= (price > high) | (price < low)
        self.unknown.add(unknown, batch.seconds)
        self.impossible.add(impossible, batch.seconds)
        self.outside.add(outside & ~impossible, batch.seconds)
        # An unknown volume is filled with 0.
        self.silent.add((volume == 0.0) | np.isnan(volume), batch.seconds)

    def _add_moves(self, batch: CandleBatch) -> None:
        """Count moves from candle to candle, of those whose prices are prices."""
        inside = inside_timerange(batch.seconds, self._timerange)
        self.steps.add(batch["close"][inside], batch.seconds[inside])
        prices = np.array([batch[name] for name in _PRICES])
        rows = np.flatnonzero((np.isfinite(prices) & (prices > 0.0)).all(axis=0))
        if not len(rows):
            return
        close = batch["close"][rows]
        before = np.concatenate([close[:1] if self._close is None else [self._close], close[:-1]])
        with np.errstate(over="ignore"):
            factors = np.maximum(batch["high"][rows] / before, before / batch["low"][rows])
        self.sprung.add(factors >= HUGE_MOVE, batch.seconds[rows])
        self.farthest = max(self.farthest, float(factors.max()))
        self._close = float(close[-1])

    def _add_times(
        self,
        fresh: NDArray[np.int64],
        before: NDArray[np.int64],
        traded: NDArray[np.bool_],
    ) -> None:
        """Count fresh candles: the newest date before each, and whether it was traded."""
        if not len(fresh):
            return
        self.off_grid.add(off_grid(fresh, self._step) != 0, fresh)
        self.gaps.add((fresh - before) // self._step - 1, before + self._step)
        at = fresh[traded]
        since = np.concatenate([[self._traded], at])
        self.outages.add(np.diff(since) // self._step - 1, since[:-1] + self._step, self._max_flat)
        inside = fresh[inside_timerange(fresh, self._timerange)]
        if self.first is None and len(inside):
            self.first = int(inside[0])
        self.present += len(inside)
        self.newest, self._traded = int(fresh[-1]), int(since[-1])

    def _end(self) -> None:
        self.steps.end()
        if self.newest is not None and self._traded is not None:
            idle = np.array([(self.newest - self._traded) // self._step])
            self.outages.add(idle, np.array([self._traded + self._step]), self._max_flat)
