"""How long a training is likely to take, measured before it begins."""

from __future__ import annotations

import logging
import time
from typing import Final

import torch

from dualwindow.data.datasets.split import Split
from dualwindow.data.datasets.statistics import (
    describe_balance,
    drawn_counts,
    sampling_interval,
)
from dualwindow.models.networks.inputs import empty
from dualwindow.runtime.counts import counted
from dualwindow.runtime.distributed import Ranks
from dualwindow.settings import TrainingConfig
from dualwindow.training.state import TrainingRun

logger = logging.getLogger(__name__)

#: A prediction has no backward pass, which costs about twice as much as the forward pass.
_PREDICTION_SHARE: Final = 1 / 3
#: Steps an epoch below which undersampling leaves too little to learn from.
FEW_BATCHES: Final = 4


def epoch_seconds(
    run: TrainingRun,
    *,
    window_size: int,
    batch_size: int,
    train_windows: int,
    validation_windows: int,
) -> float:
    """Estimate the seconds of one epoch from one step on empty windows of `window_size` candles.

    The other figures are windows of a step and of an epoch. The run's weights and generator are
    left as they are.
    """
    network, step = run.network.train(), run.step
    device = network.center.device
    windows = empty(batch_size, window_size, network.shape.roles, device)
    labels = torch.zeros(batch_size, dtype=torch.int64, device=device)
    dropout = network.draw_dropout(batch_size, torch.Generator()).to(device)
    # The first step includes what torch sets up once.
    step.gradients(windows, labels, dropout).item()
    started = time.perf_counter()
    # Asking for the loss waits for the GPU.
    step.gradients(windows, labels, dropout).item()
    window_seconds = (time.perf_counter() - started) / batch_size
    passes = 2 if network.mirrors else 1
    return window_seconds * (train_windows + validation_windows * passes * _PREDICTION_SHARE)


def log_estimate(
    run: TrainingRun,
    split: Split,
    config: TrainingConfig,
    *,
    validation_windows: int,
    ranks: Ranks,
) -> float:
    """Log what an epoch draws and how long the training takes; warn when it draws too little.

    `validation_windows` are those of an epoch; ranks share every batch.

    Returns:
        Seconds of all epochs.
    """
    counts, candidates = split.train.counts, len(split.train)
    every = sampling_interval(config, counts)
    windows = int(drawn_counts(counts, config.class_balance, every).sum())
    logger.info("to train on: %s", describe_balance(counts, config.class_balance, every))
    few = FEW_BATCHES * config.batch_size
    if windows < few and windows * every * 10 < candidates:
        logger.warning(
            "a rare class leaves only %d of %s an epoch after "
            "undersampling: use class_balance 'weights', nearer barriers or more days",
            windows,
            counted(candidates, "training window"),
        )
    seconds = epoch_seconds(
        run,
        window_size=config.window_size,
        batch_size=-(-min(config.batch_size, windows) // ranks.count),
        train_windows=-(-windows // ranks.count),
        validation_windows=-(-validation_windows // ranks.count),
    )
    logger.info(
        "training on %s, %s of them an epoch, validating on %s: about %.1f s an epoch, "
        "at most %.1f min for %s on %s; early stopping usually ends sooner",
        counted(candidates, "window"),
        f"{windows:,}",
        f"{validation_windows:,}",
        seconds,
        seconds * config.epochs / 60,
        counted(config.epochs, "epoch"),
        run.network.center.device if ranks.count == 1 else f"{ranks.count} ranks",
    )
    return seconds * config.epochs
