"""The candles of a pair as a bot or backtest saw them, and which of them breaks a window.

`data/features/windows.py:valid_windows` decides whether a window is valid; this finds the candle
that is to blame, for one row at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.backtest.price_files import read_candle_frame
from dualwindow.bot.why.facts import MarketFacts, OtherGap
from dualwindow.columns import FeatureSet, candles_looked_at
from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.candles.impossible import KnownCandles, impossible_candles
from dualwindow.data.candles.reader import CandleFile
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.features.other_candles import OtherCandles


@dataclass(frozen=True)
class WindowNeeds:
    """Needs of a window.

    Attributes:
        window_size: candles.
        max_flat_candles: longest run without trades.
        candle_seconds: between two candles.
        periods: of the averages (candles).
        feature_set: of the features.
    """

    window_size: int
    max_flat_candles: int
    candle_seconds: int
    periods: tuple[int, ...]
    feature_set: FeatureSet

    @property
    def before(self) -> int:
        """Candles before a row that its features look at."""
        return max((*self.periods, candles_looked_at(self.feature_set))) - 1


@dataclass(frozen=True)
class RawCandles:
    """Candles of a pair and timeframe as freqtrade fills them.

    Attributes:
        frame: date, prices and volume.
        seconds: (N,) dates, seconds since 1970.
        missing: (N,) true where the file lacks the candle.
    """

    frame: pd.DataFrame
    seconds: NDArray[np.int64]
    missing: NDArray[np.bool_]

    @classmethod
    def read(cls, source: CandleSource, candle_seconds: int) -> RawCandles:
        """Read the files of a pair.

        Raises:
            DataError: when they are missing or damaged.
        """
        frame = read_candle_frame(source, candle_seconds)
        seconds = utc_seconds(frame["date"])
        file = CandleFile(source.paths, candle_seconds, source.timerange)
        there = [batch.seconds for batch in file.raw_batches()]
        return cls(frame, seconds, ~np.isin(seconds, np.concatenate(there)))


@dataclass(frozen=True)
class OtherSeries:
    """Candles of another pair or timeframe, beside how they count.

    Attributes:
        name: pair and timeframe.
        is_pair: whether the pair is another.
        candles: as they are joined to the rows.
        raw: as the file holds them; None without a file.
    """

    name: str
    is_pair: bool
    candles: OtherCandles | None
    raw: RawCandles | None

    def reason(self, second: int, needs: WindowNeeds) -> str:
        """Words on what is wrong with the candle that a row needs."""
        if self.raw is None or self.candles is None:
            return "has no candle file"
        closed = second + needs.candle_seconds
        begin = closed - closed % self.candles.candle_seconds - self.candles.candle_seconds
        row = int(np.searchsorted(self.raw.seconds, begin))
        if row >= len(self.raw.seconds) or self.raw.seconds[row] != begin:
            return "has no candle"
        if self.raw.missing[row]:
            return "has a hole"
        return "has an impossible candle, an outage, or a candle right after one"


class PairMarket:
    """One pair's candles, to be asked about row by row.

    Args:
        raw: its own; None where there is no file.
        needs: of a window.
        others: correlated pairs and other timeframes that the features come from.
    """

    def __init__(
        self, raw: RawCandles | None, needs: WindowNeeds, others: Sequence[OtherSeries] = ()
    ) -> None:
        self.raw = raw
        self._needs = needs
        self._others = tuple(others)
        if raw is None:
            return
        self._impossible = impossible_candles(raw.frame)
        _, self._unknown = KnownCandles().update(raw.frame)
        self._flat = flat_candles(raw.frame)
        self._other_rows = [
            np.ones(len(raw.seconds), np.bool_)
            if other.candles is None
            else other.candles.unknown_rows(raw.seconds)
            for other in self._others
        ]

    def at(self, second: int, loaded_from: int | None = None) -> MarketFacts:
        """The candle of a date, and its window.

        `loaded_from` is the date of the first candle that the features were made of; None takes
        the first of the file.
        """
        if self.raw is None:
            return MarketFacts(known=False)
        seconds = self.raw.seconds
        covered = int(seconds[0]), int(seconds[-1])
        row = int(np.searchsorted(seconds, second))
        if row >= len(seconds) or seconds[row] != second:
            return MarketFacts(covered=covered, missing=True)
        facts = MarketFacts(
            covered=covered,
            missing=bool(self.raw.missing[row]),
            impossible=self._values(row) if self._impossible[row] else "",
        )
        begin = 0 if loaded_from is None else int(np.searchsorted(seconds, loaded_from))
        first = max(row - self._needs.window_size + 1, begin)
        outage, missing = self._outage(first, row)
        return replace(
            facts,
            broken_by=self._broken_by(first, row),
            loaded_from=int(seconds[min(begin, len(seconds) - 1)]),
            warm_up=self._warm_up(row, begin),
            other=self._other_gap(first, row),
            outage=outage,
            outage_missing=missing,
        )

    def lacks(self, name: str, second: int) -> bool:
        """Whether the file of a pair and timeframe goes beyond a date, and lacks its candle."""
        series = {other.name: other.raw for other in self._others}
        raw = series.get(name, self.raw)
        if raw is None or not raw.seconds[0] <= second <= raw.seconds[-1]:
            return False
        return bool(raw.missing[int(np.searchsorted(raw.seconds, second))])

    def _values(self, row: int) -> str:
        candle = self.raw.frame.iloc[row]  # type: ignore[union-attr]
        return ", ".join(
            f"{name} {candle[name]:.10g}" for name in ("open", "high", "low", "close", "volume")
        )

    def _broken_by(self, first: int, row: int) -> tuple[int, str] | None:
        """The first impossible candle that the rows of a window reach: a change looks one back."""
        rows = np.flatnonzero(self._unknown[first : row + 1])
        if not len(rows) or self.raw is None:
            return None
        at = first + int(rows[0])
        at -= not self._impossible[at]
        return int(self.raw.seconds[at]), f"no market can have made {self._values(at)}"

    def _outage(self, first: int, row: int) -> tuple[tuple[int, int] | None, int]:
        """The first run of flat candles in the rows that is too long, and how many are missing."""
        flat, raw = self._flat[first : row + 1], self.raw
        if raw is None or np.count_nonzero(flat) <= self._needs.max_flat_candles:
            return None, 0
        edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(np.int8)))
        for begin, stop in edges.reshape(-1, 2).tolist():
            if stop - begin > self._needs.max_flat_candles:
                run = slice(first + begin, first + stop)
                ends = int(raw.seconds[run][0]), int(raw.seconds[run][-1])
                return ends, int(np.count_nonzero(raw.missing[run]))
        return None, 0

    def _warm_up(self, row: int, begin: int) -> tuple[int, int] | None:
        needed = self._needs.window_size + self._needs.before
        there = row - begin + 1
        return None if there >= needed else (needed, max(there, 0))

    def _other_gap(self, first: int, row: int) -> OtherGap | None:
        raw = self.raw
        for other, unknown in zip(self._others, self._other_rows, strict=True):
            rows = np.flatnonzero(unknown[first : row + 1])
            if raw is not None and len(rows):
                second = int(raw.seconds[first + int(rows[0])])
                reason = other.reason(second, self._needs)
                covered = other.raw is not None and second <= other.raw.seconds[-1]
                return OtherGap(other.name, other.is_pair, second, reason, bool(covered))
        return None
