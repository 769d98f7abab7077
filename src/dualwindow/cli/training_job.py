"""One training of the command line: check, prepare, train, save, tell."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from dualwindow.cli.candle_check import check_candles, find_candles
from dualwindow.cli.progress import console_of, log_to
from dualwindow.cli.run_settings import RunSettings
from dualwindow.cli.stages import StageWatch
from dualwindow.cli.stop_signals import StopSignals
from dualwindow.cli.training_folder import (
    EVALUATION_NAME,
    TENSORBOARD_NAME,
    TrainingFolder,
    TrainingRecord,
    folder_name,
    new_folder,
    unfinished_folder,
)
from dualwindow.cli.training_report import report_files
from dualwindow.cli.training_run import CommandTraining
from dualwindow.cli.training_summary import print_summary
from dualwindow.device import resolve_device
from dualwindow.errors import DualWindowError, SettingsError, TrainingStoppedError
from dualwindow.fingerprint import model_settings
from dualwindow.pair_preparation import CandleSource
from dualwindow.period import Period
from dualwindow.portable import PortableModel
from dualwindow.pretrained import (
    load_pretrained,
    market_warnings,
    require_timeframe,
    settings_from,
)
from dualwindow.ranks import Ranks, joined_ranks
from dualwindow.settings import TrainingConfig

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
        settings, period = self.settings, sources[0].period
        if period.stop is None:
            raise ValueError("the period has no end yet")
        return TrainingRecord(
            pairs=[source.pair for source in sources],
            exchange=settings.exchange,
            trading_mode=settings.trading_mode,
            timeframe=settings.timeframe,
            periods=settings.periods,
            first=period.first,
            stop=period.stop,
            tail_fraction=settings.root.tail_fraction,
            settings=model_settings(settings.training),
            pretrained=start.sha256 if start else None,
        )


def run_training(request: TrainingRequest) -> int:
    """Train a model and write its folder; with torchrun, as one of its processes.

    Returns:
        0 when the folder holds a whole model, else 128 and the number of the signal that came.

    Raises:
        DualWindowError: when there is no model in the end.
    """
    console = console_of(sys.stderr)
    log_to(console, logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING)
    resolve_device(request.settings.training.device)
    with (
        StageWatch() as watch,
        StopSignals() as signals,
        joined_ranks(request.settings.training.device) as ranks,
    ):
        return _run(request, console, watch, signals, ranks)


def _run(
    request: TrainingRequest,
    console: Console,
    watch: StageWatch,
    signals: StopSignals,
    ranks: Ranks,
) -> int:
    config, notes = request.settings.on_this_machine()
    if notes and ranks.is_first:
        logger.warning("settings lowered to what this machine has: %s", ", ".join(notes))
    start = _pretrained(request, config, ranks)
    with watch.stage("checking"):
        sources = ranks.gathered(lambda: find_candles(request.settings))[ranks.number]
        # Only the first rank looks through the candles and at the disk.
        plan = ranks.from_first(lambda: _plan(request, sources, start, console))
    folder = TrainingFolder(plan.path)
    if plan.is_finished:
        logger.info("the training was finished before: %s", folder.path)
        return 0
    sources = [replace(source, period=plan.period) for source in sources]
    training = CommandTraining(request.settings, config, sources, start, ranks)
    try:
        finished = training.run(folder, console, watch, signals.requested)
    except TrainingStoppedError:
        if ranks.is_first:
            _tell_how_to_go_on(folder, signals)
        return signals.exit_status
    except DualWindowError:
        if ranks.is_first and not folder.checkpoint.is_file():
            folder.abandon()
        raise
    if ranks.is_first:
        files = [
            *report_files(folder.path, finished.split.train.dataset, watch.figures),
            ("model folder (for `pretrained` and `dualwindow evaluate`)", folder.path),
            ("figures", folder.path / EVALUATION_NAME),
            ("loss curves (tensorboard --logdir)", folder.path / TENSORBOARD_NAME),
        ]
        print_summary(console_of(sys.stdout), finished, watch.figures, files)
    return 0


def _pretrained(
    request: TrainingRequest, config: TrainingConfig, ranks: Ranks
) -> PortableModel | None:
    """The model that the training starts from, if the settings name one.

    Raises:
        ModelFileError: when it cannot be loaded.
        SettingsError: when the settings are not those that it was made with.
    """
    start = load_pretrained(config, request.models)
    if start is None:
        return None
    if not config.epochs:
        raise SettingsError(
            [
                f"epochs 0 trains nothing: the result would be {config.pretrained!r} again; use "
                "`dualwindow evaluate`, or let the bot use it as it is"
            ],
            "dualwindow train",
        )
    settings = request.settings
    require_timeframe(start, settings.timeframe)
    settings_from(start, config)
    if ranks.is_first:
        for warning in market_warnings(start, settings.exchange, settings.trading_mode):
            logger.warning("%s", warning)
    return start


@dataclass(frozen=True)
class _Plan:
    """Where a training goes on or begins.

    Attributes:
        path: of the model's folder.
        period: that it is trained on.
        is_finished: there is nothing left to do.
    """

    path: Path
    period: Period
    is_finished: bool = False


def _plan(
    request: TrainingRequest,
    sources: Sequence[CandleSource],
    start: PortableModel | None,
    console: Console,
) -> _Plan:
    """Look through the candles, and choose or make the folder.

    Raises:
        DataError: when the candles would train wrongly, or the folder cannot be written.
        SettingsError: when an unfinished training was begun with something else.
    """
    name = folder_name(request.preset, [source.pair for source in sources])
    unfinished = _unfinished(request, name)
    if unfinished is not None and unfinished.is_finished:
        unfinished.end()
        return _Plan(unfinished.path, sources[0].period, is_finished=True)
    if unfinished is not None:
        sources = _of_its_period(request, sources, unfinished)
    check_candles(sources, request.settings, console)
    folder = _begin(request, name, unfinished, request.record(sources, start))
    return _Plan(folder.path, sources[0].period)


def _unfinished(request: TrainingRequest, name: str) -> TrainingFolder | None:
    """The training to go on with, if one was asked for and there is one."""
    if not request.resume:
        return None
    found = unfinished_folder(request.models, name, request.output)
    if found is None:
        logger.info("there is no unfinished training %s; it begins anew", request.output or name)
    return found


def _of_its_period(
    request: TrainingRequest, sources: Sequence[CandleSource], unfinished: TrainingFolder
) -> list[CandleSource]:
    """The candles of an unfinished training's period, where the settings leave it open.

    Candles that were downloaded since then are not part of it.
    """
    root, recorded, now = request.settings.root, unfinished.recorded(), sources[0].period
    first = recorded.get("first") if root.train_days is not None else now.first
    stop = recorded.get("stop") if root.train_to is None else now.stop
    return [replace(source, period=Period(first, stop)) for source in sources]


def _begin(
    request: TrainingRequest,
    name: str,
    unfinished: TrainingFolder | None,
    record: TrainingRecord,
) -> TrainingFolder:
    """The folder to train into; an unfinished one only with what it was begun with.

    Raises:
        SettingsError: when the unfinished training was begun with something else.
    """
    if unfinished is None:
        folder = new_folder(request.models, name, request.output)
        folder.begin(record)
        return folder
    differences = record.differences(unfinished.recorded())
    if differences:
        way_out = "give the same settings again, or start without --resume"
        raise SettingsError([f"{each}; {way_out}" for each in differences], str(unfinished.path))
    return unfinished


def _tell_how_to_go_on(folder: TrainingFolder, signals: StopSignals) -> None:
    name = signals.received.name if signals.received else "another rank"
    if folder.checkpoint.is_file():
        logger.warning(
            "stopped by %s; the state is kept in %s: the same command with --resume goes on",
            name,
            folder.checkpoint,
        )
    else:
        folder.abandon()
        logger.warning("stopped by %s before the first epoch had ended; nothing is left", name)
