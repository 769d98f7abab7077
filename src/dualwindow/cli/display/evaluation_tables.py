"""A model's figures as tables on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from dualwindow.backtest.figures import AfterFees
from dualwindow.columns import CLASS_NAMES
from dualwindow.evaluation import DecisionFigures, Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES, MAJORITY, PRIOR, SHUFFLED, VOLATILITY
from dualwindow.evaluation.classification import confusion_text
from dualwindow.evaluation.forecast import ForecastFigures
from dualwindow.evaluation.text import calibration_text, skill_text, verdict
from dualwindow.report.tables import profit_table

_FIGURES = (
    "accuracy",
    "Trading F1",
    "macro F1",
    "coverage (not HOLD)",
    *(f"{name} {figure}" for name in CLASS_NAMES for figure in ("said", "precision", "recall")),
)


def print_evaluation(console: Console, evaluation: Evaluation, rows: str) -> None:
    """Show decisions beside those of baselines, what was said against what was, and the skill.

    Args:
        console: where it is shown.
        evaluation: of a model.
        rows: what its candles are called.
    """
    console.print(decision_table(evaluation, rows))
    console.print("with the thresholds:")
    console.print(confusion_text(evaluation.thresholded.confusion), markup=False, soft_wrap=True)
    console.print(mode_table(evaluation))
    if evaluation.forecast.skill:
        console.print(skill_table(evaluation.forecast))
        console.print(verdict(evaluation.forecast), markup=False)


def decision_table(evaluation: Evaluation, rows: str) -> Table:
    """Argmax beside thresholds, beside decisions that know nothing.

    Args:
        evaluation: of a model.
        rows: what its candles are called.
    """
    limits = ", ".join(f"{name} {value:.2f}" for name, value in evaluation.thresholds.items())
    calibrated = calibration_text(evaluation.calibration)
    table = Table(title=f"{rows}: {evaluation.rows:,} candles; thresholds {limits}{calibrated}")
    ways = {"argmax": evaluation.argmax, "thresholds": evaluation.thresholded}
    for name in (MAJORITY, SHUFFLED):
        if name in evaluation.forecast.baselines:
            ways[BASELINE_TITLES[name]] = evaluation.forecast.baselines[name]
    table.add_column("")
    for title in ways:
        table.add_column(title, justify="right")
    for cells in zip(_FIGURES, *(_cells(each) for each in ways.values()), strict=True):
        table.add_row(*cells)
    return table


def mode_table(evaluation: Evaluation) -> Table:
    """Every confidence mode: how often its thresholds fire, and how often the side comes then."""
    table = Table(title="thresholds by mode: share of candles, and how often the side came")
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
    """Every forecast against the two baselines that say something, with the skill's two parts."""
    table = Table(title="skill: share of the baseline's log loss that is saved, 95 % intervals")
    for head in ("probabilities", "against", "log loss", "skill", "calm or not", "direction"):
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
    """Show trades after fees beside other sides at the same entries; nothing without figures."""
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
