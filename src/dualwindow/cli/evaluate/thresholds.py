"""`dualwindow evaluate --suggest-thresholds`: choose on validation, report on the tail."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.figures import AfterFees
from dualwindow.backtest.terms import TradeTerms, trade_terms
from dualwindow.backtest.trades import ComparedTrades, trade_decisions
from dualwindow.cli.display.console import console_of, log_to
from dualwindow.cli.display.evaluation_output import require_writable, write_figures
from dualwindow.cli.display.threshold_tables import Suggestion, ValidationMeaning, print_suggestion
from dualwindow.cli.evaluate.job import checked_store, evaluation_settings
from dualwindow.cli.options.candles import find_candles
from dualwindow.cli.options.configuration import USERDIR
from dualwindow.cli.options.flags import MIN_TRADES
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.cli.stop_signals import StopSignals
from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.calibration import Calibrated
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.measure import LEAD
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange, utc_text
from dualwindow.data.datasets.store import Store
from dualwindow.errors import DataError, SettingsError, TrainingStoppedError
from dualwindow.evaluation.thresholds import ThresholdFigures
from dualwindow.model_selection.scored_candles import pair_probabilities, part_of, score_candles
from dualwindow.model_selection.threshold_search import choose_thresholds, chosen_thresholds
from dualwindow.model_selection.threshold_trades import ScoredCandles
from dualwindow.models.identifier.looks import Look, choices_of, note_look
from dualwindow.models.networks.registry import look_in
from dualwindow.models.portable import ModelOrigin, PortableModel, load_portable
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig


def run_suggestion(options: argparse.Namespace) -> int:
    """Choose thresholds and show the profit of their trades.

    The status is 0, whatever the verdict, or 128 and the number of the signal that stopped it.

    Raises:
        DualWindowError: when the model or the candles cannot be used.
    """
    min_trades = _min_trades(options)
    log_to(console_of(sys.stderr), logging.INFO)
    look_in(Path(options.userdir or USERDIR))
    loaded = load_portable(options.model)
    validation_range, tail_range = _date_ranges(loaded.origin)
    settings = evaluation_settings(options, loaded)
    model = loaded.model.on_device(settings.training.device)
    _require_one_scale(settings.training)
    configured = model.thresholds(settings.training)
    terms = trade_terms(settings.root, settings.layers.content, settings.trading_mode)
    require_writable(options.output)
    timerange = DateRange(validation_range.first, tail_range.stop)
    sources = [
        replace(source, timerange=timerange)
        for source in find_candles(settings, begin=validation_range.first)
    ]
    with StopSignals() as signals:
        try:
            store = checked_store(sources, settings, model, signals)
            scored = _scored(model, store, sources, settings, signals)
        except TrainingStoppedError:
            return signals.exit_status
    config = settings.training
    validation = _part(scored, validation_range, config)
    tail = _part(scored, tail_range, config)
    choice = choose_thresholds(validation, config, terms, min_trades=min_trades)
    chosen = chosen_thresholds(choice.chosen, configured)
    tried = DecisionRule.from_settings(config), DecisionRule(chosen, {}, config.calibration)
    looked = _noted_choices(options.model, loaded, tail_range, tried)
    suggestion = Suggestion(
        pairs=tuple(source.pair for source in sources),
        validation=str(validation_range),
        tail=str(tail_range),
        choice=choice,
        meaning=_meaning(validation, chosen),
        chosen_on_validation=_traded(validation, chosen, config, terms),
        chosen_on_tail=_traded(tail, chosen, config, terms).of_choices(len(looked)),
        configured=configured,
        leads=tuple(
            CLASS_NAMES[code] for code in config.coverage_sides if config.confidence_measure == LEAD
        ),
        configured_on_tail=_traded(
            tail, configured, config, terms, config.coverage_sides
        ).of_choices(len(looked)),
        looked_at_with=tuple(looked),
    )
    print_suggestion(console_of(sys.stdout), suggestion)
    if options.output is not None:
        write_figures(options.output, {"model": loaded.origin.name, **suggestion.to_dict()})
    return 0


def _noted_choices(
    folder: Path,
    loaded: PortableModel,
    tail: DateRange,
    tried: Sequence[DecisionRule],
) -> list[str]:
    """Note the looks at the tail beside the model: thresholds that it has been looked at with."""
    assert tail.first is not None
    assert tail.stop is not None
    looks: list[Look] = []
    for rule in tried:
        dates = tail.first, tail.stop - 1
        look = Look.of(rule, dates, "evaluate --suggest-thresholds", loaded.sha256)
        looks = note_look(folder, look)
    return choices_of(looks)


def _min_trades(options: argparse.Namespace) -> int:
    problems = [
        f"{flag} {value!r} does not go with --suggest-thresholds, which chooses on the model's "
        "validation candles and reports on its tail; leave it out"
        for flag, value in (("--date-from", options.date_from), ("--date-to", options.date_to))
        if value is not None
    ]
    wanted: int = MIN_TRADES if options.min_trades is None else options.min_trades
    if wanted < 1:
        problems.append(f"--min-trades {wanted} must be at least 1; {MIN_TRADES} is the default")
    if problems:
        raise SettingsError(problems, "the command")
    return wanted


def _require_one_scale(config: TrainingConfig) -> None:
    """Refuse thresholds on two scales: the network's own and calibrated probabilities."""
    if config.coverage_sides and config.calibration != "none":
        raise SettingsError(
            [
                f"confidence_mode 'coverage' uses the network's own probabilities, and a "
                f"threshold those of calibration {config.calibration!r}, so that they cannot be "
                "compared; give --calibration none or another --confidence-mode"
            ],
            "the command",
        )


def _date_ranges(origin: ModelOrigin) -> tuple[DateRange, DateRange]:
    """The validation candles, which choose the thresholds, and the tail, which reports on them.

    The tail alone can confirm the choice: all of validation has chosen the best epoch already.

    Raises:
        DataError: when one of them does not exist, or the model has seen validation candles.
    """
    begin, tail = origin.validation_from, origin.tail_from
    if begin is None or tail is None:
        lacks = "validation candles" if begin is None else "untouched tail"
        raise DataError(
            f"the model {origin.name} has no {lacks} to suggest thresholds with; train it with "
            "dualwindow.tail_fraction above 0 (and epochs above 0)"
        )
    seen = origin.pretrained_seen_until
    if seen is not None and seen > begin:
        raise DataError(
            f"the model that {origin.name} was fine-tuned from has seen candles until "
            f"{utc_text(seen)} (UTC), and validation begins at {utc_text(begin)}: thresholds "
            "chosen there would be hindsight; fine-tune on newer candles"
        )
    return DateRange(begin, tail), DateRange(tail, origin.until)


def _scored(
    model: TrainedModel,
    store: Store,
    sources: list[CandleSource],
    settings: RunSettings,
    signals: StopSignals,
) -> list[ScoredCandles]:
    """Candles of every pair with the model's probabilities."""
    dataset, scored = store.dataset, []
    for source, span in zip(sources, dataset.pairs, strict=True):
        probabilities = pair_probabilities(
            model, dataset, span, source, settings.training, should_stop=signals.requested
        )
        funding = settings.root.evaluation_funding
        scored.append(score_candles(source, dataset, span, probabilities, funding=funding))
    return scored


def _part(
    scored: list[ScoredCandles], timerange: DateRange, config: TrainingConfig
) -> list[ScoredCandles]:
    """The pairs that have candles in a date range; a pair that was listed later has none."""
    parts = [part_of(pair, timerange, config.future_window) for pair in scored]
    return [part for part in parts if len(part.candles) > 1]


def _traded(
    scored: list[ScoredCandles],
    thresholds: Thresholds,
    config: TrainingConfig,
    terms: TradeTerms,
    by_share: tuple[int, ...] = (),
) -> AfterFees:
    """Trades of thresholds after fees, beside other sides at the same entries.

    The thresholds of the sides `by_share` are of the measure of the settings.
    """
    compared = []
    for pair in scored:
        predicted = Calibrated.plain(pair.probabilities, by_share, config.confidence_measure)
        decisions = predicted.decide(thresholds)
        trades = trade_decisions(pair.candles, decisions, config, terms, turns=False)
        compared.append(ComparedTrades.from_trades(pair.candles, trades, config, terms))
    return after_fees(compared, terms)


def _meaning(scored: list[ScoredCandles], thresholds: Thresholds) -> ValidationMeaning:
    """How often a side occurred at its threshold, on rows with a known label."""
    labels = np.concatenate([pair.labels for pair in scored])
    probabilities = np.concatenate([pair.probabilities for pair in scored])
    known = (labels >= 0) & ~np.isnan(probabilities).any(axis=1)
    if not known.any():
        return {}
    return {
        CLASS_NAMES[code]: asdict(
            ThresholdFigures.from_probabilities(
                labels[known] == code, probabilities[known, code], threshold
            )
        )
        for code, threshold in ((SHORT, thresholds.short), (LONG, thresholds.long))
    }
