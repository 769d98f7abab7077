"""Feather files of candles as they lie on disk, batch by batch.

A feather file is an Arrow IPC file whose batches hold 65,536 candles; one of them is in memory at
a time. Nothing is filled in or put in order here.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dualwindow.columns import CANDLE_COLUMNS
from dualwindow.data.candles.frames import flat_candles
from dualwindow.data.candles.timerange import DateRange
from dualwindow.errors import DataError

WAY_OUT: Final = "download the pair again"


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


class FeatherFile:
    """One feather file with freqtrade's candle columns.

    Raises:
        DataError: when the file is missing, damaged, or lacks a column.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reading(("date",)) as reader:
            self.batches: int = reader.num_record_batches
            self.rows: int = reader.count_rows()

    def dates(self, numbers: Sequence[int] | None = None) -> Iterator[NDArray[np.int64]]:
        """Yield the dates of some batches, or of all; nothing else is unpacked for it.

        Raises:
            DataError: when a date is missing or no whole second, or the file is damaged.
        """
        with self._reading(("date",)) as reader:
            for number in range(self.batches) if numbers is None else numbers:
                yield self._seconds(reader.get_batch(number))

    def candles(self, numbers: Sequence[int]) -> Iterator[CandleBatch]:
        """Yield some batches; raises what `dates` raises."""
        with self._reading(CANDLE_COLUMNS) as reader:
            for number in numbers:
                batch = reader.get_batch(number)
                columns = {
                    name: np.asarray(
                        batch.column(name).to_numpy(zero_copy_only=False), dtype=np.float64
                    )
                    for name in CANDLE_COLUMNS
                    if name != "date"
                }
                yield CandleBatch(self._seconds(batch), columns)

    def ends(self) -> tuple[int, int] | None:
        """First and last date by the outer batches alone (seconds since 1970); None: no candle."""
        outer = sorted({0, self.batches - 1}) if self.batches else []
        dates = np.concatenate([np.empty(0, np.int64), *self.dates(outer)])
        return (int(dates.min()), int(dates.max())) if len(dates) else None

    @contextmanager
    def _reading(self, columns: Sequence[str]) -> Iterator[pa.RecordBatchFileReader]:
        """Open the file for reading some columns; whatever fails names the file."""
        try:
            # Read, not mapped: a file that a download cuts short would end the process otherwise.
            with pa.OSFile(str(self.path), "rb") as source:
                names = pa.ipc.open_file(source).schema.names
                missing = [name for name in CANDLE_COLUMNS if name not in names]
                if missing:
                    raise DataError(f"{self.path} has no column {', '.join(missing)}; {WAY_OUT}")
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
            raise DataError(f"{self.path} cannot be read ({error}); {WAY_OUT}") from error
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"{self.path} is no readable feather file ({error}); {WAY_OUT}"
            ) from error

    def _seconds(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        dates = batch.column("date")
        if dates.null_count:
            raise DataError(f"{self.path}: a candle has no date; {WAY_OUT}")
        # Whatever unit the file keeps; a part of a second is refused with the steps.
        exact = dates.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
        if (exact % 1_000_000_000).any():
            raise DataError(f"{self.path}: a candle's date is not a whole second; {WAY_OUT}")
        return np.asarray(exact // 1_000_000_000, dtype=np.int64)
