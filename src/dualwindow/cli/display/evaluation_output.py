"""A model's figures: tables on the terminal, and JSON in the file that `--output` names."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dualwindow.backtest.figures import AfterFees, verdict_sentence
from dualwindow.cli.display.console import console_of, figure_table
from dualwindow.columns import CLASS_NAMES
from dualwindow.errors import DataError
from dualwindow.evaluation import DecisionFigures, Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES, MAJORITY, PRIOR, SHUFFLED, VOLATILITY
from dualwindow.evaluation.classification import confusion_text
from dualwindow.evaluation.forecast import TEMPERATURE_SCALED, ForecastFigures
from dualwindow.evaluation.text import FORECAST_TITLES, skill_text, verdict
from dualwindow.report import tables
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import write_json


def print_figures(
    console: Console,
    evaluation: Evaluation | None,
    after_fees: AfterFees | None,
    rows: str,
    *,
    verbose: bool,
) -> None:
    """Show what matters in one table, or everything in several; `rows` is a title."""
    if not verbose:
        console.print(figure_table(rows, ("", ""), summary_rows(evaluation, after_fees).items()))
        return
    if evaluation is not None:
        print_evaluation(console, evaluation, rows)
    print_profit(console, after_fees)


def print_verdict(console: Console, after_fees: AfterFees | None) -> None:
    """Show the sentence with which commands end."""
    console.print(f"\n{verdict_sentence(after_fees)}", markup=False, highlight=False)


def summary_rows(evaluation: Evaluation | None, after_fees: AfterFees | None) -> dict[str, str]:
    """Name and text of the figures that matter; none where nothing was evaluated."""
    rows: dict[str, str] = {}
    if evaluation is not None:
        rows["candles"] = f"{evaluation.rows:,}"
        rows["SHORT or LONG predicted"] = f"{evaluation.thresholded.coverage:.2%}"
        for side in ("SHORT", "LONG"):
            predicted = evaluation.thresholded.predicted[side]
            right = f"{evaluation.thresholded.precision[side]:.1%}" if predicted else "never"
            share = evaluation.real[side] / evaluation.rows
            rows[f"{side} right in"] = f"{right} (occurred on {share:.1%})"
        rows |= _skill_rows(evaluation.forecast)
    if after_fees is not None:
        days = f"{after_fees.days:.1f} days"
        rows["trades"] = f"{after_fees.trades:,} in {days}"
        if after_fees.sides is not None:
            rows["profit of a trade after fees"] = after_fees.sides.model.mean_pct.text(3)
            rows["edge over a coin flip"] = after_fees.sides.edge_pct.text(3)
    return rows


def _skill_rows(forecast: ForecastFigures) -> dict[str, str]:
    """Skill against the strongest baseline, and its two parts."""
    if not forecast.skill:
        return {}
    rows = {}
    titles = {"total": "skill", "calm": "HOLD versus move", "direction": "direction"}
    for part, title in titles.items():
        figure = getattr(forecast.skill[TEMPERATURE_SCALED][forecast.strongest(part)], part)
        rows[title] = skill_text(figure)
    return rows


def print_evaluation(console: Console, evaluation: Evaluation, rows: str) -> None:
    """Show decisions beside baselines, confusion matrix, modes and skill; `rows` is a title."""
    console.print(decision_table(evaluation, rows))
    console.print("with the thresholds:")
    console.print(confusion_text(evaluation.thresholded.confusion), markup=False, soft_wrap=True)
    console.print(mode_table(evaluation))
    if evaluation.forecast.skill:
        console.print(skill_table(evaluation.forecast))
        console.print(verdict(evaluation.forecast), markup=False)


def decision_table(evaluation: Evaluation, rows: str) -> Table:
    """Figures of argmax, of the thresholds and of decisions without a model, a column each."""
    title = f"{rows}: {counted(evaluation.rows, 'candle')}; {evaluation.rule_text()}"
    decisions = {"argmax": evaluation.argmax, "thresholds": evaluation.thresholded}
    for name in (MAJORITY, SHUFFLED):
        if name in evaluation.forecast.baselines:
            decisions[BASELINE_TITLES[name]] = evaluation.forecast.baselines[name]
    columns = [_cells(figures) for figures in decisions.values()]
    cells = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return figure_table(title, ("", *decisions), cells)


def mode_table(evaluation: Evaluation) -> Table:
    """Confidence modes: how often a threshold fires, and how often the side then occurred."""
    rows = []
    for name, mode in evaluation.modes.items():
        cells = [name]
        for side in ("SHORT", "LONG"):
            figures = mode.thresholds[side]
            actual = "-" if figures.above is None else f"{figures.above:.1%}"
            cells.append(f">= {figures.threshold:.2f}: {figures.fires:.2%}, {actual}")
        decided = mode.decisions
        cells += [f"{decided.accuracy:.3f}", f"{decided.trading_f1:.3f}", f"{decided.coverage:.2%}"]
        rows.append(cells)
    title = "thresholds by mode: share of candles, and how often the side occurred"
    heads = ("mode", "SHORT", "LONG", "accuracy", "Trading F1", "coverage")
    return figure_table(title, heads, rows)


def skill_table(forecast: ForecastFigures) -> Table:
    """Skill of the forecasts over the class prior and volatility baselines, and its two parts."""
    rows = []
    for name, against in forecast.skill.items():
        for baseline in (PRIOR, VOLATILITY):
            if baseline not in against:
                continue
            skill = against[baseline]
            losses = " / ".join(f"{forecast.losses[of].log_loss:.4f}" for of in (name, baseline))
            parts = map(skill_text, (skill.total, skill.calm, skill.direction))
            title = FORECAST_TITLES.get(name, name)
            rows.append((title, BASELINE_TITLES[baseline], losses, *parts))
    title = "skill: share of the baseline's log loss that is saved, 95 % intervals"
    heads = ("probabilities", "against", "log loss", "skill", "HOLD versus move", "direction")
    return figure_table(title, heads, rows, texts=2)


def _cells(figures: DecisionFigures) -> dict[str, str]:
    """Name of a figure to its text."""
    cells = {
        "accuracy": f"{figures.accuracy:.3f}",
        "Trading F1": f"{figures.trading_f1:.3f}",
        "macro F1": f"{figures.macro_f1:.3f}",
        "coverage (not HOLD)": f"{figures.coverage:.2%}",
    }
    for name in CLASS_NAMES:
        cells[f"{name} predicted"] = f"{figures.predicted[name]:,}"
        cells[f"{name} precision"] = f"{figures.precision[name]:.3f}"
        cells[f"{name} recall"] = f"{figures.recall[name]:.3f}"
    return cells


def print_profit(console: Console, figures: AfterFees | None) -> None:
    """Show trades after fees beside other sides at the same entries; None shows nothing."""
    if figures is None:
        return
    content = tables.profits(figures)
    if content is not None:
        title = "one position at a time, after fees, 95 % intervals"
        console.print(figure_table(title, content.heads, content.rows))
    lines = figures.lines()
    if figures.sides is not None:
        # The table has the profits.
        turns = [figures.turn_note] if figures.turn_note else []
        lines = [lines[0], *turns, figures.sides.lines()[-1], *lines[-2:]]
    for line in lines:
        console.print(line, markup=False)


def require_writable(output: Path | None) -> None:
    """Check before a long run that the file of `--output` can be written.

    Raises:
        DataError: when it cannot.
    """
    if output is not None and (output.is_dir() or not os.access(output.parent, os.W_OK)):
        reason = "it is a folder" if output.is_dir() else f"{output.parent} cannot be written to"
        raise DataError(f"--output {output} cannot be written: {reason}; give another file")


def write_figures(output: Path, content: dict[str, Any]) -> None:
    """Write figures as JSON and print the path.

    Raises:
        DataError: when the file cannot be written.
    """
    try:
        write_json(output, content)
    except OSError as error:
        raise DataError(f"--output {output} cannot be written: {error}") from None
    console_of(sys.stdout).print(f"figures: {output}", markup=False, soft_wrap=True)
