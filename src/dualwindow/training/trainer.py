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

from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.sampler import EpochOrder
from dualwindow.data.datasets.split import Split, require_separate
from dualwindow.data.datasets.statistics import class_weights, mirrored_counts, robust_scaling
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.errors import DataError, DualWindowError, SettingsError, TrainingStoppedError
from dualwindow.models.checkpoint import CheckpointFile, TrainingState
from dualwindow.models.mirror import mirror_for
from dualwindow.models.network import DualWindowNetwork, NetworkShape
from dualwindow.models.portable import PortableModel
from dualwindow.models.pretrained import untrained_network
from dualwindow.runtime.device import reproducible, resolve_device, training_dtype, within_memory
from dualwindow.runtime.distributed import ALONE, Ranks
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig
from dualwindow.training.batches import epoch_batches
from dualwindow.training.estimate import log_estimate
from dualwindow.training.gradient_step import GradientStep, Schedule, optimizer_of
from dualwindow.training.hooks import EpochResult, TrainingHook
from dualwindow.training.identity import training_identity
from dualwindow.training.state import TrainingRun
from dualwindow.training.validation import Validation

logger = logging.getLogger(__name__)


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


class Trainer:
    """Trains one network on a dataset.

    Args:
        dataset: N rows with F unscaled features, in memory or mapped.
        split: its rows to train and validate on.
        config: training settings.
        hooks: told after every epoch, on the first rank.
        should_stop: asked before every batch; true on one rank ends the training on all of them
            with `TrainingStoppedError`.
        in_background: leave a core to the rest of the process and give way to it; the calling
            thread has to be one that only trains.
        checkpoint: file that takes the state after an epoch, no more often than every few seconds,
            and whenever the training breaks off. A training with the same `training_identity`
            goes on from it and ends with the same weights, bit for bit; its hooks are told only
            of the epochs that it trains itself. The file stays when the training ends, see
            `remove_checkpoint`. None writes none.
        spares_checkpoint: refuse where the checkpoint is of another training, which would be lost.
        progress: told after every step how many of the epoch's windows are done, and how many
            there are, on the first rank.
        ranks: that train together, all with the same arguments. Each takes its share of every
            batch, so that `batch_size` means the same as in one process. Only the first writes.
        start: model that the network begins as, with its scaler and mirror; `config` comes from
            `pretrained.settings_from`. None begins with random weights.

    Raises:
        DataError: when the training rows hold neither SHORT nor LONG, or the parts of the split
            overlap.
        SettingsError: when a batch has fewer windows than there are ranks.
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
        spares_checkpoint: bool = False,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        ranks: Ranks = ALONE,
        start: PortableModel | None = None,
    ) -> None:
        require_separate(split, config.future_window)
        self._config = config
        self._ranks = ranks
        self._start = start
        self._checkpoint = checkpoint
        self._spares_checkpoint = spares_checkpoint
        self._in_background = in_background
        self._hooks = hooks
        self._should_stop = should_stop
        self._progress = progress
        self._dataset = dataset
        self._split = split
        self._train = split.train
        self._device = resolve_device(config.device)
        self._stream = WindowStream.watched(dataset.features, config, self._device)
        self._validation = Validation(split.validation, config, self._stream, self._device, ranks)
        self._dtype = training_dtype(config, self._device)
        self._mirror = mirror_for(config, dataset.names)
        _require_sides(self._train.counts, config)
        _require_windows_for_all(ranks, config)

    def fit(self) -> TrainingResult:
        """Train until validation stops improving, or for `epochs`.

        Raises:
            TrainingStoppedError: when `should_stop` said so.
            DataError: when another rank holds other data, settings or versions.
            RankLostError: when another rank has ended; the checkpoint stays.
            MemoryLimitError: when not even a batch fits.
            DualWindowError: when the loss stops being a number.
        """
        config, device = self._config, self._device
        with reproducible(config, device) as generator, within_memory(config, device):
            network = self._build_network().to(device)
            with ComputeThreads.for_training(device, in_background=self._in_background) as threads:
                self._threads = threads
                run = self._begin(network, generator)
                log_estimate(
                    run,
                    self._split,
                    self._config,
                    validation_windows=len(self._validation),
                    ranks=self._ranks,
                )
                self._run_epochs(run)
        return TrainingResult(run.best_network(), run.history, run.best_epoch)

    def _build_network(self) -> DualWindowNetwork:
        if self._start is not None:
            return untrained_network(self._start, self._config)
        shape = NetworkShape.from_settings(self._config, self._dataset.names)
        if self._config.trend_head and not shape.trend_spans:
            logger.info("training without a trend head: no feature is a change of the close")
        center, scale = robust_scaling(self._train)
        network = DualWindowNetwork(shape, center, scale, self._mirror)
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
            ranks=self._ranks,
        )
        return TrainingRun(network, step, Schedule(optimizer, config), generator)

    def _run_epochs(self, run: TrainingRun) -> None:
        checkpoint = self._resume(run)
        with checkpoint or nullcontext():
            while not run.is_over(self._config):
                result = self._run_epoch(run)
                run.finish_epoch(result)
                if self._ranks.is_first:
                    for hook in self._hooks:
                        hook.on_epoch(result)
                if checkpoint is not None:
                    checkpoint.keep(run.state())

    def _resume(self, run: TrainingRun) -> CheckpointFile | None:
        """Go on from the checkpoint if it is of this training; return where to keep the next.

        The other ranks begin with what the first one does, and keep nothing.
        """
        ranks = self._ranks
        if self._checkpoint is None and ranks.count == 1:
            return None
        identity = training_identity(
            self._dataset,
            self._split,
            self._config,
            device=self._device,
            threads=self._threads.count,
            ranks=ranks,
            pretrained=self._start.sha256 if self._start else None,
        )
        checkpoint = None
        if self._checkpoint is not None and ranks.is_first:
            checkpoint = CheckpointFile(
                self._checkpoint, identity, spares_others=self._spares_checkpoint
            )

        def begun() -> TrainingState | None:
            kept = checkpoint.read() if checkpoint else None
            return run.state() if kept is None and ranks.count > 1 else kept

        state = ranks.from_first(begun)
        if state is not None:
            run.restore(state)
        if run.history:
            logger.info("training resumed after epoch %d", len(run.history))
        return checkpoint

    def _run_epoch(self, run: TrainingRun) -> EpochResult:
        started = time.perf_counter()
        epoch = len(run.history)
        learning_rate = run.step.learning_rate
        train_loss = self._train_epoch(epoch, run)
        validation_loss, f1 = self._validate(run.network)
        seconds = time.perf_counter() - started
        own = EpochResult(epoch + 1, train_loss, validation_loss, f1, learning_rate, seconds)
        # What is decided by the figures is decided alike on all ranks, however each one rounds.
        result = self._ranks.from_first(lambda: own)
        if not np.isfinite([result.train_loss, result.validation_loss]).all():
            raise DualWindowError(
                f"the loss is no number any more in epoch {result.epoch} (training "
                f"{result.train_loss}, validation {result.validation_loss}); lower learning_rate "
                f"{self._config.learning_rate} or gradient_clip {self._config.gradient_clip}"
            )
        return result

    def _train_epoch(self, epoch: int, run: TrainingRun) -> float:
        """Train on every window of an epoch; return their mean cross entropy over all ranks."""
        order = EpochOrder(
            self._train,
            balance=self._config.class_balance,
            mirror=self._mirror is not None,
            seed=self._config.seed,
            epoch=epoch,
        )
        run.network.train()
        total, done = torch.zeros((), device=self._device), 0
        batch_size, ranks = self._config.batch_size, self._ranks
        batches = epoch_batches(
            order, self._stream, run.network, run.generator, batch_size, ranks=ranks
        )
        for batch in batches:
            if ranks.any_says(self._should_stop()):
                raise TrainingStoppedError("the bot asked the training to stop")
            loss = run.step(batch.windows, batch.labels, batch.dropout, batch.total)
            total += loss * batch.total
            done += batch.total
            if ranks.is_first:
                self._progress(done, len(order))
        return total.item() / len(order)

    def _validate(self, network: DualWindowNetwork) -> tuple[float, float]:
        return self._validation(network, should_stop=self._should_stop, threads=self._threads)


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


def _require_windows_for_all(ranks: Ranks, config: TrainingConfig) -> None:
    if config.batch_size < ranks.count:
        raise SettingsError(
            [
                f"batch_size {config.batch_size} is shared by {ranks.count} ranks, which need a "
                f"window each; use at least {ranks.count}, or start fewer processes"
            ]
        )
