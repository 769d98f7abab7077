"""Labels, preparation and memory, against loops and the naive pipeline."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks import naive
from benchmarks.measure import Run, in_process, interleaved, seconds_of, traced_mib
from benchmarks.results import Result, at_most, compared
from benchmarks.walks import FIVE_YEARS, PERIODS, candles_of, walk, write_feathers
from dualwindow.data.datasets.chunks import ChunkSizes
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.sampler import EpochOrder
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.labels import label_candles
from dualwindow.settings import TrainingConfig
from dualwindow.training.batches import PART_WINDOWS
from dualwindow.training.train import train_dataset

BATCH: Final = 256
#: Goals of the label rules: times faster, and most extra memory in MiB.
_LABEL_GOALS: Final[dict[Literal["hybrid", "first_touch"], tuple[float, float]]] = {
    "hybrid": (250, 5),
    "first_touch": (150, 20),
}


def labels_of(columns: dict[str, NDArray[np.float64]], config: TrainingConfig) -> NDArray[np.int8]:
    """Our labels of every row."""
    return label_candles(
        columns["high"],
        columns["low"],
        columns["close"],
        future_window=config.future_window,
        long_tp_pct=config.long_tp_pct,
        long_sl_pct=config.long_sl_pct,
        short_tp_pct=config.short_tp_pct,
        short_sl_pct=config.short_sl_pct,
        rule=config.label_rule,
    )


def label_rules(rows: int) -> Iterator[Result]:
    """Each label rule against a loop over rows."""
    columns = walk(rows)
    for rule, (times, mib) in _LABEL_GOALS.items():
        config = TrainingConfig(label_rule=rule)
        known = rows - config.future_window
        ours = partial(labels_of, columns, config)
        theirs = partial(naive.label_rows, columns, config)
        if not np.array_equal(ours()[:known], theirs()):
            raise AssertionError(f"the two {rule} labels differ")
        (our_seconds,) = interleaved(7, ours)
        what = f"{rule} labels, {rows:,} rows"
        seconds = (our_seconds, seconds_of(theirs))
        yield compared(what, "a numpy loop over rows", seconds, "s", goal=times)
        yield at_most(f"{what}: extra memory", traced_mib(ours), "MiB", mib)


def _prepare(columns: dict[str, NDArray[np.float64]], candles: CandleArrays) -> EpochOrder:
    """Label, index and balance in memory; no window is copied yet."""
    config = TrainingConfig()
    labels = labels_of(columns, config)
    dataset = Dataset.from_candles(candles, labels, config, name="walk")
    return EpochOrder(
        dataset.labelled(), balance="undersample", mirror=False, seed=config.seed, epoch=0
    )


def _deliver(order: EpochOrder, candles: CandleArrays) -> int:
    """Every balanced window once, in batches."""
    config = TrainingConfig()
    stream = WindowStream(candles.features, config.window_size, ChunkSizes.from_settings(config))
    delivered = 0
    step = PART_WINDOWS // BATCH * BATCH
    for start in range(0, len(order), step):
        rows = order.part(start, start + step).rows
        delivered += sum(len(windows) for _, windows in stream.batches(rows, BATCH))
    return delivered


def our_pipeline(rows: int) -> dict[str, float]:
    """In a fresh process: seconds of the parts, and windows delivered."""
    columns = walk(rows)
    candles = candles_of(columns)
    order = _prepare(columns, candles)
    (prepared,) = interleaved(5, lambda: _prepare(columns, candles))
    (delivered,) = interleaved(3, lambda: _deliver(order, candles))
    parts = [order.part(at, at + PART_WINDOWS) for at in range(0, len(order), PART_WINDOWS)]
    return {
        "prepare": prepared,
        "deliver": delivered,
        "windows": _deliver(order, candles),
        "labels": int(sum(part.labels.sum() for part in parts)),
    }


def our_preparation_memory(rows: int) -> float:
    """In a fresh process: most extra memory of label, index and balance, MiB."""
    columns = walk(rows)
    candles = candles_of(columns)

    def prepare() -> None:
        order = _prepare(columns, candles)
        for start in range(0, len(order), PART_WINDOWS):
            order.part(start, start + PART_WINDOWS)

    return traced_mib(prepare)


def naive_pipeline(rows: int) -> dict[str, float]:
    """In a fresh process: the naive pipeline on the same walk."""
    columns = walk(rows)
    features = candles_of(columns).features
    config = TrainingConfig()
    folder = Path(tempfile.mkdtemp(prefix="dualwindow-naive-"))
    held: dict[str, Any] = {}

    def prepare() -> None:
        paths = naive.write_chunks(columns, features, config, folder)
        held["windows"], held["labels"] = naive.read_balanced(paths, config.seed)

    try:
        prepared = seconds_of(prepare)
        delivered = seconds_of(lambda: list(map(len, naive.deliver(held["windows"], BATCH))))
    finally:
        shutil.rmtree(folder)
    return {
        "prepare": prepared,
        "deliver": delivered,
        "windows": len(held["windows"]),
        "labels": int(held["labels"].astype(int).sum()),
    }


def pipelines(rows: int) -> Iterator[Result]:
    """Label, index and balance, and delivery, against the naive pipeline."""
    # The averages need 43,200 candles before the first complete window.
    rows += max(PERIODS)
    naive_run: Run = in_process("benchmarks.preparing:naive_pipeline", rows)
    theirs = naive_run.value
    ours = in_process("benchmarks.preparing:our_pipeline", rows).value
    if (ours["windows"], ours["labels"]) != (theirs["windows"], theirs["labels"]):
        raise AssertionError("the two pipelines draw other numbers of windows")
    what = f"label + index + balance, {rows - max(PERIODS):,} sequences"
    against = "windows one by one, compressed chunk files, read back, undersampled"
    yield compared(what, against, (ours["prepare"], theirs["prepare"]), "s", goal=500)
    ours_mib = in_process("benchmarks.preparing:our_preparation_memory", rows).value
    yield compared(
        f"{what}: peak extra memory", against, (ours_mib, naive_run.peak_mib), "MiB", goal=200
    )
    yield compared(
        f"prepare and deliver each of {ours['windows']:,} balanced windows once", against,
        (ours["prepare"] + ours["deliver"], theirs["prepare"] + theirs["deliver"]), "s", goal=60,
    )  # fmt: skip


def store(folder: str, pairs: int, rows: int) -> float:
    """In a fresh process: prepare a store from disk; its seconds."""
    sources = write_feathers(Path(folder), pairs, rows)
    stores = Path(folder) / "stores"
    shutil.rmtree(stores, ignore_errors=True)
    return seconds_of(lambda: prepare_store(sources, TrainingConfig(), stores, periods=PERIODS))


def train_in_4_gib(folder: str, pairs: int, rows: int) -> float:
    """In a fresh process that may hold 4 GiB: prepare and train one epoch; its seconds."""
    import resource  # noqa: PLC0415 - Windows has none

    resource.setrlimit(resource.RLIMIT_DATA, (4 * 2**30, 4 * 2**30))
    sources = write_feathers(Path(folder), pairs, rows)
    # Memory does not depend on the network's width, time does.
    config = TrainingConfig(
        epochs=1, lstm_units=(4,), dense_units=(), patch_size=60, batch_size=1024, mirror="off"
    )

    def prepare_and_train() -> None:
        made = prepare_store(sources, config, Path(folder) / "stores", periods=PERIODS)
        train_dataset(made.dataset, config, name="walks")

    return seconds_of(prepare_and_train)


def scaling(sizes: list[tuple[int, int]]) -> Iterator[Result]:
    """Preparation from disk for several sizes, in pairs and rows a pair, then a training."""
    peaks: list[float] = []
    folder = tempfile.mkdtemp(prefix="dualwindow-walks-")
    try:
        for pairs, rows in sizes:
            write_feathers(Path(folder), pairs, rows)
            run = in_process("benchmarks.preparing:store", folder, pairs, rows)
            peaks.append(run.peak_mib)
            total = pairs * rows
            what = f"prepare from disk, {total:,} rows in {pairs} pair{'s' * (pairs > 1)}"
            yield at_most(what, run.value, "s", None, f"{total / run.value:,.0f} rows/s")
            yield at_most(f"{what}: peak extra memory", run.peak_mib, "MiB", 150)
        growth = 100 * (peaks[-1] / peaks[-2] - 1)
        what = f"memory for {sizes[-1][0] * sizes[-1][1]:,} rows above that for "
        yield at_most(f"{what}{sizes[-2][0] * sizes[-2][1]:,}", growth, "%", 10)
        pairs, rows = sizes[-1]
        run = in_process("benchmarks.preparing:train_in_4_gib", folder, pairs, rows)
        what = f"prepare {pairs * rows:,} rows and train one epoch: peak extra memory"
        note = f"under a limit of 4 GiB, a network of 4 units, {run.value:,.0f} s"
        yield at_most(what, run.peak_mib, "MiB", 4096, note)
    finally:
        shutil.rmtree(folder)


#: Pairs and rows a pair of the scaling rows: 0.5, 2.6 and 26 million rows.
SIZES: Final = [(1, 500_000), (1, FIVE_YEARS), (10, FIVE_YEARS)]
