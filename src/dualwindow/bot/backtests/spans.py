"""How far the candles of a pair on disk reach."""

from __future__ import annotations

from dataclasses import dataclass

from freqtrade.configuration import TimeRange


@dataclass(frozen=True)
class Span:
    """Candles of a pair on disk: the dates of the first and the last, seconds since 1970."""

    first: int
    last: int
    seconds: int

    def within(self, timerange: TimeRange, warm_up: int = 0) -> int:
        """How many candles of a time range there can be, `warm_up` of them before the first."""
        first = max(self.first + warm_up * self.seconds, int(timerange.startts))
        stop = min(self.last + self.seconds, int(timerange.stopts))
        return max(0, stop - first) // self.seconds

    def ends_before(self, stop: int) -> bool:
        """Whether a row before `stop`, in seconds since 1970, closes when a candle is missing."""
        return stop - (self.last + self.seconds) >= self.seconds
