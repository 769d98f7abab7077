"""`dualwindow evaluate` of a backtest: its saved predictions against the actual labels."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from dualwindow.cli.display.console import console_of, log_to
from dualwindow.cli.display.evaluation_output import (
    print_evaluation,
    print_profit,
    require_writable,
    write_figures,
)
from dualwindow.cli.evaluate.walk_settings import evaluate_backtest
from dualwindow.cli.options.flags import EVALUATION_FLAGS
from dualwindow.data.candles.timerange import utc_text
from dualwindow.errors import DataError, SettingsError
from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.forecast import TEMPERATURE_SCALED
from dualwindow.evaluation.text import skill_text
from dualwindow.model_selection.walk_forward import WalkForward


def run_walk(options: argparse.Namespace) -> int:
    """Evaluate a backtest and show the figures.

    Args:
        options: of `commands.evaluate.add_arguments`; `model` is FreqAI's folder.

    Returns:
        0.

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
        errors.print(f"warning: {problem}", style="yellow", markup=False)
    console = console_of(sys.stdout)
    _show(console, facts.pooled)
    if options.output is not None:
        write_figures(options.output, asdict(facts.pooled))
    return 0


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
        )
        if given is not None
    ]
    if problems:
        raise SettingsError(problems, "the command")


def _show(console: Console, walk: WalkForward) -> None:
    if walk.evaluation is not None:
        pairs = ", ".join(walked.pair for walked in walk.pairs)
        print_evaluation(console, walk.evaluation, f"{pairs}, walk-forward")
    console.print(slice_table(walk))
    print_profit(console, walk.after_fees)


def slice_table(walk: WalkForward) -> Table:
    """One row per retraining: its model on the candles that it predicted."""
    table = Table(title="by retraining: every model on the candles that it predicted")
    for head in ("pair", "trained until", "candles", "left out", "skill", "direction", "trades"):
        table.add_column(head, justify="left" if head in ("pair", "trained until") else "right")
    table.add_column("a trade", justify="right")
    for part in walk.slices:
        figures = part.after_fees
        sides = figures.sides if figures is not None else None
        table.add_row(
            part.pair,
            utc_text(part.trained_until),
            f"{part.candles:,}",
            f"{part.unusable + part.unknown:,}",
            _skill(part.evaluation, "total"),
            _skill(part.evaluation, "direction"),
            f"{figures.trades:,}" if figures is not None else "-",
            sides.model.mean_pct.text(3) if sides is not None else "-",
        )
    return table


def _skill(evaluation: Evaluation | None, part: str) -> str:
    if evaluation is None or not evaluation.forecast.skill:
        return "-"
    forecast = evaluation.forecast
    return skill_text(getattr(forecast.skill[TEMPERATURE_SCALED][forecast.strongest(part)], part))
