"""Makes the store that a training reads: every pair's features and labels, in bounded memory."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psutil

from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.datasets.class_index import count_classes
from dualwindow.data.datasets.dataset import PairSpan
from dualwindow.data.datasets.prepare_pair import (
    PREPARATION_ROWS,
    PairCandles,
    PairResult,
    PairTask,
    prepare_pair,
)
from dualwindow.data.datasets.statistics import describe_classes
from dualwindow.data.datasets.store import (
    STORE_FORMAT,
    SUFFIX,
    ColumnFiles,
    Store,
    StoreHeader,
    find_store,
    write_store,
)
from dualwindow.data.features.base import FEATURE_CODE_VERSION
from dualwindow.data.features.feature_sets import FeatureStream
from dualwindow.errors import DataError
from dualwindow.labels import BothTouched
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import FileLockedError, locked_folder, sha256_of
from dualwindow.runtime.memory import MIB
from dualwindow.runtime.processes import run_in_processes
from dualwindow.settings import TrainingConfig
from dualwindow.settings.earlier import fingerprinted
from dualwindow.settings.training_config import ROW_SETTINGS, USUAL_PERIODS

logger = logging.getLogger(__name__)

#: Rows below which worker processes take longer to start than they save.
SMALL_ROWS: Final = 1_000_000
#: Process id in the name of a folder of columns.
_PROCESS: Final = re.compile(r"\.(\d+)(?:\.[0-9a-f]+)?\.columns$")


def prepare_store(
    sources: Sequence[CandleSource],
    config: TrainingConfig,
    folder: Path,
    *,
    periods: Sequence[int] = USUAL_PERIODS,
    candle_seconds: int = 60,
    should_stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Store:
    """Prepare the candles of some pairs, or open the store that an earlier run made of them.

    Args:
        sources: pairs, their candle files and date ranges; their order is that of the rows. Before
            a date range the features of one window are kept, and nothing before it is trained on.
        config: window, label, process and memory settings.
        folder: where stores are kept; made when it is not there.
        periods: candles of the moving averages.
        candle_seconds: seconds between two candles.
        should_stop: asked between chunks.
        progress: called with rows done and in all, after every chunk (every pair with workers).

    Returns:
        The store, open.

    Raises:
        DataError: when candles cannot be used or the disk has no room; nothing is left behind.
        MemoryLimitError: when even the smallest chunk does not fit; nothing is left behind.
        TrainingStoppedError: when `should_stop` returned true; nothing is left behind.
    """
    if len({source.pair for source in sources}) < len(sources) or not sources:
        pairs = ", ".join(source.pair for source in sources) or "none"
        raise DataError(f"each pair must be given once, and at least one; given: {pairs}")
    plan = _Plan(tuple(sources), config, tuple(periods), candle_seconds, should_stop, progress)
    fingerprint = plan.fingerprint()
    path = folder / f"{fingerprint[:16]}{SUFFIX}"
    store = find_store(path, fingerprint)
    if store is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"the folder of prepared candles {folder} cannot be made: {error}; check who owns "
                "the user folder, or give another with --userdir"
            ) from None
        started = time.monotonic()
        plan.make_store(path, fingerprint)
        store = Store(path)
        seconds = time.monotonic() - started
        logger.info("prepared %s in %.1f s", counted(len(store.dataset), "candle"), seconds)
    else:
        logger.info("the candles were prepared before, with the same settings")
    logger.info("store %s: %.1f MiB", store.path, store.size / MIB)
    logger.info("all candles: %s", describe_classes(store.dataset.labelled().counts))
    return store


@dataclass(frozen=True)
class _Plan:
    """Everything that a preparation depends on; see `prepare_store`."""

    sources: tuple[CandleSource, ...]
    config: TrainingConfig
    periods: tuple[int, ...]
    candle_seconds: int
    should_stop: Callable[[], bool]
    progress: Callable[[int, int], None]

    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of everything that a store's content depends on."""
        settings = self.config.to_dict()
        content: dict[str, Any] = {
            "format": STORE_FORMAT,
            "feature_code_version": FEATURE_CODE_VERSION,
            "settings": fingerprinted({name: settings[name] for name in ROW_SETTINGS}),
            "periods": self.periods,
            "candle_seconds": self.candle_seconds,
            "candles": [
                (source.pair, vars(source.timerange), [_sum_of(path) for path in source.paths])
                for source in self.sources
            ],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def make_store(self, path: Path, fingerprint: str) -> None:
        """Prepare every pair and write the store."""
        spans: list[PairSpan] = []
        for source in self.sources:
            start = spans[-1].stop if spans else 0
            rows = len(PairCandles(source, self.config, self.periods, self.candle_seconds))
            spans.append(PairSpan(source.pair, start, start + rows))
        names = FeatureStream(self.periods, self.config.feature_set).names
        with _columns(path, spans[-1].stop, len(names)) as columns:
            tasks = [
                PairTask(
                    source, span, columns, self.config, self.periods, self.candle_seconds,
                    PREPARATION_ROWS,
                )
                for source, span in zip(self.sources, spans, strict=True)
            ]  # fmt: skip
            results = self._in_processes(tasks) if self._pays(spans) else self._alone(tasks)
            touched = sum((result.touched for result in results), BothTouched(long=0, short=0))
            if self.fingerprint() != fingerprint:
                raise DataError(
                    "the candle files changed while they were read; wait until the download has "
                    "ended, then start again"
                )
            header = StoreHeader(
                fingerprint, names, tuple(spans), self.candle_seconds, touched.long, touched.short
            )
            mapped = columns.mapped()
            write_store(path, header, mapped, count_classes(mapped.labels))

    def _pays(self, spans: Sequence[PairSpan]) -> bool:
        """Whether worker processes are asked for and save more time than they take to start."""
        if not self.config.use_multiprocessing or self.config.n_processes < 2:
            return False
        rows = spans[-1].stop
        if len(spans) > 1 and rows >= SMALL_ROWS:
            return True
        candles, pairs = counted(rows, "candle"), counted(len(spans), "pair")
        logger.info("one process prepares %s of %s", candles, pairs)
        return False

    def _alone(self, tasks: Sequence[PairTask]) -> list[PairResult]:
        total = tasks[-1].span.stop

        def prepare(task: PairTask) -> PairResult:
            first = task.span.start
            result = prepare_pair(
                task, self.should_stop, lambda rows: self.progress(first + rows, total)
            )
            self._log(task, result)
            return result

        return [prepare(task) for task in tasks]

    def _in_processes(self, tasks: Sequence[PairTask]) -> list[PairResult]:
        rows = self.config.multiprocessing_chunk_size
        prepared = 0

        def done(number: int, result: PairResult) -> None:
            nonlocal prepared
            prepared += len(tasks[number].span)
            self.progress(prepared, tasks[-1].span.stop)
            self._log(tasks[number], result)

        return run_in_processes(
            prepare_pair,
            [replace(task, rows_at_a_time=rows) for task in tasks],
            processes=self.config.n_processes,
            fallback_to_serial=self.config.fallback_to_serial,
            should_stop=self.should_stop,
            done=done,
        )

    def _log(self, task: PairTask, result: PairResult) -> None:
        """One line a pair, when it is done."""
        logger.info(
            "%s (%d of %d): %s, %s of them with a valid window and a known future",
            task.source.pair,
            self.sources.index(task.source) + 1,
            len(self.sources),
            counted(len(task.span), "candle"),
            f"{result.labelled:,}",
        )


@contextmanager
def _columns(path: Path, rows: int, width: int) -> Iterator[ColumnFiles]:
    """Yield column files beside the store to be; they go when the block ends, however it ends."""
    for left in path.parent.glob(f".*{SUFFIX}.*.columns"):
        if _is_left_over(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.columns")
    columns = ColumnFiles(folder, rows, width)
    # The columns, and the store that they are copied into.
    needed, free = 2 * columns.size, shutil.disk_usage(path.parent).free
    if needed > free:
        raise DataError(
            f"preparing {rows:,} candles takes {needed / MIB:,.0f} MiB of disk in {path.parent}, "
            f"where {free / MIB:,.0f} MiB are free; free some, or train on fewer pairs or days"
        )
    try:
        folder.mkdir()
        with locked_folder(folder):
            columns.create()
            yield columns
    except OSError as error:
        raise DataError(f"the store {path} cannot be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_left_over(folder: Path) -> bool:
    """Whether a killed preparation has left its columns.

    Its process is gone, and so is its lock: in another container a process that is at work cannot
    be seen, but its lock can.
    """
    process = _PROCESS.search(folder.name)
    if process is None or psutil.pid_exists(int(process[1])):
        return False
    try:
        with locked_folder(folder):
            return True
    except (FileLockedError, OSError):
        return False


def _sum_of(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise DataError(
            f"the candle file {path} cannot be read ({error.strerror}); download the pair first"
        ) from None
