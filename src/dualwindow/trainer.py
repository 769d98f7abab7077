"""The training loop: balanced epochs, early stopping on validation, the best epoch restored."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualwindow.balance import class_weights, describe_balance, drawn_counts, mirrored_counts
from dualwindow.checkpoint import CheckpointFile
from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.compute_threads import ComputeThreads
from dualwindow.dataset import Dataset
from dualwindow.device import reproducible, resolve_device, training_dtype
from dualwindow.epoch_batches import epoch_batches
from dualwindow.epoch_order import EpochOrder
from dualwindow.errors import DataError, DualWindowError, TrainingStoppedError
from dualwindow.estimate import epoch_seconds
from dualwindow.mirror import Mirror, mirror_of
from dualwindow.network import DualWindowNetwork, NetworkShape
from dualwindow.optimization import GradientStep, Schedule, optimizer_of
from dualwindow.scaling import robust_scaling
from dualwindow.settings import TrainingConfig
from dualwindow.split import Split
from dualwindow.stream import WindowStream
from dualwindow.training_hooks import EpochResult, TrainingHook
from dualwindow.training_identity import training_identity
from dualwindow.training_run import TrainingRun
from dualwindow.validation import Validation

logger = logging.getLogger(__name__)

#: Steps an epoch below which undersampling has hardly left anything to learn from.
FEW_BATCHES = 4


@dataclass(frozen=True)
class TrainingResult:
    """A trained network and how it came to be.

    Attributes:
        network: on the CPU, in evaluation mode, with the weights of the best epoch.
        history: every epoch's figures, in order.
        best_epoch: the epoch (from 1) whose weights were kept.
    """

    network: DualWindowNetwork
    history: list[EpochResult]
    best_epoch: int


def mirror_for(config: TrainingConfig, names: Sequence[str]) -> Mirror | None:
    """Decide whether training mirrors windows.

    Raises:
        DataError: when mirroring is demanded but a feature has no known mirror image.
    """
    if config.mirror == "off":
        return None
    mirror = mirror_of(names)
    if mirror is None and config.mirror == "on":
        raise DataError(
            "mirror 'on' needs a known mirror image of every feature, and at least one of "
            f"{', '.join(names)} has none; use mirror 'auto'"
        )
    if mirror is None or not config.barriers_are_symmetric:
        reason = "a feature has no mirror image" if mirror is None else "the barriers differ"
        logger.info("training without mirrored windows: %s", reason)
        return None
    return mirror


class Trainer:
    """Trains one network on a dataset.

    Args:
        dataset: N rows with F unscaled features, in memory or mapped.
        split: its rows to train and validate on.
        config: training settings.
        hooks: told after every epoch.
        should_stop: asked before every batch; true ends the training with
            `TrainingStoppedError`.
        in_background: leave a core to the rest of the process and give way to it; the calling
            thread has to be one that only trains.
        checkpoint: file that takes the state after an epoch, no more often than every few seconds,
            and whenever the training breaks off. A training with the same `training_identity`
            goes on from it and ends with the same weights, bit for bit; its hooks are told only
            of the epochs that it trains itself. The file stays when the training ends, see
            `remove_checkpoint`. None writes none.
        progress: told after every step how many of the epoch's windows are done, and how many
            there are.

    Raises:
        DataError: when the training rows hold neither SHORT nor LONG.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        config: TrainingConfig,
        *,
        hooks: Sequence[TrainingHook] = (),
        should_stop: Callable[[], bool] = lambda: False,
        in_background: bool = False,
        checkpoint: Path | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self._config = config
        self._checkpoint = checkpoint
        self._in_background = in_background
        self._hooks = hooks
        self._should_stop = should_stop
        self._progress = progress
        self._dataset = dataset
        self._split = split
        self._train = split.train
        self._device = resolve_device(config.device)
        self._stream = WindowStream.watched(dataset.features, config, self._device)
        self._validation = Validation(split.validation, config, self._stream, self._device)
        self._dtype = training_dtype(config, self._device)
        self._mirror = mirror_for(config, dataset.names)
        _require_sides(self._train.counts, config)

    def fit(self) -> TrainingResult:
        """Train until validation stops improving, or for `epochs`.

        Raises:
            TrainingStoppedError: when `should_stop` said so.
            DualWindowError: when the loss stops being a number.
        """
        with reproducible(self._config, self._device) as generator:
            network = self._build_network().to(self._device)
            with ComputeThreads.for_training(
                self._device, in_background=self._in_background
            ) as threads:
                self._threads = threads
                self._log_estimate(network)
                run = self._begin(network, generator)
                self._run_epochs(run)
        return TrainingResult(run.best_network(), run.history, run.best_epoch)

    def _build_network(self) -> DualWindowNetwork:
        center, scale = robust_scaling(self._train)
        network = DualWindowNetwork(
            NetworkShape.of(self._config, len(self._dataset.names)), center, scale, self._mirror
        )
        if self._config.class_balance == "none":
            with torch.no_grad():
                counts = torch.from_numpy(self._train_counts()).float()
                network.head.bias.copy_(torch.log(counts.clamp(min=1.0) / counts.sum()))
        return network

    def _train_counts(self) -> NDArray[np.floating]:
        """(3,) class counts of the training rows, as mirroring leaves them."""
        counts = self._train.counts
        return mirrored_counts(counts) if self._mirror is not None else counts.astype(np.float64)

    def _weights(self, counts: NDArray[np.floating] | NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(class_weights(counts)).to(self._device)

    def _begin(self, network: DualWindowNetwork, generator: torch.Generator) -> TrainingRun:
        config = self._config
        optimizer = optimizer_of(network, config)
        weighs = config.class_balance == "weights"
        step = GradientStep(
            network,
            optimizer,
            class_weights=self._weights(self._train_counts()) if weighs else None,
            clip=config.gradient_clip,
            dtype=self._dtype,
            threads=self._threads,
        )
        return TrainingRun(network, step, Schedule(optimizer, config), generator)

    def _run_epochs(self, run: TrainingRun) -> None:
        checkpoint = self._resume(run)
        with checkpoint or nullcontext():
            while not run.is_over(self._config):
                result = self._run_epoch(run)
                run.finish_epoch(result)
                for hook in self._hooks:
                    hook.on_epoch(result)
                if checkpoint is not None:
                    checkpoint.keep(run.state())

    def _resume(self, run: TrainingRun) -> CheckpointFile | None:
        """Go on from the checkpoint if it is of this training; return where to keep the next."""
        if self._checkpoint is None:
            return None
        identity = training_identity(
            self._dataset,
            self._split,
            self._config,
            device=self._device,
            threads=self._threads.count,
        )
        checkpoint = CheckpointFile(self._checkpoint, identity)
        state = checkpoint.read()
        if state is not None:
            run.restore(state)
            logger.info("training resumed after epoch %d", len(run.history))
        return checkpoint

    def _run_epoch(self, run: TrainingRun) -> EpochResult:
        started = time.perf_counter()
        epoch = len(run.history)
        learning_rate = run.step.learning_rate
        train_loss = self._train_epoch(epoch, run)
        validation_loss, f1 = self._validate(run.network)
        if not np.isfinite([train_loss, validation_loss]).all():
            raise DualWindowError(
                f"the loss is no number any more in epoch {epoch + 1} (training {train_loss}, "
                f"validation {validation_loss}); lower learning_rate {self._config.learning_rate} "
                f"or gradient_clip {self._config.gradient_clip}"
            )
        seconds = time.perf_counter() - started
        return EpochResult(epoch + 1, train_loss, validation_loss, f1, learning_rate, seconds)

    def _train_epoch(self, epoch: int, run: TrainingRun) -> float:
        """Train on every window of an epoch; return their mean loss."""
        order = EpochOrder(
            self._train,
            balance=self._config.class_balance,
            mirror=self._mirror is not None,
            seed=self._config.seed,
            epoch=epoch,
        )
        run.network.train()
        total, done = torch.zeros((), device=self._device), 0
        batches = epoch_batches(
            order, self._stream, run.network, run.generator, self._config.batch_size
        )
        for batch in batches:
            if self._should_stop():
                raise TrainingStoppedError("the bot asked the training to stop")
            total += run.step(batch.windows, batch.labels, batch.dropout) * len(batch)
            done += len(batch)
            self._progress(done, len(order))
        return total.item() / len(order)

    def _validate(self, network: DualWindowNetwork) -> tuple[float, float]:
        return self._validation(network, should_stop=self._should_stop, threads=self._threads)

    def _log_estimate(self, network: DualWindowNetwork) -> None:
        config = self._config
        candidates = len(self._train)
        windows = int(drawn_counts(self._train.counts, config.class_balance).sum())
        logger.info("%s", describe_balance(self._train.counts, config.class_balance))
        if windows < FEW_BATCHES * config.batch_size and windows * 10 < candidates:
            logger.warning(
                "a rare class leaves only %d of %d training windows an epoch after "
                "undersampling: use class_balance 'weights', nearer barriers or more days",
                windows,
                candidates,
            )
        seconds = epoch_seconds(
            network,
            window_size=config.window_size,
            batch_size=min(config.batch_size, windows),
            train_windows=windows,
            validation_windows=len(self._validation),
        )
        logger.info(
            "training on %d windows, %d of them an epoch, validating on %d: about %.1f s an epoch, "
            "at most %.1f min for %d epochs on %s; early stopping usually ends sooner",
            candidates,
            windows,
            len(self._validation),
            seconds,
            seconds * config.epochs / 60,
            config.epochs,
            self._device,
        )


def _require_sides(counts: NDArray[np.int64], config: TrainingConfig) -> None:
    described = ", ".join(
        f"{name} {count}" for name, count in zip(CLASS_NAMES, counts, strict=True)
    )
    if counts.sum() == counts[HOLD]:
        raise DataError(
            f"the {counts.sum()} training candles hold no SHORT and no LONG ({described}): no "
            f"take profit of {config.long_tp_pct} (long) or {config.short_tp_pct} (short) was "
            f"reached within {config.future_window} candles; lower the take profits, lengthen "
            "future_window or train on more days"
        )
    if (counts == 0).any():
        logger.warning(
            "the training candles lack a class (%s): the model cannot learn it", described
        )
