"""Freqtrade's candle files, read batch by batch with the missing minutes filled in.

Missing candles are filled as freqtrade fills them when it loads a pair: without volume, at the
last close. So the features of a file are those of the bot, and what is an outage is decided where
it always is, in `dualwindow.data.features.windows`. As in freqtrade a date range is cut out before
anything is filled in: what lies outside it might as well not be in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualwindow.data.candles.feather import WAY_OUT, CandleBatch, TableFile, inside_timerange
from dualwindow.data.candles.table_files import table_file
from dualwindow.data.candles.timerange import EVERYTHING, DateRange, utc_text
from dualwindow.errors import DataError


class CandleFile:
    """One pair's candles as freqtrade writes them: one candle file, or several in time order.

    Args:
        paths: of the file, or of several of which each continues the one before.
        timerange: candles after it are not read.
        buffer_seconds: read before the date range.

    Attributes:
        first: date of the first candle that is read, seconds since 1970.

    Raises:
        DataError: when a file is missing, damaged or lacks a column, or no candle is in range.
    """

    def __init__(
        self,
        paths: Path | Sequence[Path],
        candle_seconds: int = 60,
        timerange: DateRange = EVERYTHING,
        buffer_seconds: int = 0,
    ) -> None:
        self.paths = (paths,) if isinstance(paths, Path) else tuple(paths)
        self._candle_seconds = candle_seconds
        self._read = timerange.begun_earlier(buffer_seconds)
        self._parts = [_part_of(table_file(path), self._read) for path in self.paths]
        ends = [part.ends for part in self._parts if part.ends is not None]
        last = max((last for _, last in ends), default=0)
        if not ends or last not in timerange:
            raise DataError(_no_candle(self.paths, timerange))
        self.first = min(first for first, _ in ends)
        self._rows = (last - self.first) // candle_seconds + 1

    def __len__(self) -> int:
        """Candles from the first to the last, those that are filled in counted."""
        return self._rows

    def raw_batches(self) -> Iterator[CandleBatch]:
        """Yield the candles as they lie on disk, nothing checked or filled in."""
        for part in self._parts:
            yield from (batch.within(self._read) for batch in part.file.candles(part.numbers))

    def batches(self, rows_at_a_time: Callable[[], int]) -> Iterator[CandleBatch]:
        """Yield the candles in time order, the missing ones filled in.

        Args:
            rows_at_a_time: asked before every batch for the most rows that it may have.

        Raises:
            DataError: when candles are doubled, out of order, off the timeframe's grid, or a
                file is damaged.
        """
        last: CandleBatch | None = None
        for part in self._parts:
            for raw in part.file.candles(part.numbers):
                batch = raw.within(self._read)
                if last is not None:
                    batch = last.followed_by(batch)
                batch = _without_nan(batch)
                if not len(batch):
                    continue
                places = self._places(batch.seconds, part.file.path)
                yield from self._filled(batch, places, rows_at_a_time, int(last is not None))
                last = batch.rows(len(batch) - 1, len(batch)).copy()

    def _filled(
        self,
        batch: CandleBatch,
        places: NDArray[np.int64],
        rows_at_a_time: Callable[[], int],
        start: int,
    ) -> Iterator[CandleBatch]:
        """Yield the candles from the place `start` on, with those missing between them."""
        stop = int(places[-1]) + 1
        while start < stop:
            rows = np.arange(start, min(start + rows_at_a_time(), stop))
            source = np.searchsorted(places, rows, side="right") - 1
            filled = places[source] != rows
            columns = {name: values[source] for name, values in batch.columns.items()}
            for name in ("open", "high", "low"):
                columns[name][filled] = columns["close"][filled]
            columns["volume"][filled] = 0.0
            yield CandleBatch(batch.seconds[0] + rows * self._candle_seconds, columns)
            start += len(rows)

    def _places(self, seconds: NDArray[np.int64], path: Path) -> NDArray[np.int64]:
        """(N,) distance of every candle from the first, in candles; checked to be in order."""
        steps = np.diff(seconds)
        bad = np.flatnonzero((steps <= 0) | (steps % self._candle_seconds != 0))
        if len(bad):
            at = np.datetime64(int(seconds[bad[0] + 1]), "s")
            raise DataError(
                f"{path}: the candle of {at} is doubled, out of order or not "
                f"{self._candle_seconds} seconds after another; {WAY_OUT}"
            )
        return np.asarray((seconds - seconds[0]) // self._candle_seconds)


@dataclass(frozen=True)
class _Part:
    """Share of a file in a date range: the numbers of its batches, first and last date."""

    file: TableFile
    numbers: list[int]
    ends: tuple[int, int] | None


def _part_of(file: TableFile, timerange: DateRange) -> _Part:
    if timerange == EVERYTHING:
        return _Part(file, list(range(file.batches)), file.ends())
    numbers, first, last = [], [], []
    # Dates alone: years of older history cost milliseconds.
    for number, dates in enumerate(file.dates()):
        inside = dates[inside_timerange(dates, timerange)]
        if len(inside):
            numbers.append(number)
            first.append(int(inside.min()))
            last.append(int(inside.max()))
    return _Part(file, numbers, (min(first), max(last)) if numbers else None)


def _no_candle(paths: Sequence[Path], timerange: DateRange) -> str:
    named = ", ".join(map(str, paths))
    if timerange == EVERYTHING:
        return f"{named} holds no candle; {WAY_OUT}"
    ends = [end for end in (table_file(path).ends() for path in paths) if end is not None]
    there = (
        f"its candles go from {utc_text(min(first for first, _ in ends))} to "
        f"{utc_text(max(last for _, last in ends))}"
        if ends
        else "it holds no candle at all"
    )
    return f"{named} holds no candle of {timerange}: {there}; choose other dates, or {WAY_OUT}"


def _without_nan(batch: CandleBatch) -> CandleBatch:
    """Fill unknown values as freqtrade's `ohlcv_fill_up_missing_data` does while it fills gaps."""
    if not any(np.isnan(values).any() for values in batch.columns.values()):
        return batch
    known = ~np.isnan(batch["close"])
    close = batch["close"][np.maximum.accumulate(np.where(known, np.arange(len(batch)), 0))]
    columns = {
        name: np.where(np.isnan(values), close, values) for name, values in batch.columns.items()
    }
    columns["volume"] = np.nan_to_num(batch["volume"], nan=0.0, posinf=np.inf, neginf=-np.inf)
    return CandleBatch(batch.seconds, columns)
