"""One run of `dualwindow train`: check the candles, choose the folder, train, report."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from dualwindow.cli.display.console import console_of, log_to
from dualwindow.cli.display.settings_lines import settings_lines
from dualwindow.cli.display.stages import StageFigures, StageWatch
from dualwindow.cli.display.training_summary import print_summary
from dualwindow.cli.options.candles import check_candles, find_candles
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.cli.stop_signals import StopSignals
from dualwindow.cli.train.folder import TENSORBOARD_NAME, TrainingFolder
from dualwindow.cli.train.plan import TrainingRequest, plan_training
from dualwindow.cli.train.run import CommandTraining
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.errors import DataError, DualWindowError, SettingsError, TrainingStoppedError
from dualwindow.models.model_files import EVALUATION_NAME
from dualwindow.models.networks.registry import require_network
from dualwindow.models.portable import PortableModel
from dualwindow.models.pretrained import (
    load_pretrained,
    origin_warnings,
    require_timeframe,
    settings_from,
)
from dualwindow.report.build import gather, label_weeks, run_versions, write_report
from dualwindow.report.schema import RunFacts, Stage
from dualwindow.runtime.device import resolve_device, training_dtype
from dualwindow.runtime.distributed import Ranks, joined_ranks
from dualwindow.runtime.machine import Machine, reason_for
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)


def run_training(request: TrainingRequest) -> int:
    """Train a model and write its folder; with torchrun, as one of its processes.

    The status is 0 when the folder holds a whole model, else 128 and the number of the signal.

    Raises:
        DualWindowError: when no model can be trained.
    """
    console = console_of(sys.stderr)
    log_to(console, logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING)
    # Not those of libraries.
    logging.getLogger("dualwindow").setLevel(logging.DEBUG if request.verbose else logging.NOTSET)
    training = request.settings.training
    training_dtype(training.precision, resolve_device(training.device))
    with (
        StageWatch() as watch,
        StopSignals() as signals,
        joined_ranks(training.device) as ranks,
        ExitStack() as held,
    ):
        try:
            return _run(request, console, watch, signals, ranks, held=held)
        except TrainingStoppedError:
            logger.warning("stopped while the candles were checked; nothing has changed")
            return signals.exit_status


def _run(
    request: TrainingRequest,
    console: Console,
    watch: StageWatch,
    signals: StopSignals,
    ranks: Ranks,
    *,
    held: ExitStack,
) -> int:
    config, notes = request.settings.on_this_machine()
    if ranks.is_first:
        _log_settings(request.settings, notes)
    require_network(config.network, request.settings.user_data)
    start = _pretrained(request, config, ranks)
    with watch.stage("checking"):
        sources = ranks.gathered(lambda: find_candles(request.settings))[ranks.number]
        # Only the first rank checks the candles and chooses the folder.
        check = partial(
            check_candles, settings=request.settings, console=console, should_stop=signals.requested
        )
        plan = ranks.from_first(lambda: plan_training(request, sources, start, check, held))
    folder = TrainingFolder(plan.path)
    if plan.is_finished:
        logger.info("the training was finished before: %s", folder.path)
        return 0
    sources = [replace(source, timerange=plan.timerange) for source in sources]
    training = CommandTraining(request.settings, config, sources, start, ranks)
    try:
        with _cleaned_up_on_failure(folder, ranks):
            finished = training.run(folder, console, watch, signals.requested)
    except TrainingStoppedError:
        if ranks.is_first:
            _log_how_to_resume(folder, signals)
        return signals.exit_status
    if ranks.is_first:
        files = [
            ("model folder (for `pretrained` and `dualwindow evaluate`)", folder.path),
            *_report_files(folder.path, finished.split.train.dataset, watch.figures),
            ("figures", folder.path / EVALUATION_NAME),
            ("loss curves (tensorboard --logdir)", folder.path / TENSORBOARD_NAME),
        ]
        print_summary(
            console_of(sys.stdout), finished, watch.figures, files, verbose=request.verbose
        )
    return 0


def _log_settings(settings: RunSettings, notes: Sequence[str]) -> None:
    """Log what the run is of, and what may not be meant; `notes` are on lowered values."""
    for line in settings_lines(settings):
        logger.info("%s", line)
    if settings.root.auto_configure:
        machine = Machine.detect()
        logger.info("%s", reason_for(machine, settings.training.sizes_for(machine)))
    if notes:
        logger.warning("settings lowered to what this machine has: %s", ", ".join(notes))
    for warning in settings.warnings():
        logger.warning("%s", warning)


def _report_files(
    folder: Path, dataset: Dataset, stages: Sequence[StageFigures]
) -> list[tuple[str, Path]]:
    """Write the report into a saved model's folder: description and path of its files.

    A failure is only logged, because the model is whole without its report.
    """
    run = RunFacts(
        stages=[
            Stage(stage.name, stage.seconds, stage.peak_bytes, stage.cpu_percent)
            for stage in stages
        ],
        weeks=label_weeks(dataset),
        versions=run_versions(),
    )
    try:
        page, figures = write_report(gather(folder, run), folder)
    except DualWindowError as error:
        logger.warning("there is no report: %s; `dualwindow report` makes one", error)
        return []
    return [("report (open it in a browser)", page), ("its figures", figures)]


def _pretrained(
    request: TrainingRequest, config: TrainingConfig, ranks: Ranks
) -> PortableModel | None:
    """The model that the training starts from, or None if the settings name none.

    Raises:
        ModelFileError: when it cannot be loaded.
        SettingsError: when the settings differ from those that it was made with.
    """
    start = load_pretrained(config, request.models)
    if start is None:
        return None
    if not config.epochs:
        raise SettingsError(
            [
                f"epochs 0 trains nothing: the result would be {config.pretrained!r} again; use "
                "`dualwindow evaluate`, or let the bot use the model unchanged"
            ],
            "dualwindow train",
        )
    settings = request.settings
    require_timeframe(start, settings.timeframe)
    settings_from(start, config)
    if ranks.is_first:
        for warning in origin_warnings(start, settings.exchange, settings.trading_mode):
            logger.warning("%s", warning)
    return start


@contextmanager
def _cleaned_up_on_failure(folder: TrainingFolder, ranks: Ranks) -> Iterator[None]:
    """Remove the folder when the block fails without a model and without a checkpoint.

    Raises:
        DataError: in place of an OSError of writing; errors of reading are no OSErrors any more.
    """
    try:
        yield
    except BaseException as error:
        resumable = folder.checkpoint.is_file()
        if ranks.is_first and not resumable and not folder.is_finished:
            folder.abandon()
        if not isinstance(error, OSError):
            raise
        way_on = "the same command with --resume goes on" if resumable else "start again"
        raise DataError(
            f"the training cannot be written: {error}; make room on the disk, or check who owns "
            f"the folder, then {way_on}"
        ) from error


def _log_how_to_resume(folder: TrainingFolder, signals: StopSignals) -> None:
    name = signals.received.name if signals.received else "another rank"
    if folder.checkpoint.is_file():
        logger.warning(
            "stopped by %s; the state is kept in %s: the same command with --resume goes on",
            name,
            folder.checkpoint,
        )
    else:
        logger.warning("stopped by %s before the first epoch had ended; nothing is left", name)
