"""A training with known settings, candles and folder: prepare, train, save."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rich.console import Console
from torch.utils.tensorboard import SummaryWriter

from dualwindow.cli.display.progress import RunProgress, run_progress
from dualwindow.cli.display.stages import StageWatch
from dualwindow.cli.options.candles import venue_of
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.cli.train.folder import TENSORBOARD_NAME, TrainingFolder
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.datasets.dataset import Selection
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.store import Store, store_folder
from dualwindow.labels import BothTouched
from dualwindow.models.identifier.looks import Look, note_look
from dualwindow.models.manifest import sum_of
from dualwindow.models.model_files import EVALUATION_NAME, WEIGHTS_NAME
from dualwindow.models.portable import ModelOrigin, PortableModel, save_portable
from dualwindow.runtime.distributed import Ranks
from dualwindow.settings import TrainingConfig
from dualwindow.training.hooks import TensorBoardHook
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import DatasetFacts, TrainingSession
from dualwindow.training.train import train_dataset

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CommandTraining:
    """One training of the command line, of candles of one date range.

    `config` is lowered to what this machine has, `start` the model that it starts from.
    """

    settings: RunSettings
    config: TrainingConfig
    sources: Sequence[CandleSource]
    start: PortableModel | None
    ranks: Ranks

    def run(
        self,
        folder: TrainingFolder,
        console: Console,
        watch: StageWatch,
        should_stop: Callable[[], bool],
    ) -> TrainingOutcome:
        """Prepare, train and save; `should_stop` is asked at every batch.

        Raises:
            DualWindowError: when no model can be trained.
        """
        first = self.ranks.is_first
        shown = run_progress(console, self.config.epochs, watch.memory, quiet=not first)
        with shown as progress, self._session(folder, progress, should_stop) as session:
            with watch.stage("preparing"):
                store = self.ranks.first_of_machine_then_all(
                    lambda: self._prepare(progress, should_stop)
                )
            with watch.stage("training"):
                finished = self._train(store, folder, session)
        if first:
            with watch.stage("saving"):
                self._save(folder, finished)
        return finished

    @contextmanager
    def _session(
        self, folder: TrainingFolder, progress: RunProgress, should_stop: Callable[[], bool]
    ) -> Iterator[TrainingSession]:
        """How this rank trains; only the first has hooks."""
        session = TrainingSession(
            should_stop=should_stop,
            progress=progress.trained,
            checkpoint_path=folder.checkpoint,
            spares_checkpoint=True,
            figures_path=folder.path / EVALUATION_NAME,
            ranks=self.ranks,
            start=self.start,
            estimated=lambda told: logger.info("training on %s", told.text),
        )
        if not self.ranks.is_first:
            yield session
            return
        with TensorBoardScalars(str(folder.path / TENSORBOARD_NAME)) as scalars:
            yield replace(session, hooks=(progress, TensorBoardHook(scalars)))

    def _prepare(self, progress: RunProgress, should_stop: Callable[[], bool]) -> Store:
        return prepare_store(
            self.sources,
            self.config,
            store_folder(self.settings.user_data),
            periods=self.settings.periods,
            candle_seconds=self.settings.candle_seconds,
            should_stop=should_stop,
            progress=progress.prepared,
        )

    def _train(
        self, store: Store, folder: TrainingFolder, session: TrainingSession
    ) -> TrainingOutcome:
        header = store.header
        touches = BothTouched(long=header.both_touched_long, short=header.both_touched_short)
        return train_dataset(
            store.dataset,
            self.config,
            name=folder.path.name,
            session=session,
            facts=DatasetFacts(
                touches=touches if self.config.label_rule == "first_touch" else None,
                venue=venue_of(self.settings, self.sources),
            ),
            tail_fraction=self.settings.root.tail_fraction,
        )

    def _save(self, folder: TrainingFolder, finished: TrainingOutcome) -> None:
        settings, split, timerange = self.settings, finished.split, self.sources[0].timerange
        train_from, stop = _begin_of(split.train), timerange.stop
        assert train_from is not None
        assert stop is not None
        origin = ModelOrigin(
            name=folder.path.name,
            pairs=tuple(source.pair for source in self.sources),
            exchange=settings.exchange,
            trading_mode=settings.trading_mode,
            timeframe=settings.timeframe,
            periods=settings.periods,
            first=train_from if timerange.first is None else timerange.first,
            until=stop,
            validation_from=_begin_of(split.validation),
            tail_from=_begin_of(split.tail),
            pretrained=self.start.sha256 if self.start else None,
            pretrained_seen_until=self.start.origin.seen_until if self.start else None,
        )
        save_portable(folder.path, finished.model, origin, extra=(EVALUATION_NAME,))
        if origin.tail_from is not None and finished.evaluation is not None:
            rule = DecisionRule.from_settings(self.settings.training)
            dates, model = (origin.tail_from, stop - 1), sum_of(folder.path, WEIGHTS_NAME)
            note_look(folder.path, Look.of(rule, dates, "train", model))
        folder.end()


def _begin_of(selection: Selection) -> int | None:
    """Time of the first row, seconds since 1970; None without rows."""
    seconds = selection.dataset.seconds
    return min((int(seconds[stretch.start]) for stretch in selection.stretches), default=None)


class TensorBoardScalars(SummaryWriter):
    """TensorBoard's writer with the method that the training's hook calls."""

    def log_scalar(self, tag: str, scalar_value: float, step: int) -> None:
        """Write one point of the curve `tag`."""
        self.add_scalar(tag, scalar_value, step)
