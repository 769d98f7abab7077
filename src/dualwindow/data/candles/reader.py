"""Freqtrade's candle files, read batch by batch with the missing minutes filled in.

Exchanges have delivered candles that begin between two minutes, such as Binance from its outage of
2018-02-08 on. They are put where freqtrade puts them: into the minute in which they begin. Missing
candles are filled as freqtrade fills them when it loads a pair: without volume, at the
last close. So the features of a file are those of the bot, and what is an outage is decided where
it always is, in `dualwindow.data.features.windows`. As in freqtrade a date range is cut out before
anything is filled in: what lies outside it might as well not be in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.feather import WAY_OUT, CandleBatch, TableFile, inside_timerange
from dualwindow.data.candles.table_files import table_file
from dualwindow.data.candles.timerange import DAY_SECONDS, EVERYTHING, DateRange, utc_text
from dualwindow.errors import DataError

#: How candles of one date become one (freqtrade's `get_candle_agg_dict`).
_TOGETHER: Final = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


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
        first = min(first for first, _ in ends)
        self.first = first - int(off_grid(np.array([first]), candle_seconds)[0])
        self._rows = (last - self.first) // candle_seconds + 1

    def __len__(self) -> int:
        """Candles from the first to the last, those that are filled in counted."""
        return self._rows

    def raw_batches(self) -> Iterator[CandleBatch]:
        """Yield the candles as they lie on disk, nothing checked or filled in."""
        yield from (batch for batch, _ in self._found())

    def batches(self, rows_at_a_time: Callable[[], int]) -> Iterator[CandleBatch]:
        """Yield the candles in time order, the missing ones filled in.

        Args:
            rows_at_a_time: asked before every batch for the most rows that it may have.

        Raises:
            DataError: when candles are doubled or out of order, or a file is damaged.
        """
        # The newest candle, to which a later one may still belong.
        held: CandleBatch | None = None
        found = self._found()
        following = next(found, None)
        while following is not None:
            batch, path = following
            following = next(found, None)
            if held is not None:
                batch = held.followed_by(batch)
            self._require_order(batch.seconds, path)
            batch = _without_nan(_on_grid(batch, self._candle_seconds))
            yield from self._filled(batch, rows_at_a_time, holding=following is not None)
            held = batch.rows(len(batch) - 1, len(batch)).copy()

    def _found(self) -> Iterator[tuple[CandleBatch, Path]]:
        """Yield the candles as they lie on disk with the file that they lie in; no empty batch."""
        for part in self._parts:
            for raw in part.file.candles(part.numbers):
                batch = raw.within(self._read)
                if len(batch):
                    yield batch, part.file.path

    def _filled(
        self,
        batch: CandleBatch,
        rows_at_a_time: Callable[[], int],
        *,
        holding: bool,
    ) -> Iterator[CandleBatch]:
        """Yield the candles and those missing between them; not the last one where it is held."""
        places = (batch.seconds - batch.seconds[0]) // self._candle_seconds
        start, stop = 0, int(places[-1]) + (not holding)
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

    @staticmethod
    def _require_order(seconds: NDArray[np.int64], path: Path) -> None:
        bad = np.flatnonzero(np.diff(seconds) <= 0)
        if len(bad):
            at = np.datetime64(int(seconds[bad[0] + 1]), "s")
            raise DataError(f"{path}: the candle of {at} is doubled or out of order; {WAY_OUT}")


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


def off_grid(seconds: NDArray[np.int64], candle_seconds: int) -> NDArray[np.int64]:
    """(N,) seconds from the beginning of the candle in which each date lies.

    Candles that do not fill a day, such as weeks, have no grid of their own: zeros.
    """
    return seconds % candle_seconds if DAY_SECONDS % candle_seconds == 0 else 0 * seconds


def _on_grid(batch: CandleBatch, candle_seconds: int) -> CandleBatch:
    """Candles with the dates of the grid; those of one date as one, as freqtrade's loading does."""
    late = off_grid(batch.seconds, candle_seconds)
    if not late.any():
        return batch
    frame = pd.DataFrame(batch.columns).groupby(batch.seconds - late).agg(_TOGETHER)
    columns = {name: frame[name].to_numpy(np.float64) for name in batch.columns}
    return CandleBatch(frame.index.to_numpy(np.int64), columns)


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
