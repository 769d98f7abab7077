"""Decides in which folder a training is resumed or begun, and on which candles."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.cli.train.folder import (
    TrainingFolder,
    folder_name,
    new_folder,
    require_free,
    unfinished_folder,
)
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.errors import SettingsError
from dualwindow.models.fingerprint import model_settings

if TYPE_CHECKING:
    # A model is torch's business, a plan is not.
    from dualwindow.models.portable import PortableModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingRequest:
    """Request of one `dualwindow train`.

    `preset`, its name or file, is for the name of the folder; `output` is the model's folder,
    None creates one under `user_data/models`; `resume` continues an unfinished training; `verbose`
    shows all figures.
    """

    settings: RunSettings
    preset: str | None = None
    output: Path | None = None
    resume: bool = False
    verbose: bool = False

    @property
    def models(self) -> Path:
        """Folder in which model folders are created."""
        return self.settings.user_data / "models"

    def record(
        self, sources: Sequence[CandleSource], start: PortableModel | None
    ) -> dict[str, Any]:
        """Candles and settings of a training, as `training.json` holds them.

        Only the same ones can resume it. The date range, of all sources, has an end.
        """
        settings, timerange = self.settings, sources[0].timerange
        if timerange.stop is None:
            raise ValueError("the date range has no end yet")
        return {
            "pairs": [source.pair for source in sources],
            "exchange": settings.exchange,
            "trading_mode": settings.trading_mode,
            "timeframe": settings.timeframe,
            "periods": settings.periods,
            # Seconds since 1970; None for the first candle.
            "first": timerange.first,
            "stop": timerange.stop,
            "tail_fraction": settings.root.tail_fraction,
            # SHA-256 of the model that it starts from.
            "pretrained": start.sha256 if start else None,
            **model_settings(settings.training),
        }


@dataclass(frozen=True)
class Plan:
    """Folder of the model, which it may hold already, and date range of the candles."""

    path: Path
    timerange: DateRange
    is_finished: bool = False


def plan_training(
    request: TrainingRequest,
    sources: Sequence[CandleSource],
    start: PortableModel | None,
    check: Callable[[Sequence[CandleSource]], None],
    held: ExitStack,
) -> Plan:
    """Check the candles, and choose or create the folder.

    `check` refuses candles that would train wrongly; `held` keeps other trainings out of the folder
    until it is closed.

    Raises:
        DataError: when the candles would train wrongly, the folder cannot be written, or another
            training is at work in it.
        SettingsError: when an unfinished training was begun with other settings or candles.
    """
    name = folder_name(request.preset, [source.pair for source in sources])
    begun = _begun(request, name)
    if begun is not None:
        held.enter_context(begun.held())
        earlier = recorded_sources(request, sources, begun)
        if not _can_resume(request, begun, request.record(earlier, start)):
            begun = None
        elif begun.is_finished:
            begun.end()
            return Plan(begun.path, earlier[0].timerange, is_finished=True)
        else:
            sources = earlier
    if begun is None:
        require_free(request.output)
    check(sources)
    if begun is None:
        begun = new_folder(request.models, name, request.output)
        held.enter_context(begun.held())
        begun.begin(request.record(sources, start))
    return Plan(begun.path, sources[0].timerange)


def _begun(request: TrainingRequest, name: str) -> TrainingFolder | None:
    """The training to resume, or None if that is not requested or there is none."""
    if not request.resume:
        return None
    begun = unfinished_folder(request.models, name, request.output)
    if begun is None:
        logger.info("no unfinished training %s; a new one begins", request.output or name)
    return begun


def recorded_sources(
    request: TrainingRequest, sources: Sequence[CandleSource], begun: TrainingFolder
) -> list[CandleSource]:
    """The candles of an earlier training's date range, as far as the settings leave it open.

    Candles that were downloaded since then are not part of it.
    """
    root, recorded, now = request.settings.root, begun.recorded(), sources[0].timerange
    first = recorded.get("first") if root.train_days is not None else now.first
    stop = recorded.get("stop") if root.train_to is None else now.stop
    return [replace(source, timerange=DateRange(first, stop)) for source in sources]


def _can_resume(request: TrainingRequest, begun: TrainingFolder, record: Mapping[str, Any]) -> bool:
    """Whether an earlier training was begun with the settings and candles of this request.

    False for a finished one of the same name that was begun with others.

    Raises:
        SettingsError: when an unfinished training, or one in `--output`, was begun with others.
    """
    differences = begun.differences(record)
    if differences and begun.is_finished and request.output is None:
        logger.info("the last training, %s, is finished and was another one", begun.path)
        return False
    if differences:
        way_out = "give the same settings again, or start without --resume"
        raise SettingsError(
            [f"{difference}; {way_out}" for difference in differences], str(begun.path)
        )
    return True
