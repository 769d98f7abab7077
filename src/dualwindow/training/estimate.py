"""How long a training is likely to take, measured before it begins."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from dualwindow.data.datasets.split import Split
from dualwindow.data.datasets.statistics import (
    describe_balance,
    drawn_counts,
    sampling_interval,
)
from dualwindow.runtime.counts import counted
from dualwindow.runtime.distributed import Ranks
from dualwindow.settings import TrainingConfig
from dualwindow.training.batches import Batch
from dualwindow.training.session import TrainingTime
from dualwindow.training.state import TrainingRun

logger = logging.getLogger(__name__)

#: Batches that are measured, after one for what torch sets up once.
MEASURED_BATCHES: Final = 6
#: Windows of the validation that are measured at most.
MEASURED_WINDOWS: Final = 1024
#: Steps an epoch below which undersampling leaves too little to learn from.
FEW_BATCHES: Final = 4


@dataclass(frozen=True)
class Passes:
    """What the epochs of a training do, to be tried before them.

    Attributes:
        batches: yields the first batches of an epoch, so many windows over all ranks.
        predict: predicts so many windows of the validation, on this rank alone.
        predicted: windows of a validation, and of the evaluation at the end.
    """

    batches: Callable[[int], Iterator[Batch]]
    predict: Callable[[int], object]
    predicted: tuple[int, int]


def seconds_a_window(run: TrainingRun, passes: Passes, batch_size: int) -> tuple[float, float]:
    """Measure the seconds of one window, trained on over all ranks, and predicted on this one.

    Real batches are gathered, mirrored and stepped on, and real windows predicted. The run's
    weights, optimizer and generator are afterwards what they were, to the bit.
    """
    kept = run.state()
    try:
        # The first step includes what torch sets up once.
        _train(run, passes.batches(batch_size))
        started = time.perf_counter()
        trained = _train(run, passes.batches(MEASURED_BATCHES * batch_size))
        training = (time.perf_counter() - started) / trained
    finally:
        run.restore(kept)
    windows = min(passes.predicted[0], MEASURED_WINDOWS)
    passes.predict(min(windows, batch_size))
    started = time.perf_counter()
    passes.predict(windows)
    return training, (time.perf_counter() - started) / max(windows, 1)


def _train(run: TrainingRun, batches: Iterator[Batch]) -> int:
    """Step on all batches; return the number of their windows over all ranks."""
    run.network.train()
    windows = 0
    for batch in batches:
        loss = run.step(batch.windows, batch.labels, batch.dropout, batch.total)
        windows += batch.total
    # Asking for the loss waits for the GPU.
    loss.item()
    return windows


def log_estimate(
    run: TrainingRun,
    split: Split,
    config: TrainingConfig,
    passes: Passes,
    ranks: Ranks,
) -> TrainingTime:
    """What an epoch draws and how long the training takes; warn when it draws too little."""
    counts, candidates = split.train.counts, len(split.train)
    every = sampling_interval(config, counts)
    windows = int(drawn_counts(counts, config.class_balance, every).sum())
    logger.debug("to train on: %s", describe_balance(counts, config.class_balance, every))
    few = FEW_BATCHES * config.batch_size
    if windows < few and windows * every * 10 < candidates:
        logger.warning(
            "a rare class leaves only %d of %s an epoch after "
            "undersampling: use class_balance 'weights', nearer barriers or more days",
            windows,
            counted(candidates, "training window"),
        )
    training, prediction = seconds_a_window(run, passes, config.batch_size)
    # Ranks share what is predicted.
    prediction /= ranks.count
    validated, evaluated = passes.predicted
    seconds = windows * training + validated * prediction
    device = run.network.center.device if ranks.count == 1 else f"{ranks.count} ranks"
    text = (
        f"{counted(candidates, 'window')}, {windows:,} of them an epoch, validated on "
        f"{validated:,}: about {seconds:.1f} s an epoch, at most "
        f"{seconds * config.epochs / 60:.1f} min for {counted(config.epochs, 'epoch')} on {device}"
    )
    return TrainingTime(seconds, evaluated * prediction, prediction, text)
