"""Prepares one pair: reads its candles, writes its rows into the columns of a store to be.

A worker process runs `prepare_pair`; nothing here needs torch, so that a worker starts quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.data.candles.reader import CandleFile
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.datasets.chunks import AdaptiveChunk
from dualwindow.data.datasets.dataset import PairSpan
from dualwindow.data.datasets.store import ColumnFiles
from dualwindow.data.features.rows import PairRows
from dualwindow.errors import TrainingStoppedError
from dualwindow.labels import BothTouched
from dualwindow.settings import TrainingConfig
from dualwindow.settings.lookback import buffer_seconds

#: Rows prepared at a time: one batch of freqtrade's files.
PREPARATION_ROWS: Final = 65_536
#: Fewer rows than this cost more in repeated look-back than they save in memory.
SMALLEST_ROWS: Final = 1024


class PairCandles:
    """A pair's candles with the buffer before its date range, and which of them become rows.

    Attributes:
        file: the candles, those of the buffer first.
        passed: candles of the buffer that no window of the date range reaches back to.

    Raises:
        DataError: as `CandleFile`.
    """

    def __init__(
        self,
        source: CandleSource,
        config: TrainingConfig,
        periods: Sequence[int],
        candle_seconds: int,
    ) -> None:
        buffer = buffer_seconds(config, periods, candle_seconds)
        self.file = CandleFile(source.paths, candle_seconds, source.timerange, buffer)
        self.passed = 0
        if source.timerange.first is not None:
            # The date range's first row and the window before it are kept.
            before = -(-(source.timerange.first - self.file.first) // candle_seconds)
            self.passed = max(before - (config.window_size - 1), 0)

    def __len__(self) -> int:
        """Rows."""
        return len(self.file) - self.passed


@dataclass(frozen=True)
class PairTask:
    """One pair's share of a preparation: its candles, its rows in the store, where they go.

    At most `rows_at_a_time` rows are in memory.
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
    """Candles that touched both barriers of a side at once, and rows with a window and a future."""

    touched: BothTouched
    labelled: int


def prepare_pair(
    task: PairTask,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _rows: None,
) -> PairResult:
    """Write one pair's rows; begin again with a smaller chunk when memory runs out.

    Before every chunk `should_stop` is called, after it `progress` with the pair's rows so far.

    Raises:
        DataError: when the candles cannot be used; the message names the file.
        MemoryLimitError: when even the smallest chunk does not fit.
        TrainingStoppedError: when `should_stop` returned true.
    """
    smallest = min(SMALLEST_ROWS, task.rows_at_a_time)
    chunk = AdaptiveChunk.from_settings(
        task.config, task.rows_at_a_time, smallest=smallest, unit="rows"
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
    candles = PairCandles(task.source, task.config, task.periods, task.candle_seconds)
    rows = PairRows(task.config, task.periods, task.candle_seconds, task.source.timerange.first)
    start = task.span.start
    row = label_row = start - candles.passed
    labelled = 0

    def write(name: str, first_row: int, values: NDArray[np.generic]) -> None:
        kept = values[max(start - first_row, 0) :]
        task.columns.write(name, max(first_row, start), kept)

    for batch in candles.file.batches(chunk.next):
        if should_stop():
            raise TrainingStoppedError("the bot asked the preparation to stop")
        features, labels = rows.update(batch)
        write("features", row, features)
        write("seconds", row, batch.seconds)
        write("labels", label_row, labels)
        row, label_row = row + len(features), label_row + len(labels)
        labelled += int(np.count_nonzero(labels >= 0))
        progress(max(row - start, 0))
    write("labels", label_row, rows.rest())
    return PairResult(rows.both_touched, labelled)
