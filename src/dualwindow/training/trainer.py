"""The training loop: balanced epochs, early stopping on validation, the best epoch restored."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.sampler import EpochOrder
from dualwindow.data.datasets.split import Split, require_separate
from dualwindow.data.datasets.statistics import class_weights, sampling_interval, trained_prior
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.data.features.column_roles import ColumnRoles
from dualwindow.errors import DualWindowError, TrainingStoppedError
from dualwindow.models.chain.former import FormerModel
from dualwindow.models.chain.link import ChainLink
from dualwindow.models.checkpoint import CheckpointFile, TrainingState
from dualwindow.models.mirror import mirror_for
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.runtime.device import reproducible, resolve_device, training_dtype, within_memory
from dualwindow.runtime.threads import ComputeThreads
from dualwindow.settings import TrainingConfig
from dualwindow.training.batches import epoch_batches
from dualwindow.training.estimate import Passes, log_estimate
from dualwindow.training.evaluation_rows import EvaluationRows
from dualwindow.training.gradient_step import (
    FallingRate,
    GradientStep,
    Schedule,
    optimizer_of,
)
from dualwindow.training.hooks import EpochResult
from dualwindow.training.identity import training_identity
from dualwindow.training.session import QUIET, TrainingSession
from dualwindow.training.start.network import initial_network, seen_counts
from dualwindow.training.start.requirements import require_sides, require_window_a_rank
from dualwindow.training.state import TrainingRun
from dualwindow.training.validation import Validation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LossesBefore:
    """Cross entropy on the choosing rows, as `EpochResult.validation_loss`.

    Of the former model, and of the class shares that the network learns from, as a constant.
    """

    former: float
    prior: float


@dataclass(frozen=True)
class FittedNetwork:
    """A network in evaluation mode, with the weights of the best epoch.

    Attributes:
        history: every epoch's figures, in order; empty where a pretrained model is used as it is.
        best_epoch: the epoch (from 1) whose weights were kept; 0 without epochs.
        before: losses on the choosing rows before a warm training; None for another.
        link: place in a chain of trainings; None where it is of none.
    """

    network: DualWindowNetwork
    history: list[EpochResult]
    best_epoch: int
    before: LossesBefore | None = None
    link: ChainLink | None = None


class Trainer:
    """Trains one network on a dataset, in memory or mapped, of unscaled features.

    Where the session starts from a model, `config` holds the settings of `settings_from`. A former
    model of a chain is the start in its place; then the step size falls to zero from batch to batch
    over all epochs.

    Raises:
        DataError: when the training rows hold neither SHORT nor LONG, or the parts of the split
            overlap.
        SettingsError: when a batch has fewer windows than there are ranks; `fit` also when the
            network's training cannot fit into memory.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        config: TrainingConfig,
        session: TrainingSession = QUIET,
        former: FormerModel | None = None,
    ) -> None:
        require_separate(split, config.future_window)
        self._dataset = dataset
        self._split = split
        self._config = config
        self._session = session
        self._former = former
        self._ranks = session.ranks
        self._device = resolve_device(config.device)
        self._stream = WindowStream.watched(
            dataset.features, config, self._device, ColumnRoles.of(config, dataset.names)
        )
        self._validation = Validation(
            split.chosen_by, config, self._stream, self._device, session.ranks
        )
        self._dtype = training_dtype(config.precision, self._device)
        self._mirror = mirror_for(config, dataset.names)
        require_sides(split.train, config)
        require_window_a_rank(session.ranks, config)

    def fit(self) -> FittedNetwork:
        """Train until validation stops improving, or for `epochs`; the network is on the CPU.

        Raises:
            TrainingStoppedError: when the session's `should_stop` returned true.
            DataError: when another rank holds other data, settings or versions.
            RankLostError: when another rank has ended; the checkpoint stays.
            MemoryLimitError: when not even a batch fits.
            DualWindowError: when the loss stops being a number.
        """
        config, device, background = self._config, self._device, self._session.in_background
        with (
            reproducible(config.seed, device, deterministic=config.deterministic) as generator,
            within_memory(config.batch_size, device),
        ):
            network = self._build_network().to(device)
            with ComputeThreads.for_training(device, in_background=background) as threads:
                self._threads = threads
                before = self._losses_before(network)
                run = self._begin(network, generator)
                passes = self._passes(run)
                self._session.estimated(log_estimate(run, self._split, config, passes, self._ranks))
                self._run_epochs(run)
        return FittedNetwork(run.best_network(), run.history, run.best_epoch, before)

    def _build_network(self) -> DualWindowNetwork:
        if self._former is not None:
            model = self._former.model
            return model.network_of(NetworkShape.from_settings(self._config, model.feature_names))
        return initial_network(self._split.train, self._config, self._mirror, self._session.start)

    def _losses_before(self, network: DualWindowNetwork) -> LossesBefore | None:
        if self._former is None:
            return None
        balance, mirrored = self._config.class_balance, self._mirror is not None
        prior = trained_prior(self._split.train.counts, balance, mirrored=mirrored)
        return LossesBefore(self._validate(network)[0], self._validation.loss_of_shares(prior))

    def _class_weights(self) -> Tensor | None:
        """(3,) weights of the loss; None for equal ones."""
        if self._config.class_balance != "weights":
            return None
        counts = seen_counts(self._split.train, mirrored=self._mirror is not None)
        return torch.from_numpy(class_weights(counts)).to(self._device)

    def _begin(self, network: DualWindowNetwork, generator: torch.Generator) -> TrainingRun:
        optimizer = optimizer_of(network, self._config)
        step = GradientStep(
            network,
            optimizer,
            class_weights=self._class_weights(),
            clip=self._config.gradient_clip,
            dtype=self._dtype,
            threads=self._threads,
            ranks=self._ranks,
        )
        kind = Schedule if self._former is None else FallingRate
        return TrainingRun(network, step, kind(optimizer, self._config), generator)

    def _passes(self, run: TrainingRun) -> Passes:
        order, network, threads = self._order(0), run.network, self._threads
        rows = EvaluationRows.from_split(self._split, self._session.start, trades=False)
        return Passes(
            lambda windows: epoch_batches(
                order, self._stream, network, run.generator, self._config.batch_size,
                ranks=self._ranks, most=windows,
            ),
            lambda windows: self._validation.predict(network, windows, threads),
            (len(self._validation), sum(map(len, rows.parts))),
        )  # fmt: skip

    def _run_epochs(self, run: TrainingRun) -> None:
        checkpoint = self._resume(run)
        with checkpoint or nullcontext():
            while not run.is_over(self._config):
                result = self._run_epoch(run)
                run.finish_epoch(result)
                if self._ranks.is_first:
                    for hook in self._session.hooks:
                        hook.on_epoch(result)
                if checkpoint is not None:
                    checkpoint.keep(run.state())

    def _resume(self, run: TrainingRun) -> CheckpointFile | None:
        """Go on from the checkpoint if it is of this training; return the file of the next one.

        The other ranks start from the state of the first one, and write nothing.
        """
        ranks, path, start = self._ranks, self._session.checkpoint_path, self._session.start
        if path is None and ranks.count == 1:
            return None
        identity = training_identity(
            self._dataset,
            self._split,
            self._config,
            device=self._device,
            threads=self._threads.count,
            ranks=ranks,
            pretrained=start.sha256 if start else None,
            former=self._former.sha256 if self._former else None,
        )
        checkpoint = None
        if path is not None and ranks.is_first:
            spares = self._session.spares_checkpoint
            checkpoint = CheckpointFile(path, identity, spares_others=spares)

        def initial_state() -> TrainingState | None:
            kept = checkpoint.read() if checkpoint else None
            return run.state() if kept is None and ranks.count > 1 else kept

        state = ranks.from_first(initial_state)
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
        # All ranks decide by the figures of the first one, for others may round differently.
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
        order = self._order(epoch)
        network, ranks, batch_size = run.network.train(), self._ranks, self._config.batch_size
        total, done = torch.zeros((), device=self._device), 0
        for batch in epoch_batches(
            order, self._stream, network, run.generator, batch_size, ranks=ranks
        ):
            if ranks.any_true(self._session.should_stop()):
                raise TrainingStoppedError("the bot asked the training to stop")
            run.schedule.begin_batch((epoch + done / len(order)) / self._config.epochs)
            loss = run.step(batch.windows, batch.labels, batch.dropout, batch.total)
            total += loss * batch.total
            done += batch.total
            if ranks.is_first:
                self._session.progress(done, len(order))
        return total.item() / len(order)

    def _order(self, epoch: int) -> EpochOrder:
        return EpochOrder(
            self._split.train,
            balance=self._config.class_balance,
            mirror=self._mirror is not None,
            seed=self._config.seed,
            epoch=epoch,
            every=sampling_interval(self._config, self._split.train.counts),
        )

    def _validate(self, network: DualWindowNetwork) -> tuple[float, float]:
        return self._validation(
            network, should_stop=self._session.should_stop, threads=self._threads
        )
