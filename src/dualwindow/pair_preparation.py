"""Prepares one pair: reads its candles, writes its rows into the columns of a store to be.

A worker process runs `prepare_pair`; nothing here needs torch, so that a worker starts quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.candle_files import CandleFile
from dualwindow.dataset import PairSpan
from dualwindow.errors import TrainingStoppedError
from dualwindow.labels import BothTouched
from dualwindow.memory import AdaptiveChunk
from dualwindow.pair_rows import PairRows
from dualwindow.settings import TrainingConfig
from dualwindow.store import StoreColumns

#: Rows prepared at a time: one batch of freqtrade's files.
PREPARATION_ROWS: Final = 65_536
#: Fewer rows than this cost more in repeated look-back than they save in memory.
SMALLEST_ROWS: Final = 1024


@dataclass(frozen=True)
class CandleSource:
    """A pair and its feather file."""

    pair: str
    path: Path


class ColumnFiles:
    """The columns of a store to be, as plain files that rows are written into at their place.

    Args:
        folder: that holds the files.
        rows: N.
        width: F, features a row.
    """

    def __init__(self, folder: Path, rows: int, width: int) -> None:
        self._shapes: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
            "features": (np.float32, (rows, width)),
            "labels": (np.int8, (rows,)),
            "seconds": (np.int64, (rows,)),
        }
        self._paths = {name: folder / name for name in self._shapes}

    @property
    def size(self) -> int:
        """Bytes of all columns."""
        return sum(
            int(np.prod(shape)) * np.dtype(kind).itemsize for kind, shape in self._shapes.values()
        )

    def create(self) -> None:
        """Make the files at their full length."""
        for name, (kind, shape) in self._shapes.items():
            with self._paths[name].open("wb") as handle:
                handle.truncate(int(np.prod(shape)) * np.dtype(kind).itemsize)

    def write(self, name: str, first_row: int, values: NDArray[np.generic]) -> None:
        """Write values of a column from a row on."""
        kind, shape = self._shapes[name]
        with self._paths[name].open("r+b") as handle:
            handle.seek(first_row * int(np.prod(shape[1:])) * np.dtype(kind).itemsize)
            handle.write(np.ascontiguousarray(values, dtype=kind).data)

    def mapped(self) -> StoreColumns:
        """The columns as mapped files."""
        arrays = {
            name: np.memmap(self._paths[name], dtype=kind, mode="r", shape=shape)
            for name, (kind, shape) in self._shapes.items()
        }
        return StoreColumns(**arrays)


@dataclass(frozen=True)
class PairTask:
    """One pair's share of a preparation.

    Attributes:
        source: where its candles are.
        span: its rows in the store.
        columns: where its rows go.
        config: window, label and memory settings.
        periods: candles of the moving averages.
        candle_seconds: seconds between two candles.
        rows_at_a_time: most rows in memory.
    """

    source: CandleSource
    span: PairSpan
    columns: ColumnFiles
    config: TrainingConfig
    periods: tuple[int, ...]
    candle_seconds: int
    rows_at_a_time: int


@dataclass(frozen=True)
class PairResult:
    """What came of one pair.

    Attributes:
        touched: how often one candle touched both barriers of a side.
        labelled: rows with a valid window and a known future.
    """

    touched: BothTouched
    labelled: int


def prepare_pair(
    task: PairTask,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _rows: None,
) -> PairResult:
    """Write one pair's rows; begin again with a smaller chunk when memory runs out.

    Args:
        task: what to prepare.
        should_stop: asked before every chunk.
        progress: told after every chunk how many rows of the pair are done.

    Raises:
        DataError: when the candles cannot be used; the message names the file.
        MemoryLimitError: when even the smallest chunk does not fit.
        TrainingStoppedError: when `should_stop` said so.
    """
    chunk = AdaptiveChunk.of(
        task.config,
        task.rows_at_a_time,
        smallest=min(SMALLEST_ROWS, task.rows_at_a_time),
        unit="rows",
    )
    while True:
        try:
            return _write_rows(task, chunk, should_stop, progress)
        except MemoryError as error:
            chunk.halve(error)


def _write_rows(
    task: PairTask,
    chunk: AdaptiveChunk,
    should_stop: Callable[[], bool],
    progress: Callable[[int], None],
) -> PairResult:
    rows = PairRows(task.config, task.periods, task.candle_seconds)
    row = label_row = task.span.start
    labelled = 0
    for batch in CandleFile(task.source.path, task.candle_seconds).batches(chunk.next):
        if should_stop():
            raise TrainingStoppedError("the bot asked the preparation to stop")
        features, labels = rows.update(batch)
        task.columns.write("features", row, features)
        task.columns.write("seconds", row, batch.seconds)
        task.columns.write("labels", label_row, labels)
        row, label_row = row + len(features), label_row + len(labels)
        labelled += int(np.count_nonzero(labels >= 0))
        progress(row - task.span.start)
    task.columns.write("labels", label_row, rows.rest())
    return PairResult(rows.both_touched, labelled)
