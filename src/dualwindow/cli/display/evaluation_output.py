"""A model's figures: tables on the terminal, and JSON in the file that `--output` names."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dualwindow.backtest.figures import AfterFees
from dualwindow.cli.display.console import console_of
from dualwindow.columns import CLASS_NAMES
from dualwindow.errors import DataError
from dualwindow.evaluation import DecisionFigures, Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES, MAJORITY, PRIOR, SHUFFLED, VOLATILITY
from dualwindow.evaluation.classification import confusion_text
from dualwindow.evaluation.forecast import ForecastFigures
from dualwindow.evaluation.text import calibration_text, skill_text, verdict
from dualwindow.report.tables import profit_table
from dualwindow.runtime.files import write_json

_FIGURES = (
    "accuracy",
    "Trading F1",
    "macro F1",
    "coverage (not HOLD)",
    *(
        f"{name} {figure}"
        for name in CLASS_NAMES
        for figure in ("predicted", "precision", "recall")
    ),
)


def print_evaluation(console: Console, evaluation: Evaluation, rows: str) -> None:
    """Show the decisions beside baselines, confusion matrix, confidence modes and skill.

    Args:
        console: where they are shown.
        evaluation: of a model.
        rows: name of its candles, for the title.
    """
    console.print(decision_table(evaluation, rows))
    console.print("with the thresholds:")
    console.print(confusion_text(evaluation.thresholded.confusion), markup=False, soft_wrap=True)
    console.print(mode_table(evaluation))
    if evaluation.forecast.skill:
        console.print(skill_table(evaluation.forecast))
        console.print(verdict(evaluation.forecast), markup=False)


def decision_table(evaluation: Evaluation, rows: str) -> Table:
    """Figures of argmax, of the thresholds and of decisions without a model, a column each."""
    limits = ", ".join(f"{name} {value:.2f}" for name, value in evaluation.thresholds.items())
    calibrated = calibration_text(evaluation.calibration)
    table = Table(title=f"{rows}: {evaluation.rows:,} candles; thresholds {limits}{calibrated}")
    decisions = {"argmax": evaluation.argmax, "thresholds": evaluation.thresholded}
    for name in (MAJORITY, SHUFFLED):
        if name in evaluation.forecast.baselines:
            decisions[BASELINE_TITLES[name]] = evaluation.forecast.baselines[name]
    table.add_column("")
    for title in decisions:
        table.add_column(title, justify="right")
    columns = [_cells(figures) for figures in decisions.values()]
    for row in zip(_FIGURES, *columns, strict=True):
        table.add_row(*row)
    return table


def mode_table(evaluation: Evaluation) -> Table:
    """Confidence modes: how often a threshold fires, and how often the side then occurred."""
    table = Table(title="thresholds by mode: share of candles, and how often the side occurred")
    for head in ("mode", "SHORT", "LONG", "accuracy", "Trading F1", "coverage"):
        table.add_column(head, justify="left" if head == "mode" else "right")
    for name, mode in evaluation.modes.items():
        cells = []
        for side in ("SHORT", "LONG"):
            figures = mode.thresholds[side]
            actual = "-" if figures.above is None else f"{figures.above:.1%}"
            cells.append(f">= {figures.threshold:.2f}: {figures.fires:.2%}, {actual}")
        decided = mode.decisions
        cells += [f"{decided.accuracy:.3f}", f"{decided.trading_f1:.3f}", f"{decided.coverage:.2%}"]
        table.add_row(name, *cells)
    return table


def skill_table(forecast: ForecastFigures) -> Table:
    """Skill of the forecasts over the class prior and volatility baselines, and its two parts."""
    table = Table(title="skill: share of the baseline's log loss that is saved, 95 % intervals")
    for head in ("probabilities", "against", "log loss", "skill", "HOLD versus move", "direction"):
        text = head in ("probabilities", "against")
        table.add_column(head, justify="left" if text else "right")
    for name, against in forecast.skill.items():
        for baseline in (PRIOR, VOLATILITY):
            if baseline not in against:
                continue
            skill = against[baseline]
            ours, theirs = forecast.losses[name].log_loss, forecast.losses[baseline].log_loss
            parts = (skill.total, skill.calm, skill.direction)
            table.add_row(
                name,
                BASELINE_TITLES[baseline],
                f"{ours:.4f} / {theirs:.4f}",
                *(skill_text(part) for part in parts),
            )
    return table


def _cells(figures: DecisionFigures) -> list[str]:
    cells = [f"{value:.3f}" for value in (figures.accuracy, figures.trading_f1, figures.macro_f1)]
    cells.append(f"{figures.coverage:.2%}")
    for name in CLASS_NAMES:
        precision, recall = figures.precision[name], figures.recall[name]
        cells += [f"{figures.predicted[name]:,}", f"{precision:.3f}", f"{recall:.3f}"]
    return cells


def print_profit(console: Console, figures: AfterFees | None) -> None:
    """Show trades after fees beside other sides at the same entries; None shows nothing."""
    if figures is None:
        return
    content = profit_table(figures)
    if content is not None:
        table = Table(title="one position at a time, after fees, 95 % intervals")
        for at, head in enumerate(content.heads):
            table.add_column(head, justify="right" if at else "left")
        for row in content.rows:
            table.add_row(*row)
        console.print(table)
    lines = figures.lines()
    if figures.sides is not None:
        # The table has the profits.
        lines = [lines[0], figures.sides.lines()[-1], lines[-1]]
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
