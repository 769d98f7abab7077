"""`dualwindow evaluate` of a model folder: load the model, prepare candles, predict, compare."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dualwindow.backtest.dataset_trades import TradeVenue, newest_rows, trade_rows
from dualwindow.backtest.figures import AfterFees
from dualwindow.cli.display.console import console_of, log_to, print_warning
from dualwindow.cli.display.evaluation_output import (
    print_figures,
    print_verdict,
    require_writable,
    write_figures,
)
from dualwindow.cli.display.progress import run_progress
from dualwindow.cli.display.stages import StageWatch
from dualwindow.cli.evaluate.importance import measure_importance, show_importance
from dualwindow.cli.options.candles import check_candles, find_candles, venue_of
from dualwindow.cli.options.configuration import USERDIR, layered_config
from dualwindow.cli.options.flags import EVALUATION_FLAGS
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.cli.stop_signals import StopSignals
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.store import Store, store_folder
from dualwindow.errors import DataError, TrainingStoppedError
from dualwindow.evaluation import Evaluation, evaluate
from dualwindow.evaluation.evidence.verdict import UNCLEAR
from dualwindow.models.fingerprint import CONFIDENCE_SETTINGS, settings_in_model
from dualwindow.models.identifier.looks import Look, choices_of, note_look
from dualwindow.models.model_files import AFTER_FEES_KEY, EVALUATION_NAME
from dualwindow.models.networks.registry import look_in
from dualwindow.models.portable import PortableModel, load_portable
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.counts import counted
from dualwindow.settings.checks.costs import idle_threshold
from dualwindow.settings.layers.files import Layer
from dualwindow.settings.layers.places import TRAINING_GROUP
from dualwindow.training.evaluation_rows import EVALUATION_ROWS
from dualwindow.training.final_evaluation import comparison_of

logger = logging.getLogger(__name__)


def run_evaluation(options: argparse.Namespace) -> int:
    """Evaluate a model on candles and show the figures.

    The status is 0, or 128 and the number of the signal that stopped it.

    Raises:
        DualWindowError: when the model or the candles cannot be used.
    """
    log_to(console_of(sys.stderr), logging.INFO)
    look_in(Path(options.userdir or USERDIR))
    loaded = load_portable(options.model)
    settings = evaluation_settings(options, loaded)
    for warning in idle_threshold(settings.training):
        logger.warning("%s", warning)
    model = loaded.model.on_device(settings.training.device)
    # Refuse now, before the work, a mode that needs what the model lacks.
    model.thresholds(settings.training)
    require_writable(options.output)
    sources = _sources(settings, loaded)
    with StopSignals() as signals:
        try:
            store = checked_store(sources, settings, model, signals)
            venue = venue_of(settings, sources)
            evaluation, after_fees = _evaluate(loaded, model, settings, store, signals, venue=venue)
            importance = None
            if options.importance:
                period = str(sources[0].timerange)
                importance = measure_importance(
                    model, loaded, store.dataset, venue, period, should_stop=signals.requested
                )
        except TrainingStoppedError:
            return signals.exit_status
    looks = _noted(options.model, loaded, settings, store)
    if after_fees is not None:
        after_fees = after_fees.of_choices(len(choices_of(looks)))
    verbose = options.verbose
    content = _print_figures(evaluation, after_fees, sources, loaded, looks, verbose=verbose)
    if importance is not None:
        show_importance(console_of(sys.stdout), options.model, importance, loaded.sha256)
        content["importance"] = asdict(importance)
    if options.output is not None:
        write_figures(options.output, content)
    print_verdict(console_of(sys.stdout), after_fees)
    return 0


def _noted(folder: Path, loaded: PortableModel, settings: RunSettings, store: Store) -> list[Look]:
    """Note this evaluation beside the model: all looks at these candles."""
    seconds = store.dataset.seconds
    rule = DecisionRule.from_settings(settings.training)
    dates = int(seconds.min()), int(seconds.max())
    return note_look(folder, Look.of(rule, dates, "evaluate", loaded.sha256))


def evaluation_settings(options: argparse.Namespace, loaded: PortableModel) -> RunSettings:
    """Settings of the run; those that a model depends on are the model's own."""
    origin, config = loaded.origin, loaded.model.config
    own: dict[str, Any] = {
        "timeframe": origin.timeframe,
        # The date range of a preset or a configuration is that of a training.
        "dualwindow": {
            "train_days": None,
            "train_from": options.date_from,
            "train_to": options.date_to,
        },
        "freqai": {
            # FreqAI's names for the same things may differ in a bot's configuration.
            "conv_width": None,
            "data_split_parameters": {"test_size": config.validation_fraction},
            "model_training_parameters": settings_in_model(config),
            "feature_parameters": {
                "indicator_periods_candles": list(origin.periods),
                "label_period_candles": None,
            },
        },
    }
    if options.pair is None:
        own["exchange"] = {"pair_whitelist": list(origin.pairs)}
    above = [Layer("the model", own)]
    venue = {"trading_mode": origin.trading_mode, "exchange": {"name": origin.exchange}}
    below = [Layer("the model", venue)]
    layers = layered_config(options, EVALUATION_FLAGS, below=below, above=above)
    if not any(layers.origin(*TRAINING_GROUP, name) for name in CONFIDENCE_SETTINGS):
        # Only then: a threshold of the model would override the mode of a configuration.
        decisions = {name: config.to_dict()[name] for name in CONFIDENCE_SETTINGS}
        below.append(Layer("the model", {"freqai": {"model_training_parameters": decisions}}))
        layers = layered_config(options, EVALUATION_FLAGS, below=below, above=above)
    return RunSettings.from_layers(layers)


def checked_store(
    sources: list[CandleSource], settings: RunSettings, model: TrainedModel, signals: StopSignals
) -> Store:
    """Check the candles of all pairs and prepare them for a model.

    Raises:
        DataError: when the candles cannot be used, or their features are not the model's.
        TrainingStoppedError: when a signal stopped it.
    """
    console = console_of(sys.stderr)
    check_candles(sources, settings, console, signals.requested)
    with run_progress(console, 0, StageWatch().memory) as progress:
        store = prepare_store(
            sources,
            settings.on_this_machine()[0],
            store_folder(settings.user_data),
            periods=settings.periods,
            candle_seconds=settings.candle_seconds,
            should_stop=signals.requested,
            progress=progress.prepared,
        )
    if store.dataset.names != model.feature_names:
        raise DataError(
            f"the model's features are {', '.join(model.feature_names)}, the command line makes "
            f"{', '.join(store.dataset.names)}; such a model can only be evaluated by a backtest"
        )
    return store


def _sources(settings: RunSettings, loaded: PortableModel) -> list[CandleSource]:
    """The candles to evaluate on: those after the training, unless dates are given."""
    root = settings.root
    if root.train_from is not None or root.train_days is not None:
        return find_candles(settings)
    until = loaded.origin.seen_until
    sources = find_candles(settings, begin=until)
    stop = sources[0].timerange.stop
    if stop is not None and stop <= until:
        raise DataError(
            f"the model was made with candles until {utc_text(until)} (UTC), and there are none "
            "after that; download newer ones, or choose dates with --date-from (within the "
            "training the figures are hindsight)"
        )
    return sources


def _evaluate(
    loaded: PortableModel,
    model: TrainedModel,
    settings: RunSettings,
    store: Store,
    signals: StopSignals,
    *,
    venue: TradeVenue,
) -> tuple[Evaluation, AfterFees | None]:
    """Figures of the model, which is `loaded` on its device, and of its trades."""
    dataset = store.dataset
    labelled = dataset.labelled()
    rows = labelled.evenly_spaced(EVALUATION_ROWS)
    if not len(rows):
        raise DataError(
            f"none of {counted(len(dataset), 'candle')} has a complete window and a known "
            "future; choose a longer date range"
        )
    probabilities = model.probabilities(dataset.features, rows, should_stop=signals.requested)
    config, comparison = settings.training, None
    if loaded.reference is None:
        logger.warning(
            "%s of the model holds no baselines, so that there is nothing to compare it with; a "
            "model that this version trains has them",
            EVALUATION_NAME,
        )
    else:
        comparison = comparison_of(dataset, rows, config, loaded.reference)
    thresholds = model.thresholds(config)
    predicted = model.calibrated(probabilities, config)
    evaluation = evaluate(dataset.labels[rows], probabilities, thresholds, comparison, predicted)
    if len(labelled) > len(rows):
        # Trades need consecutive rows; these are evenly spaced.
        rows = newest_rows(labelled, EVALUATION_ROWS)
        probabilities = model.probabilities(dataset.features, rows, should_stop=signals.requested)
        predicted = model.calibrated(probabilities, config)
    return evaluation, trade_rows(dataset, rows, predicted.decide(thresholds), config, venue)


def _print_figures(
    evaluation: Evaluation,
    after_fees: AfterFees | None,
    sources: list[CandleSource],
    loaded: PortableModel,
    looks: Sequence[Look],
    *,
    verbose: bool,
) -> dict[str, Any]:
    """Show the figures; as plain JSON types."""
    timerange = sources[0].timerange
    seen = timerange.first is None or timerange.first < loaded.origin.seen_until
    pairs = ", ".join(source.pair for source in sources)
    console = console_of(sys.stdout)
    print_figures(console, evaluation, after_fees, f"{pairs}, {timerange}", verbose=verbose)
    if seen:
        print_warning(
            console,
            f"the model was made with candles until {utc_text(loaded.origin.seen_until)} (UTC), so "
            "that a part of these figures is hindsight",
        )
    return {
        "model": str(loaded.origin.name),
        "pairs": [source.pair for source in sources],
        "period": str(timerange),
        "hindsight": seen,
        "verdict": after_fees.outcome if after_fees else UNCLEAR,
        "figures": evaluation.to_dict(),
        "looked_at_with": choices_of(looks),
        AFTER_FEES_KEY: after_fees.to_dict() if after_fees else None,
    }
