"""Where a training of the command line goes on or begins, and with what."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.cli.train.folder import (
    TrainingFolder,
    TrainingRecord,
    folder_name,
    new_folder,
    require_free,
    unfinished_folder,
)
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.errors import SettingsError
from dualwindow.models.fingerprint import model_settings
from dualwindow.models.portable import PortableModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingRequest:
    """What was asked for.

    Attributes:
        settings: of the run.
        preset: its name or file, for the name of the folder.
        output: the model's folder; None makes one under `user_data/models`.
        resume: go on with an unfinished training, if there is one.
    """

    settings: RunSettings
    preset: str | None = None
    output: Path | None = None
    resume: bool = False

    @property
    def models(self) -> Path:
        """Where folders of models are made."""
        return self.settings.user_data / "models"

    def record(
        self, sources: Sequence[CandleSource], start: PortableModel | None
    ) -> TrainingRecord:
        """What the training is begun with.

        Args:
            sources: candles of all pairs, of one period with an end.
            start: the model that it begins with.
        """
        settings, timerange = self.settings, sources[0].timerange
        if timerange.stop is None:
            raise ValueError("the period has no end yet")
        return TrainingRecord(
            pairs=[source.pair for source in sources],
            exchange=settings.exchange,
            trading_mode=settings.trading_mode,
            timeframe=settings.timeframe,
            periods=settings.periods,
            first=timerange.first,
            stop=timerange.stop,
            tail_fraction=settings.root.tail_fraction,
            settings=model_settings(settings.training),
            pretrained=start.sha256 if start else None,
        )


@dataclass(frozen=True)
class Plan:
    """Where a training goes on or begins.

    Attributes:
        path: of the model's folder.
        timerange: that it is trained on.
        is_finished: there is nothing left to do.
    """

    path: Path
    timerange: DateRange
    is_finished: bool = False


def plan_training(
    request: TrainingRequest,
    sources: Sequence[CandleSource],
    start: PortableModel | None,
    look_through: Callable[[Sequence[CandleSource]], None],
    held: ExitStack,
) -> Plan:
    """Look through the candles, and choose or make the folder.

    Args:
        request: what was asked for.
        sources: candles of all pairs.
        start: the model that the training begins with.
        look_through: refuses candles that would train wrongly.
        held: keeps other trainings out of the folder until it is closed.

    Raises:
        DataError: when the candles would train wrongly, the folder cannot be written, or another
            training is at work in it.
        SettingsError: when an unfinished training was begun with something else.
    """
    name = folder_name(request.preset, [source.pair for source in sources])
    begun = _begun(request, name)
    if begun is not None:
        held.enter_context(begun.held())
        sources_then = _of_its_period(request, sources, begun)
        if not _goes_on(request, begun, request.record(sources_then, start)):
            begun = None
        elif begun.is_finished:
            begun.end()
            return Plan(begun.path, sources_then[0].timerange, is_finished=True)
        else:
            sources = sources_then
    if begun is None:
        require_free(request.output)
    look_through(sources)
    if begun is None:
        begun = new_folder(request.models, name, request.output)
        held.enter_context(begun.held())
        begun.begin(request.record(sources, start))
    return Plan(begun.path, sources[0].timerange)


def _begun(request: TrainingRequest, name: str) -> TrainingFolder | None:
    """The training to go on with, if that was asked for and there is one."""
    if not request.resume:
        return None
    found = unfinished_folder(request.models, name, request.output)
    if found is None:
        logger.info("there is no unfinished training %s; it begins anew", request.output or name)
    return found


def _of_its_period(
    request: TrainingRequest, sources: Sequence[CandleSource], begun: TrainingFolder
) -> list[CandleSource]:
    """The candles of a training's period, where the settings leave it open.

    Candles that were downloaded since then are not part of it.
    """
    root, recorded, now = request.settings.root, begun.recorded(), sources[0].timerange
    first = recorded.get("first") if root.train_days is not None else now.first
    stop = recorded.get("stop") if root.train_to is None else now.stop
    return [replace(source, timerange=DateRange(first, stop)) for source in sources]


def _goes_on(request: TrainingRequest, begun: TrainingFolder, record: TrainingRecord) -> bool:
    """Whether a training was begun with what is asked for now.

    A finished one of the same name that was not is no training to go on with.

    Raises:
        SettingsError: when an unfinished one was not, or one in the folder that the user named.
    """
    differences = record.differences(begun.recorded())
    if differences and begun.is_finished and request.output is None:
        logger.info("the last training, %s, is finished and was another one", begun.path)
        return False
    if differences:
        way_out = "give the same settings again, or start without --resume"
        raise SettingsError([f"{each}; {way_out}" for each in differences], str(begun.path))
    return True
