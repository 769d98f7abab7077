"""Tables of the page: cells as text, which the page escapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dualwindow.backtest.figures import AfterFees
from dualwindow.columns import CLASS_NAMES
from dualwindow.evaluation import DecisionFigures, Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES
from dualwindow.evaluation.forecast import RAW, TEMPERATURE_SCALED
from dualwindow.report.chart import iso
from dualwindow.report.pooling import pooled_threshold, weighed_mean
from dualwindow.report.schema import Report
from dualwindow.report.verdict import interval_words, share, strongest_skill

_UNKNOWN = "-"


@dataclass(frozen=True)
class PageTable:
    """One table.

    Attributes:
        heads: of the columns; none without them.
        rows: cells.
        ours: rows of the model, which stand out.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    ours: frozenset[int] = frozenset()


def baseline_table(report: Report) -> PageTable | None:
    """The model beside its baselines; means over candles where there are several retrainings."""
    found = [evaluation for _, evaluation in report.evaluated()]
    if not found:
        return None
    compared = all(each.forecast.skill for each in found)
    ours = TEMPERATURE_SCALED if compared else RAW
    rows = [
        _row("model, thresholds", found, ours, [each.thresholded for each in found]),
        _row("model, likeliest class", found, ours, [each.argmax for each in found]),
    ]
    if compared:
        shared = set.intersection(*(set(each.forecast.baselines) for each in found))
        rows += [
            _row(title, found, name, [each.forecast.baselines[name] for each in found])
            for name, title in BASELINE_TITLES.items()
            if name in shared
        ]
    heads = ("", "log loss", "Brier", "accuracy", "Trading F1", "not HOLD")
    return PageTable(heads, rows, frozenset({0, 1}))


def _row(
    title: str, found: list[Evaluation], forecast: str, decisions: list[DecisionFigures]
) -> list[str]:
    def mean(values: list[float]) -> float:
        rows = (each.rows for each in found)
        return weighed_mean(list(zip(rows, values, strict=True)))

    losses = [each.forecast.losses[forecast] for each in found]
    return [
        title,
        f"{mean([each.log_loss for each in losses]):.4f}",
        f"{mean([each.brier for each in losses]):.4f}",
        share(mean([each.accuracy for each in decisions])),
        f"{mean([each.trading_f1 for each in decisions]):.3f}",
        share(mean([each.coverage for each in decisions])),
    ]


def threshold_table(report: Report) -> PageTable | None:
    """What every threshold does: how often it fires, and what the market gives then."""
    found = [evaluation for _, evaluation in report.evaluated()]
    if not found:
        return None
    rows = []
    for mode in ("configured", *found[-1].modes):
        for side in ("SHORT", "LONG"):
            figures = [
                (
                    each.rows,
                    each.meaning[side]
                    if mode == "configured"
                    else each.modes[mode].thresholds[side],
                )
                for each in found
            ]
            fired, newest = pooled_threshold(figures), figures[-1][1]
            near = sum(each.near_rows for _, each in figures)
            actual = sum((each.near or 0.0) * each.near_rows for _, each in figures)
            rows.append(
                [
                    mode,
                    f"{side} from {newest.threshold:.2f}",
                    share(fired.coverage),
                    _UNKNOWN if fired.precision is None else share(fired.precision),
                    share(actual / near) if near else _UNKNOWN,
                ]
            )
    heads = ("mode", "threshold", "fires on", "side came", "market probability at it")
    return PageTable(heads, rows, frozenset({0, 1}))


def window_table(report: Report) -> PageTable | None:
    """Every retraining in one row; None where there is only one."""
    if len(report.windows) < 2:
        return None
    rows = []
    for window in report.windows:
        cells = [
            window.name,
            iso(window.trained_until)[:16] if window.trained_until else _UNKNOWN,
            f"{window.training.rows:,}",
        ]
        evaluation = window.evaluation
        if evaluation is None or not evaluation.forecast.skill:
            rows.append([*cells, "not compared", _UNKNOWN, _UNKNOWN])
            continue
        skills = [strongest_skill(evaluation, part)[1] for part in ("total", "direction")]
        rows.append([*cells, *map(interval_words, skills), share(evaluation.thresholded.coverage)])
    heads = ("pair", "trained until", "rows", "skill", "direction", "not HOLD")
    return PageTable(heads, rows)


def walk_table(report: Report) -> PageTable | None:
    """What every model's decisions earned on the candles that it predicted."""
    if report.walk is None:
        return None
    rows = []
    for each in report.walk.slices:
        cells = [each.pair, iso(each.trained_until)[:16], f"{each.candles:,}"]
        cells.append(f"{each.unusable + each.unknown:,}")
        figures = each.after_fees
        if figures is None or figures.sides is None:
            rows.append([*cells, "0", _UNKNOWN, _UNKNOWN, _UNKNOWN])
            continue
        model = figures.sides.model
        profits = (model.mean_pct.text(3), model.total_pct.text(1), figures.sides.edge_pct.text(3))
        rows.append([*cells, f"{figures.trades:,}", *profits])
    heads = ("pair", "trained until", "candles", "left out", "trades", "a trade", "in all", "edge")
    return PageTable(heads, rows)


def class_table(report: Report) -> PageTable | None:
    """Classes of training rows, of judged rows, and of what was said on these."""
    found = report.evaluated()
    if not found:
        return None
    parts = {
        "trained on": [window.training.classes for window, _ in found],
        "judged on": [evaluation.real for _, evaluation in found],
        "said with the thresholds": [each.thresholded.predicted for _, each in found],
        "said as the likeliest": [each.argmax.predicted for _, each in found],
    }
    rows = []
    for title, counts in parts.items():
        sums = [sum(each[name] for each in counts) for name in CLASS_NAMES]
        total = max(sum(sums), 1)
        rows.append([title, *(f"{count:,} ({share(count / total)})" for count in sums)])
    return PageTable(("candles", *CLASS_NAMES), rows)


def profit_table(figures: AfterFees | None) -> PageTable | None:
    """Trades after fees beside other sides at the same entries; None without a trade."""
    if figures is None or figures.sides is None:
        return None
    sides = figures.sides
    series = {
        "model": sides.model,
        "always LONG": sides.always_long,
        "always SHORT": sides.always_short,
        "random sides": sides.random,
    }
    rows = [
        [
            name,
            share(each.hit_rate),
            each.mean_pct.text(3),
            each.total_pct.text(1),
            f"{each.drawdown_pct:.1f} %",
        ]
        for name, each in series.items()
    ]
    heads = ("sides", "hit rate", "a trade", "in all", "drawdown")
    return PageTable(heads, rows, frozenset({0}))


def fact_table(facts: Mapping[str, object]) -> PageTable:
    """Name and value in two columns."""
    return PageTable((), [[name, _text(value)] for name, value in facts.items()])


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(each) for each in value)
    return "not set" if value is None else str(value)
