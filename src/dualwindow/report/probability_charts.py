"""Charts of what probabilities and decisions are worth."""

from __future__ import annotations

import itertools
import math
from typing import Any, Final

from dualwindow.columns import CLASS_NAMES
from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.forecast import RAW, TEMPERATURE_SCALED
from dualwindow.report.chart import COLOURS, NEUTRAL, Chart, Trace, line_across
from dualwindow.report.pooling import pooled_confusion, pooled_reliability, pooled_threshold
from dualwindow.report.schema import Report

_SIDES: Final = ("SHORT", "LONG")
_CONFIGURED: Final = "configured"
_CONFIGURED_SYMBOL: Final = "star"
_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross")
#: Retrainings whose precision curves are drawn, the newest.
_CURVES: Final = 12


def confusion_charts(report: Report) -> list[Chart]:
    """What was said against what happened, with the thresholds and by the likeliest class."""
    found = [evaluation for _, evaluation in report.evaluated()]
    if not found:
        return []
    limits = ", ".join(f"{name} {found[-1].thresholds[name]:.2f}" for name in _SIDES)
    ways = (
        ("thresholds", f"With the thresholds ({limits})", [e.thresholded for e in found]),
        ("argmax", "By the likeliest class", [e.argmax for e in found]),
    )
    return [
        _confusion(key, title, pooled_confusion(each.confusion for each in figures))
        for key, title, figures in ways
    ]


def _confusion(key: str, title: str, matrix: list[list[int]]) -> Chart:
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix]
    text = [
        [f"{count:,}<br>{value:.1%}" for count, value in zip(counts, row, strict=True)]
        for counts, row in zip(matrix, shares, strict=True)
    ]
    return Chart(
        key=f"confusion-{key}",
        title=f"Said and happened: {title[0].lower()}{title[1:]}",
        note="Candles, and the share of the candles on which the row happened. A perfect model "
        "has 100 % from top left to bottom right.",
        data=[
            {
                "type": "heatmap",
                "z": shares,
                "x": [f"said {name}" for name in CLASS_NAMES],
                "y": [f"was {name}" for name in CLASS_NAMES],
                "text": text,
                "texttemplate": "%{text}",
                "hovertemplate": "%{y}, %{x}: %{text}<extra></extra>",
                "colorscale": [[0, "rgba(63,143,216,0.04)"], [1, "rgba(63,143,216,0.75)"]],
                "zmin": 0,
                "zmax": 1,
                "showscale": False,
                "xgap": 2,
                "ygap": 2,
            }
        ],
        layout={
            "yaxis": {"autorange": "reversed", "showgrid": False, "automargin": True},
            "xaxis": {"side": "top", "showgrid": False},
        },
        height=260,
    )


def coverage_chart(report: Report) -> Chart | None:
    """Precision against coverage, with the thresholds of every mode marked."""
    found = report.evaluated()
    if not found:
        return None
    evaluations = [evaluation for _, evaluation in found]
    rows = sum(each.rows for each in evaluations)
    newest = sorted(found, key=lambda each: each[0].trained_until or 0)[-_CURVES:]
    lines: list[Trace] = []
    marks: list[Trace] = []
    shapes: list[dict[str, Any]] = []
    for side in _SIDES:
        for number, (window, evaluation) in enumerate(newest):
            curve = evaluation.curves[side]
            lines.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": side,
                    "legendgroup": side,
                    "showlegend": not number,
                    "x": curve.coverage,
                    "y": curve.precision,
                    "customdata": curve.threshold,
                    "text": window.name,
                    "hovertemplate": f"{side} from %{{customdata:.3f}}: %{{y:.1%}} right on "
                    "%{x:.2%} of candles<extra>%{text}</extra>",
                    "line": {"color": COLOURS[side], "width": 2 if len(newest) == 1 else 1},
                    "opacity": 1.0 if len(newest) == 1 else 0.4,
                }
            )
        marks += _marks(side, evaluations)
        real = sum(each.real[side] for each in evaluations) / rows
        shapes.append(line_across("y", real, COLOURS[side]))
    several = (
        f" A thin line for each of the newest {len(newest)} of {len(found)} retrainings; marks are "
        "of all candles together."
        if len(found) > 1
        else ""
    )
    return Chart(
        key="coverage",
        title="Precision against coverage",
        note="How often a side came when it was said, by the share of candles on which it is said. "
        "Marks: the thresholds of each confidence mode, and those configured. Dotted: how "
        f"often the side comes anyway. On the left few candles decide, so it jumps.{several}",
        data=[*lines, *marks],
        layout={
            "xaxis": {
                "type": "log",
                "tickformat": "~%",
                "dtick": 1,
                "title": {"text": "share of candles"},
            },
            "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
            "shapes": shapes,
        },
    )


def _marks(side: str, evaluations: list[Evaluation]) -> list[Trace]:
    """The thresholds that fired at least once, a symbol for each mode; the legend names it once."""
    ways = {
        name: [(each.rows, each.modes[name].thresholds[side]) for each in evaluations]
        for name in evaluations[-1].modes
    }
    ways[_CONFIGURED] = [(each.rows, each.meaning[side]) for each in evaluations]
    marks: list[Trace] = []
    for (name, figures), symbol in zip(ways.items(), itertools.cycle(_SYMBOLS)):
        fired = pooled_threshold(figures)
        limit = figures[-1][1].threshold
        marks.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "showlegend": side == _SIDES[0],
                # Without a candle there is no place for it, and the legend still tells the symbol.
                "x": [fired.coverage or None],
                "y": [fired.precision],
                "marker": {
                    "color": COLOURS[side],
                    "symbol": _CONFIGURED_SYMBOL if name == _CONFIGURED else symbol,
                    "size": 13 if name == _CONFIGURED else 9,
                    "line": {"color": NEUTRAL, "width": 1},
                },
                "hovertemplate": f"{side} from {limit:.2f}: %{{y:.1%}} right on %{{x:.3%}} of "
                "candles<extra>%{fullData.name}</extra>",
            }
        )
    return marks


def reliability_charts(report: Report) -> list[Chart]:
    """Stated against observed: as the network says it, and calibrated."""
    found = [evaluation.forecast.reliability for _, evaluation in report.evaluated()]
    notes = {
        RAW: (
            "The network's own probabilities, on which the thresholds act unless a calibration is "
            "set. It learned from balanced classes, so that a rare side comes less often than it "
            "says."
        ),
        TEMPERATURE_SCALED: "Calibrated: with the market's class shares and a temperature.",
    }
    titles = {RAW: "as the network says it", TEMPERATURE_SCALED: "calibrated"}
    charts = []
    for name, title in titles.items():
        curves = [each[name] for each in found if name in each]
        if not curves:
            continue
        data: list[Trace] = [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "as stated",
                "x": [0, 1],
                "y": [0, 1],
                "line": {"color": NEUTRAL, "dash": "dot", "width": 1},
                "hoverinfo": "skip",
            }
        ]
        errors = []
        for side in CLASS_NAMES:
            curve = pooled_reliability([each.classes[side] for each in curves])
            errors.append(f"{side} {curve.error:.1%}")
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": side,
                    "x": curve.stated,
                    "y": curve.observed,
                    "customdata": curve.count,
                    "hovertemplate": "said %{x:.1%}, came %{y:.1%}, %{customdata:,} candles",
                    "line": {"color": COLOURS[side]},
                    "marker": {
                        "size": [4 + 8 * math.sqrt(n / max(curve.count)) for n in curve.count]
                    },
                }
            )
        charts.append(
            Chart(
                key=f"reliability-{name}",
                title=f"Reliability, {title}",
                note=f"{notes[name]} On the dotted line what is said with 30 % comes in 30 % of "
                "the cases; large points are of many candles. Mean distance from it: "
                f"{', '.join(errors)}.",
                data=data,
                layout={
                    "xaxis": {"range": [0, 1], "tickformat": ".0%", "title": {"text": "said"}},
                    "yaxis": {"range": [0, 1], "tickformat": ".0%", "title": {"text": "came"}},
                },
            )
        )
    return charts
