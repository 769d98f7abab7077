"""Files of candles as they lie on disk, batch by batch, whatever freqtrade's format.

A feather file is an Arrow IPC file whose batches hold 65,536 candles; one of them is in memory at
a time. Nothing is filled in or put in order here. `table_files` has the other formats.
"""

from __future__ import annotations

import errno
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from dualwindow.columns import CANDLE_COLUMNS
from dualwindow.data.candles.frames import flat_candles
from dualwindow.data.candles.timerange import DateRange
from dualwindow.errors import DataError

WAY_OUT: Final = "download the pair again"
#: Most characters of a library's words on what is wrong with a file.
_CAUSE: Final = 200


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

    def within(self, timerange: DateRange) -> CandleBatch:
        """The candles of a date range, in whatever order; copied when some are outside."""
        inside = inside_timerange(self.seconds, timerange)
        if inside.all():
            return self
        part = {name: values[inside] for name, values in self.columns.items()}
        return CandleBatch(self.seconds[inside], part)

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
        """(N,) true where a candle has no volume and one price; see `frames.flat_candles`."""
        return flat_candles(self)


def inside_timerange(seconds: NDArray[np.int64], timerange: DateRange) -> NDArray[np.bool_]:
    """(N,) whether each date lies in a date range."""
    inside = np.ones(len(seconds), dtype=np.bool_)
    if timerange.first is not None:
        inside &= seconds >= timerange.first
    if timerange.stop is not None:
        inside &= seconds < timerange.stop
    return inside


@dataclass(frozen=True)
class OpenTable:
    """An open file: how many batches and rows it has, and what reads one of the batches."""

    batches: int
    rows: int
    batch: Callable[[int], pa.RecordBatch]


class TableFile(ABC):
    """One file of candles, or of other rows that begin with a date.

    Args:
        path: of the file.
        columns: that it must have, the date first.

    Raises:
        DataError: when the file is missing, damaged, or lacks a column.
    """

    #: Name of the format in messages.
    kind: ClassVar[str]

    def __init__(self, path: Path, columns: Sequence[str] = CANDLE_COLUMNS) -> None:
        self.path = path
        self._columns = tuple(columns)
        with self._reading(("date",)) as table:
            self.batches, self.rows = table.batches, table.rows

    @abstractmethod
    def _open(self, columns: Sequence[str]) -> Iterator[OpenTable]:
        """Yield the file, open for some of its columns; whatever it raises, the file is damaged."""

    def dates(self, numbers: Sequence[int] | None = None) -> Iterator[NDArray[np.int64]]:
        """Yield the dates of some batches, or of all; nothing else is unpacked for it.

        Raises:
            DataError: when a date is missing, or the file is damaged.
        """
        with self._reading(("date",)) as table:
            for number in range(self.batches) if numbers is None else numbers:
                yield self._seconds(table.batch(number))

    def candles(self, numbers: Sequence[int]) -> Iterator[CandleBatch]:
        """Yield some batches; raises what `dates` raises, and where a column holds no numbers."""
        with self._reading(self._columns) as table:
            for number in numbers:
                batch = table.batch(number)
                columns = {name: self._numbers(batch, name) for name in self._columns[1:]}
                yield CandleBatch(self._seconds(batch), columns)

    def frame(self) -> pd.DataFrame:
        """The columns of the whole file as they are, nothing checked."""
        with self._reading(self._columns) as table:
            batches = [table.batch(number) for number in range(self.batches)]
            return pa.Table.from_batches(batches).to_pandas() if batches else pd.DataFrame()

    def ends(self) -> tuple[int, int] | None:
        """First and last date by the outer batches alone (seconds since 1970); None: no candle."""
        outer = sorted({0, self.batches - 1}) if self.batches else []
        dates = np.concatenate([np.empty(0, np.int64), *self.dates(outer)])
        return (int(dates.min()), int(dates.max())) if len(dates) else None

    @contextmanager
    def _reading(self, columns: Sequence[str]) -> Iterator[OpenTable]:
        """Open the file for reading some columns; whatever fails names the file."""
        try:
            yield from self._open(columns)
        except FileNotFoundError:
            raise DataError(
                f"there is no candle file {self.path}; download the pair first"
            ) from None
        except pa.ArrowException as error:
            raise self._damaged(error) from error
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise MemoryError(f"no memory to read {self.path}") from error
            raise DataError(f"{self.path} cannot be read ({error}); {WAY_OUT}") from error
        # A damaged file promises anything: names that are no text, compressed bytes that are none.
        except (ValueError, TypeError, LookupError, OverflowError, EOFError, zlib.error) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        cause = " ".join(str(error).split())[:_CAUSE]
        return DataError(f"{self.path} is no readable {self.kind} file ({cause}); {WAY_OUT}")

    def _require(self, names: Sequence[str]) -> None:
        """Refuse a file that lacks a column or has it twice, by the names of those that it has."""
        missing = [name for name in self._columns if name not in names]
        if missing:
            raise DataError(f"{self.path} has no column {', '.join(missing)}; {WAY_OUT}")
        doubled = [name for name in self._columns if names.count(name) > 1]
        if doubled:
            raise DataError(f"{self.path} has the column {', '.join(doubled)} twice; {WAY_OUT}")

    def _numbers(self, batch: pa.RecordBatch, name: str) -> NDArray[np.float64]:
        column = batch.column(name)
        try:
            if not _is_number(column.type):
                raise ValueError(f"they are {column.type}")
            return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{self.path}: column {name} holds no numbers ({error}); {WAY_OUT}"
            ) from None

    def _seconds(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        dates = batch.column("date")
        if not pa.types.is_timestamp(dates.type):
            raise DataError(
                f"{self.path}: column date holds no dates (they are {dates.type}); {WAY_OUT}"
            )
        if dates.null_count:
            raise DataError(f"{self.path}: a candle has no date; {WAY_OUT}")
        # Whatever unit the file keeps; exchanges are milliseconds late now and then.
        exact = dates.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
        return np.asarray(exact // 1_000_000_000, dtype=np.int64)


class FeatherFile(TableFile):
    """One feather file with freqtrade's candle columns; see `TableFile`."""

    kind = "feather"

    def _open(self, columns: Sequence[str]) -> Iterator[OpenTable]:
        # Read, not mapped: a file that a download cuts short would end the process otherwise.
        with pa.OSFile(str(self.path), "rb") as source:
            names = pa.ipc.open_file(source).schema.names
            self._require(names)
            wanted = [names.index(name) for name in columns]
            options = pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False)
            with pa.ipc.open_file(source, options=options) as reader:

                def batch(number: int) -> pa.RecordBatch:
                    found = reader.get_batch(number)
                    # What a damaged file promises of its buffers is looked at before they are.
                    found.validate(full=True)
                    return found

                yield OpenTable(reader.num_record_batches, reader.count_rows(), batch)


def _is_number(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    )
