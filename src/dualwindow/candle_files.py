"""Freqtrade's candle files, read batch by batch with the missing minutes filled in.

A feather file is an Arrow IPC file whose batches hold 65,536 candles; one of them is in memory at
a time. Missing candles are filled as freqtrade fills them when it loads a pair: without volume, at
the last close. So the features of a file are those of the bot, and what is an outage is decided
where it always is, in `dualwindow.windows`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dualwindow.columns import CANDLE_COLUMNS
from dualwindow.errors import DataError

_WAY_OUT: Final = "download the pair again"


@dataclass(frozen=True)
class CandleBatch:
    """Consecutive candles of one pair.

    Attributes:
        seconds: (N,) int64 dates, seconds since 1970.
        columns: open, high, low, close and volume, (N,) float64 each.
    """

    seconds: NDArray[np.int64]
    columns: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.seconds)

    def __getitem__(self, column: str, /) -> NDArray[np.float64]:
        return self.columns[column]

    def rows(self, first: int, stop: int) -> CandleBatch:
        """Some of the candles, as views."""
        part = {name: values[first:stop] for name, values in self.columns.items()}
        return CandleBatch(self.seconds[first:stop], part)

    def followed_by(self, other: CandleBatch) -> CandleBatch:
        """These candles and then the others, copied."""
        both = {
            name: np.concatenate([values, other.columns[name]])
            for name, values in self.columns.items()
        }
        return CandleBatch(np.concatenate([self.seconds, other.seconds]), both)

    def copy(self) -> CandleBatch:
        """The candles in memory of their own, so that those they are a view of can be freed."""
        return CandleBatch(
            self.seconds.copy(), {name: values.copy() for name, values in self.columns.items()}
        )

    @property
    def flat(self) -> NDArray[np.bool_]:
        """(N,) true where a candle has no volume and one price; see `windows.flat_candles`."""
        flat = self["volume"] == 0.0
        for column in ("open", "high", "low"):
            flat &= self[column] == self["close"]
        return np.asarray(flat)


class CandleFile:
    """One pair's feather file as freqtrade writes it.

    Args:
        path: of the file.
        candle_seconds: seconds between two candles.

    Raises:
        DataError: when the file is missing, damaged, without candles, or lacks a column.
    """

    def __init__(self, path: Path, candle_seconds: int = 60) -> None:
        self.path = path
        self._candle_seconds = candle_seconds
        with self._reading(("date",)) as reader:
            self._batches = reader.num_record_batches
            ends = [reader.get_batch(at) for at in {0, self._batches - 1} if self._batches]
        dates = np.concatenate([np.empty(0, np.int64), *(self._seconds(end) for end in ends)])
        if not len(dates):
            raise DataError(f"{path} holds no candle; {_WAY_OUT}")
        self._first = int(dates.min())
        self._rows = int(dates.max() - self._first) // candle_seconds + 1

    def __len__(self) -> int:
        """Candles from the first to the last, those that are filled in counted."""
        return self._rows

    @contextmanager
    def _reading(self, columns: Sequence[str]) -> Iterator[pa.RecordBatchFileReader]:
        """Open the file for reading some columns; whatever fails names the file."""
        try:
            # Read, not mapped: a file that a download cuts short would end the process otherwise.
            with pa.OSFile(str(self.path), "rb") as source:
                names = pa.ipc.open_file(source).schema.names
                missing = [name for name in CANDLE_COLUMNS if name not in names]
                if missing:
                    raise DataError(f"{self.path} has no column {', '.join(missing)}; {_WAY_OUT}")
                wanted = [names.index(name) for name in columns]
                options = pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False)
                with pa.ipc.open_file(source, options=options) as reader:
                    yield reader
        except FileNotFoundError:
            raise DataError(
                f"there is no candle file {self.path}; download the pair first"
            ) from None
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise MemoryError(f"no memory to read {self.path}") from error
            raise DataError(f"{self.path} cannot be read ({error}); {_WAY_OUT}") from error
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"{self.path} is no readable feather file ({error}); {_WAY_OUT}"
            ) from error

    def _seconds(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        dates = batch.column("date")
        if dates.null_count:
            raise DataError(f"{self.path}: a candle has no date; {_WAY_OUT}")
        # Whatever unit the file keeps; a part of a second is refused with the steps.
        exact = dates.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
        if (exact % 1_000_000_000).any():
            raise DataError(f"{self.path}: a candle's date is not a whole second; {_WAY_OUT}")
        return np.asarray(exact // 1_000_000_000, dtype=np.int64)

    def batches(self, rows_at_a_time: Callable[[], int]) -> Iterator[CandleBatch]:
        """Yield all candles in time order, the missing ones filled in.

        Args:
            rows_at_a_time: asked before every batch for the most rows that it may have.

        Raises:
            DataError: when candles are doubled, out of order, off the timeframe's grid, or the
                file is damaged.
        """
        last: CandleBatch | None = None
        with self._reading(CANDLE_COLUMNS) as reader:
            for at in range(self._batches):
                batch = self._candles(reader.get_batch(at))
                if last is not None:
                    batch = last.followed_by(batch)
                batch = _without_nan(batch)
                if not len(batch):
                    continue
                yield from self._filled(batch, rows_at_a_time, skip_first=last is not None)
                last = batch.rows(len(batch) - 1, len(batch)).copy()

    def _candles(self, batch: pa.RecordBatch) -> CandleBatch:
        columns = {
            name: np.asarray(batch.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)
            for name in CANDLE_COLUMNS
            if name != "date"
        }
        return CandleBatch(self._seconds(batch), columns)

    def _filled(
        self, batch: CandleBatch, rows_at_a_time: Callable[[], int], *, skip_first: bool
    ) -> Iterator[CandleBatch]:
        """Yield the candles with those missing between them; the first may be known already."""
        places = self._places(batch.seconds)
        start, stop = int(skip_first), int(places[-1]) + 1
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

    def _places(self, seconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) how many candles each one lies after the first, checked to be in order."""
        steps = np.diff(seconds)
        bad = np.flatnonzero((steps <= 0) | (steps % self._candle_seconds != 0))
        if len(bad):
            at = np.datetime64(int(seconds[bad[0] + 1]), "s")
            raise DataError(
                f"{self.path}: the candle of {at} is doubled, out of order or not "
                f"{self._candle_seconds} seconds after another; {_WAY_OUT}"
            )
        return np.asarray((seconds - seconds[0]) // self._candle_seconds)


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
