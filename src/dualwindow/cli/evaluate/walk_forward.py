"""`dualwindow evaluate` of a backtest: its saved predictions against the actual labels."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dualwindow.cli.display.console import console_of, figure_table, log_to, print_warning
from dualwindow.cli.display.evaluation_output import (
    print_figures,
    print_verdict,
    require_writable,
    write_figures,
)
from dualwindow.cli.evaluate.basis import Basis
from dualwindow.cli.options.flags import EVALUATION_FLAGS, SettingFlag
from dualwindow.data.candles.sums import changes_text
from dualwindow.data.candles.timerange import utc_text
from dualwindow.errors import DataError, ModelFileError, SettingsError
from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.evidence.verdict import UNCLEAR
from dualwindow.evaluation.text import skill_text
from dualwindow.model_selection.walk_candles import of_other_candles
from dualwindow.model_selection.walk_forward import WalkForward, pooled_walk
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.model_selection.walk_sources import walk_of
from dualwindow.models.fingerprint import CACHED_PREDICTIONS
from dualwindow.models.identifier.looks import Look, choices_of, note_look
from dualwindow.report.predictions import Decided, WalkFacts
from dualwindow.report.verdict import strongest_skill
from dualwindow.runtime.counts import counted


def is_backtest(folder: Path) -> bool:
    """Whether a folder holds a backtest's predictions."""
    return (folder / CACHED_PREDICTIONS).is_dir()


def evaluate_backtest(
    options: argparse.Namespace, folder: Path, flags: tuple[SettingFlag, ...]
) -> WalkFacts:
    """Compare a backtest's predictions with the candles, for all pairs whose candles exist.

    The folder is `user_data/models/<identifier>`; `flags` are those that the parser has beside
    those of `add_config_flags`. The configuration is that of the backtest unless another one is
    named, see `Basis`.

    Raises:
        SettingsError: when a configuration that was named cannot be used.
    """
    basis = Basis.from_options(options, folder, flags)
    try:
        settings = WalkSettings.from_config(folder, basis.layers.content, basis.traded)
    except ModelFileError as error:
        return WalkFacts([], None, [str(error)])
    datadir = basis.candles(folder, settings.exchange)
    walks, problems = [], []
    for base, pair in settings.pairs.items():
        try:
            changes = of_other_candles(folder, base, settings, datadir)
            if changes:
                where = changes_text(changes.values())
                left_out = counted(len(changes), "saved prediction is", "saved predictions are")
                problems.append(
                    f"{left_out} left out of {pair}, made from other candles than those in "
                    f"{datadir}: {where}; run the backtest again"
                )
            walk = walk_of(folder, pair, base, settings, datadir, without=changes)
        except DataError as error:
            problems.append(f"{pair} is not compared with its candles: {error}")
            continue
        if walk is not None:
            walks.append(walk)
    pooled = pooled_walk(walks, settings.terms) if walks else None
    lines = basis.lines(folder, settings)
    if pooled is not None:
        choices = _noted_choices(folder, pooled, settings)
        if pooled.after_fees is not None:
            pooled = replace(pooled, after_fees=pooled.after_fees.of_choices(len(choices)))
        if len(choices) > 1:
            lines["looked at with"] = "; ".join(choices)
    if pooled is None:
        lines["figures"] = "those of each training, by the thresholds of its time"
    return WalkFacts(walks, pooled, problems, Decided(settings.rule, settings.extent, lines))


def _noted_choices(folder: Path, walk: WalkForward, settings: WalkSettings) -> list[str]:
    """Note this evaluation in the folder: thresholds that its candles have been looked at with."""
    dates = min(part.first for part in walk.slices), max(part.last for part in walk.slices)
    return choices_of(note_look(folder, Look.of(settings.rule, dates, "evaluate")))


def run_walk(options: argparse.Namespace) -> int:
    """Evaluate the backtest in FreqAI's folder `model` and show the figures; always 0.

    Raises:
        SettingsError: when a flag does not fit a backtest.
        DataError: when no pair can be evaluated, or the figures cannot be written.
    """
    _require_fitting(options)
    require_writable(options.output)
    errors = console_of(sys.stderr)
    log_to(errors, logging.INFO)
    facts = evaluate_backtest(options, options.model, EVALUATION_FLAGS)
    if facts.pooled is None:
        raise DataError(
            "; ".join(facts.problems)
            or f"{options.model} holds no predictions that can be read; run the backtest again"
        )
    for problem in facts.problems:
        print_warning(errors, problem)
    console = console_of(sys.stdout)
    _show(console, facts.pooled, verbose=options.verbose)
    print_basis(console, facts)
    if options.output is not None:
        earned = facts.pooled.after_fees
        outcome = earned.outcome if earned else UNCLEAR
        content = {"verdict": outcome, **asdict(facts.pooled), "basis": facts.basis}
        write_figures(options.output, content)
    print_verdict(console, facts.pooled.after_fees)
    return 0


def print_basis(console: Console, facts: WalkFacts) -> None:
    """Show which configuration the figures are of."""
    for title, words in facts.basis.items():
        console.print(f"{title}: {words}", markup=False, highlight=False, soft_wrap=True)


def _require_fitting(options: argparse.Namespace) -> None:
    """Refuse flags without effect: a backtest has its own pairs, dates and models."""
    problems = [
        f"{flag} does not go with the folder of a backtest, all of whose saved predictions are "
        "evaluated; leave it out, or give a folder that `dualwindow train` has written"
        for flag, given in (
            ("--pair", options.pair),
            ("--date-from", options.date_from),
            ("--date-to", options.date_to),
            ("--suggest-thresholds", options.suggest_thresholds or None),
            ("--min-trades", options.min_trades),
            ("--importance", options.importance or None),
        )
        if given is not None
    ]
    if problems:
        raise SettingsError(problems, "the command")


def _show(console: Console, walk: WalkForward, *, verbose: bool) -> None:
    title = f"{', '.join(walked.pair for walked in walk.pairs)}, walk-forward"
    print_figures(console, walk.evaluation, walk.after_fees, title, verbose=verbose)
    if verbose:
        console.print(slice_table(walk))


def slice_table(walk: WalkForward) -> Table:
    """One row per retraining: its model on the candles that it predicted."""
    heads = ("pair", "trained until", "candles", "left out", "skill", "direction", "trades")
    rows = []
    for part in walk.slices:
        figures = part.after_fees
        sides = figures.sides if figures is not None else None
        rows.append(
            (
                part.pair,
                utc_text(part.trained_until),
                f"{part.candles:,}",
                f"{part.unusable + part.unknown:,}",
                _skill(part.evaluation, "total"),
                _skill(part.evaluation, "direction"),
                f"{figures.trades:,}" if figures is not None else "-",
                sides.model.mean_pct.text(3) if sides is not None else "-",
            )
        )
    title = "by retraining: every model on the candles that it predicted"
    return figure_table(title, (*heads, "a trade"), rows, texts=2)


def _skill(evaluation: Evaluation | None, part: str) -> str:
    if evaluation is None or not evaluation.forecast.skill:
        return "-"
    return skill_text(strongest_skill(evaluation, part)[1])
