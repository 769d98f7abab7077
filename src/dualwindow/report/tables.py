"""Tables of the page, as text that the page escapes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dualwindow.backtest.figures import AfterFees
from dualwindow.columns import CLASS_NAMES
from dualwindow.data.candles.timerange import utc_text
from dualwindow.evaluation import DecisionFigures, Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES
from dualwindow.evaluation.evidence.importance import Importances
from dualwindow.evaluation.forecast import RAW, TEMPERATURE_SCALED
from dualwindow.evaluation.thresholds import ThresholdFigures
from dualwindow.report.charts.chart import SIDES, from_text, iso
from dualwindow.report.pooling import pooled_confusion, pooled_threshold, weighed_mean
from dualwindow.report.schema import Report
from dualwindow.report.verdict import interval_words, share, strongest_skill

_UNKNOWN = "-"
_CONFIGURED = "configured"


@dataclass(frozen=True)
class PageTable:
    """Heads of columns (may be empty), rows of cells, numbers of the model's rows (bold).

    `shades` are of every cell the share that its colour shows, None for none.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    ours: frozenset[int] = frozenset()
    shades: Sequence[Sequence[float | None]] = ()


def baselines(report: Report) -> PageTable | None:
    """The model and its baselines; means over candles where there are several retrainings."""
    evaluations = report.evaluations()
    if not evaluations:
        return None
    compared = all(own.forecast.skill for own in evaluations)
    ours = TEMPERATURE_SCALED if compared else RAW
    rows = [
        _row("model, thresholds", evaluations, ours, [own.thresholded for own in evaluations]),
        _row("model, likeliest class", evaluations, ours, [own.argmax for own in evaluations]),
    ]
    if compared:
        shared = set.intersection(*(set(own.forecast.baselines) for own in evaluations))
        rows += [
            _row(title, evaluations, name, [own.forecast.baselines[name] for own in evaluations])
            for name, title in BASELINE_TITLES.items()
            if name in shared
        ]
    heads = ("", "log loss", "Brier", "accuracy", "Trading F1", "not HOLD")
    return PageTable(heads, rows, frozenset({0, 1}))


def _row(
    title: str, evaluations: list[Evaluation], forecast: str, decisions: list[DecisionFigures]
) -> list[str]:
    def mean(values: Iterable[float]) -> float:
        rows = (own.rows for own in evaluations)
        return weighed_mean(list(zip(rows, values, strict=True)))

    losses = [own.forecast.losses[forecast] for own in evaluations]
    return [
        title,
        f"{mean(loss.log_loss for loss in losses):.4f}",
        f"{mean(loss.brier for loss in losses):.4f}",
        share(mean(decision.accuracy for decision in decisions)),
        f"{mean(decision.trading_f1 for decision in decisions):.3f}",
        share(mean(decision.coverage for decision in decisions)),
    ]


def _thresholds(evaluation: Evaluation, mode: str) -> dict[str, ThresholdFigures]:
    return evaluation.meaning if mode == _CONFIGURED else evaluation.modes[mode].thresholds


def thresholds(report: Report) -> PageTable | None:
    """Coverage and precision of every threshold, and the precision close to it."""
    evaluations = report.evaluations()
    if not evaluations:
        return None
    rows = []
    for mode, side in itertools.product((_CONFIGURED, *evaluations[-1].modes), SIDES):
        figures = [(own.rows, _thresholds(own, mode)[side]) for own in evaluations]
        fired, newest = pooled_threshold(figures), figures[-1][1]
        is_lead = mode == _CONFIGURED and side in evaluations[-1].leads
        near = sum(threshold.near_rows for _, threshold in figures)
        actual = sum((threshold.near or 0.0) * threshold.near_rows for _, threshold in figures)
        rows.append(
            [
                mode,
                from_text(side, newest.threshold, is_lead=is_lead),
                share(fired.coverage),
                _UNKNOWN if fired.precision is None else share(fired.precision),
                share(actual / near) if near else _UNKNOWN,
            ]
        )
    heads = ("mode", "threshold", "coverage", "precision", "precision at it")
    return PageTable(heads, rows, frozenset({0, 1}))


def importance(found: Importances) -> PageTable:
    """What the model loses without each feature and each part of the window."""
    rows = [
        [
            own.name,
            own.kind,
            own.log_loss.text(4),
            _UNKNOWN if own.edge_pct is None else f"{own.edge_pct.text(3)} %",
        ]
        for own in found.found
    ]
    return PageTable(("without", "which is a", "log loss rises by", "edge falls by"), rows)


def retrainings(report: Report) -> PageTable | None:
    """One row per retraining; None where there is only one."""
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


def slices(report: Report) -> PageTable | None:
    """Profit of every model's decisions on the candles that it predicted."""
    if report.walk is None:
        return None
    rows = []
    for part in report.walk.slices:
        cells = [part.pair, iso(part.trained_until)[:16], f"{part.candles:,}"]
        cells.append(f"{part.unusable + part.unknown:,}")
        figures = part.after_fees
        if figures is None or figures.sides is None:
            rows.append([*cells, "0", _UNKNOWN, _UNKNOWN, _UNKNOWN])
            continue
        model = figures.sides.model
        profits = (model.mean_pct.text(3), model.total_pct.text(1), figures.sides.edge_pct.text(3))
        rows.append([*cells, f"{figures.trades:,}", *profits])
    heads = ("pair", "trained until", "candles", "left out", "trades", "per trade", "total", "edge")
    return PageTable(heads, rows)


def classes(report: Report) -> PageTable | None:
    """Classes of training rows and of evaluated rows, actual and predicted."""
    evaluated = report.evaluated()
    if not evaluated:
        return None
    parts = {
        "trained on": [window.training.classes for window, _ in evaluated],
        "evaluated on": [evaluation.real for _, evaluation in evaluated],
        "predicted with the thresholds": [own.thresholded.predicted for _, own in evaluated],
        "predicted as the likeliest": [own.argmax.predicted for _, own in evaluated],
    }
    rows = []
    for title, counts in parts.items():
        sums = [sum(classes[name] for classes in counts) for name in CLASS_NAMES]
        total = max(sum(sums), 1)
        rows.append([title, *(f"{count:,} ({share(count / total)})" for count in sums)])
    return PageTable(("candles", *CLASS_NAMES), rows)


def profits(figures: AfterFees | None) -> PageTable | None:
    """Profit after fees, and that of other sides at the same entries; None without a trade."""
    if figures is None or figures.sides is None:
        return None
    rows = [
        [
            name,
            share(profit.hit_rate),
            profit.mean_pct.text(3),
            profit.total_pct.text(1),
            f"{profit.drawdown_pct:.1f} %",
        ]
        for name, profit in figures.sides.by_name().items()
    ]
    heads = ("sides", "hit rate", "per trade", "total", "drawdown")
    return PageTable(heads, rows, frozenset({0}))


def groups(figures: AfterFees | None) -> list[tuple[str, PageTable]]:
    """Kind to its table, of kinds that are not drawn; one group alone is no comparison."""
    if figures is None:
        return []
    found = []
    for kind, own in figures.groups.items():
        if kind in {"day", "hour"} or len(own) < 2:
            continue
        rows = [
            [
                group.name,
                f"{group.trades:,}",
                share(group.hit_rate),
                f"{group.mean_pct:+.3f} %",
                f"{group.total_pct:+.1f} %",
            ]
            for group in own
        ]
        found.append((kind, PageTable(("", "trades", "hit rate", "a trade", "total"), rows)))
    return found


def confusions(report: Report) -> list[tuple[str, PageTable]]:
    """Predicted against actual classes, with the thresholds and by the likeliest class."""
    evaluations = report.evaluations()
    if not evaluations:
        return []
    newest = evaluations[-1]
    limits = ", ".join(
        from_text(name, newest.thresholds[name], is_lead=True)
        if name in newest.leads
        else f"{name} {newest.thresholds[name]:.2f}"
        for name in SIDES
    )
    return [
        (title, _confusion(pooled_confusion(matrices)))
        for title, matrices in (
            (f"by the thresholds ({limits})", [own.thresholded.confusion for own in evaluations]),
            ("by the likeliest class", [own.argmax.confusion for own in evaluations]),
        )
    ]


def _confusion(matrix: list[list[int]]) -> PageTable:
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix]
    rows = [
        [f"actual {name}", *(f"{count:,} ({part:.1%})" for count, part in zip(*both, strict=True))]
        for name, *both in zip(CLASS_NAMES, matrix, shares, strict=True)
    ]
    heads = ("", *(f"predicted {name}" for name in CLASS_NAMES))
    return PageTable(heads, rows, shades=[[None, *row] for row in shares])


def facts(facts: Mapping[str, object]) -> PageTable:
    """Name and value in two columns."""
    return PageTable((), [[name, _text(value)] for name, value in facts.items()])


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return "not set" if value is None else str(value)


def track(found: Mapping[str, Any]) -> PageTable:
    """A running bot's decisions beside what its models promised, by pair."""
    sides = (f"{name} {kind}" for name in SIDES for kind in ("right", "promised"))
    heads = ("", "candles", "fires", "promised", *sides, "drifted features")
    rows = []
    for pair, own in found["pairs"].items():
        drift = own["drift"]
        cells = [pair, f"{own['decided']:,}", *_shares(own["firing"], own["promised_firing"])]
        for name in SIDES:
            side = own["sides"][name]
            cells += _shares(side["precision"], side["promised_precision"])
        rows.append([*cells, _UNKNOWN if drift is None else str(len(drift["drifted"]))])
    return PageTable(heads, rows)


def ended(found: Mapping[str, Any]) -> PageTable | None:
    """The newest 50 trades of freqtrade's that have ended; None without one."""
    rows = [
        [
            utc_text(trade["opened"]),
            trade["pair"],
            trade["side"],
            trade["tag"] or _UNKNOWN,
            f"{trade['open_rate']:g}",
            f"{trade['close_rate']:g}",
            f"{(trade['closed'] - trade['opened']) / 60:,.0f}",
            trade["reason"],
            f"{100 * trade['profit']:+.3f} %",
        ]
        for trade in reversed(found["ended"][-50:])
    ]
    heads = ("entered", "pair", "side", "tag", "entry", "exit", "minutes", "exit reason", "profit")
    return PageTable(heads, rows) if rows else None


def _shares(*values: float | None) -> list[str]:
    return [_UNKNOWN if value is None else share(value) for value in values]
