"""Funding of a future from freqtrade's files beside its candles, and what is wrong with them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.backtest.missing_funding import missing_payments, missing_text
from dualwindow.backtest.prices import Funding, TradeCandles, impossible_funding
from dualwindow.data.candles.feather import WAY_OUT
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import PRICES
from dualwindow.data.candles.pairs import stem_of
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.table_files import SUFFIXES, table_file
from dualwindow.errors import DataError
from dualwindow.runtime.counts import counted

logger = logging.getLogger(__name__)

#: freqtrade keeps funding rates and mark prices under this timeframe; older versions used 8h.
FUNDING_TIMEFRAMES: Final = ("1h", "8h")
RATES: Final = "funding_rate"
MARKS: Final = "mark"
_COLUMNS: Final = {RATES: "funding_rate", MARKS: "open"}
#: A mark price that differs by this factor from the pair's own candle is not of this market.
OTHER_MARKET: Final = 2.0
#: By this factor not even in a crash.
NEVER_MARKED: Final = 10.0


def read_funding(
    source: CandleSource, candles: TradeCandles | None = None, *, warns: bool = True
) -> Funding | None:
    """Funding of a future from all of its files, the candles' format and 1h before others.

    One warning names what is wrong with files and the days without payments, unless all payments
    of the period are there.

    Args:
        source: the pair's candle files, beside which those of the funding lie.
        candles: of the period; without them that of the source counts.
        warns: false leaves the days without payments out of the warning.

    Returns:
        None where a kind of file is missing, or none can be read.
    """
    known: dict[str, list[pd.DataFrame]] = {RATES: [], MARKS: []}
    period = _period(source, candles)
    problems, funding, missing = [], None, np.empty(0, np.int64)
    for path, kind in _files(source):
        try:
            frame, problem = _looked_at(path, kind, candles)
        except DataError as error:
            problems.append(str(error))
            continue
        problems += [problem] if problem else []
        known[kind] += [frame] if len(frame) else []
        if all(known.values()):
            rates, marks = (pd.concat(frames) for frames in known.values())
            funding = Funding.from_frames(rates, marks)
            if period:
                missing = missing_payments(utc_seconds(rates["date"]), funding.seconds, *period)
                if not len(missing):
                    return funding
    if warns and len(missing):
        problems.append(missing_text(missing, source.path.parent))
    if funding is None:
        problems.append(_nothing(source, known))
    if problems:
        text = "; ".join(problems)
        logger.warning("%s: %s; figures after fees are without them", source.pair, text)
    return funding


def _looked_at(path: Path, kind: str, candles: TradeCandles | None) -> tuple[pd.DataFrame, str]:
    """The rows of a file, marks of another market left out, and what is wrong with it."""
    frame = read_frame(path)
    if not len(frame):
        return frame, f"{path} holds no row"
    problem = wrong_funding(path, frame)
    if candles is None or kind != MARKS:
        return frame, problem
    beside = Beside.candles(frame, candles.seconds, candles.open)
    return frame[~beside.off], problem or beside.problem(path)


def _nothing(source: CandleSource, known: Mapping[str, list[pd.DataFrame]]) -> str:
    lacking = " and ".join(
        name for kind, name in ((RATES, "funding rates"), (MARKS, "mark prices")) if not known[kind]
    )
    return (
        f"there are no {lacking} that can be read beside {source.path}; `freqtrade download-data` "
        "brings them for futures"
    )


def _files(source: CandleSource) -> Iterator[tuple[Path, str]]:
    """The files of funding that there are, with their kind, those to be preferred first."""
    stem = source.path.parent / stem_of(source.pair)
    suffixes = sorted(SUFFIXES.values(), key=lambda suffix: not source.path.name.endswith(suffix))
    for timeframe in FUNDING_TIMEFRAMES:
        for suffix in suffixes:
            for kind in (RATES, MARKS):
                path = Path(f"{stem}-{timeframe}-{kind}{suffix}")
                if path.is_file():
                    yield path, kind


def _period(source: CandleSource, candles: TradeCandles | None) -> tuple[int, int] | None:
    """Dates of the first and the last candle; None where they are not known."""
    if candles is not None:
        return int(candles.seconds[0]), int(candles.seconds[-1])
    try:
        ends = [end for path in source.paths if (end := table_file(path).ends()) is not None]
    except DataError:
        return None
    if not ends:
        return None
    first, last = min(first for first, _ in ends), max(last for _, last in ends)
    asked = source.timerange
    first = first if asked.first is None else max(first, asked.first)
    return first, (last if asked.stop is None else min(last, asked.stop - 1))


def read_frame(path: Path) -> pd.DataFrame:
    """Dates and rates, or dates and opens, of a file; rows without a date are left out.

    Older files have rates as opens, too; of json files, which have no names of columns, the number
    of columns tells.

    Raises:
        DataError: when the file is damaged, or holds neither.
    """
    kind = RATES if _kind_of(path) == RATES else MARKS
    frame, column = _raw_frame(path), _COLUMNS[kind]
    try:
        if not len(frame):
            frame = pd.DataFrame({"date": pd.to_datetime([]), column: np.empty(0)})
        name = column if column in frame else "open"
        found = pd.DataFrame(
            {
                "date": pd.to_datetime(frame["date"], utc=True),
                column: frame[name].to_numpy(np.float64),
            }
        )
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise DataError(f"{path} holds no numbers ({error}); {WAY_OUT}") from error
    return found[found["date"].notna()].reset_index(drop=True)


def _kind_of(path: Path) -> str:
    return path.name[: path.name.index(".")].rpartition("-")[2]


def _raw_frame(path: Path) -> pd.DataFrame:
    """Rates by their own name, else opens: of marks, and of rates as freqtrade once wrote them.

    Files without names of columns are told apart by their number.

    Raises:
        DataError: when the file is damaged, or holds neither.
    """
    for columns in (("date", "funding_rate"), ("date", "open")):
        try:
            return table_file(path, columns).frame()
        except DataError:
            continue
    return table_file(path).frame()


def wrong_funding(path: Path, frame: pd.DataFrame) -> str:
    """The sentence about impossible values in a file of rates or marks; empty where there are none.

    Raises:
        DataError: when they are no numbers.
    """
    try:
        rows = np.flatnonzero(impossible_funding(frame, marks=_kind_of(path) == MARKS))
    except (ValueError, TypeError, LookupError) as error:
        raise DataError(f"{path} holds no numbers ({error}); {WAY_OUT}") from error
    if not len(rows):
        return ""
    first = frame.iloc[int(rows[0])]
    values = ", ".join(f"{name} {first[name]:.6g}" for name in frame if name != "date")
    return (
        f"{path} has impossible rates or marks: {counted(len(rows), 'row')}, the first of "
        f"{first['date']} ({values}); {WAY_OUT}"
    )


@dataclass(frozen=True)
class Beside:
    """Mark prices beside the pair's own candles of the same dates.

    Attributes:
        marks: `date` and `open`, M rows.
        opens: (M,) of the candles; NaN where there is none, or its price is impossible.
    """

    marks: pd.DataFrame
    opens: NDArray[np.float64]

    @classmethod
    def candles(
        cls, marks: pd.DataFrame, seconds: NDArray[np.int64], opens: NDArray[np.float64]
    ) -> Beside:
        """Put marks beside (N,) candles: dates in seconds since 1970, ascending, and opens."""
        own = np.full(len(marks), np.nan)
        if len(seconds):
            dates = utc_seconds(marks["date"])
            places = np.minimum(seconds.searchsorted(dates), len(seconds) - 1)
            low, high = PRICES
            known = (seconds[places] == dates) & (opens[places] >= low) & (opens[places] <= high)
            own[known] = opens[places[known]]
        return cls(marks, own)

    @cached_property
    def _factors(self) -> NDArray[np.float64]:
        """(M,) from 1 on, 1 where there is nothing to compare."""
        prices = self.marks["open"].to_numpy(np.float64)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            factors = np.maximum(prices / self.opens, self.opens / prices)
        return np.where(np.isnan(factors), 1.0, factors)

    @property
    def off(self) -> NDArray[np.bool_]:
        """(M,) marks that are further away than marks of this market would be."""
        return np.asarray(self._factors > OTHER_MARKET)

    @property
    def is_other_market(self) -> bool:
        """Whether they are too many, or too far away, to be of this market at all.

        Marks smooth what trades do: in a crash of a thin market a few may lie far from its candles.
        """
        compared = np.count_nonzero(~np.isnan(self.opens))
        return bool((self._factors > NEVER_MARKED).any()) or 2 * self.off.sum() > compared

    def problem(self, path: Path) -> str:
        """The sentence about marks of a file that are off; empty where there are none."""
        rows = np.flatnonzero(self.off)
        if not len(rows):
            return ""
        first = self.marks.iloc[int(rows[0])]
        return (
            f"{path} has {len(rows):,} of {len(self.marks):,} mark prices more than "
            f"{OTHER_MARKET:g} times above or below the pair's own candles, the first of "
            f"{first['date']} ({first['open']:.6g} beside {self.opens[rows[0]]:.6g}): they are of "
            f"another market or another scale; {WAY_OUT}"
        )
