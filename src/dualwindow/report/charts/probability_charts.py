"""Charts of the quality of probabilities and decisions: coverage and reliability."""

from __future__ import annotations

import itertools
from typing import Any, Final

from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.measure import lead_text
from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.forecast import RAW, TEMPERATURE_SCALED
from dualwindow.evaluation.reliability import Reliability
from dualwindow.report.charts.chart import (
    COLOURS,
    NEUTRAL,
    SIDES,
    Chart,
    Trace,
    from_text,
    line_across,
    scatter,
)
from dualwindow.report.pooling import merged, pooled_reliability, pooled_threshold, wilson
from dualwindow.report.schema import Report, TrainedWindow

_CONFIGURED: Final = "configured"
_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross")
#: Retrainings whose precision curves are drawn, the newest.
_CURVES: Final = 12
#: Candles that a point of a curve is of at least.
FEWEST: Final = 30


def coverage_chart(report: Report) -> Chart | None:
    """Precision against coverage, with the thresholds of every mode marked."""
    evaluated = report.evaluated()
    if not evaluated:
        return None
    evaluations = [evaluation for _, evaluation in evaluated]
    rows = sum(evaluation.rows for evaluation in evaluations)
    newest = sorted(evaluated, key=lambda pair: pair[0].trained_until or 0)[-_CURVES:]
    shares = {side: sum(figures.real[side] for figures in evaluations) / rows for side in SIDES}
    several = (
        f" Thin lines: the newest {len(newest)} of {len(evaluated)} retrainings; marks are of all "
        "candles together."
        if len(evaluated) > 1
        else ""
    )
    return Chart(
        key="coverage",
        title="Precision against coverage",
        note="Share of the predictions of a side that are right (precision), by the share of "
        "candles on which it is predicted (coverage). Marks: the thresholds of the confidence "
        "modes and the configured ones. Dotted: the share of all candles on which the side "
        f"occurred. The curves begin at {FEWEST} candles.{several}",
        data=[
            *(trace for side in SIDES for trace in _curves(side, newest)),
            *(trace for side in SIDES for trace in _marks(side, evaluations)),
        ],
        layout={
            "xaxis": {
                "type": "log",
                "tickformat": "~%",
                "dtick": 1,
                "title": {"text": "share of candles"},
            },
            "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
            "shapes": [line_across("y", share, COLOURS[side]) for side, share in shares.items()],
        },
    )


def _curves(side: str, newest: list[tuple[TrainedWindow, Evaluation]]) -> list[Trace]:
    """The precision curve of a side, one per training."""
    width, opacity = (2.5, 1.0) if len(newest) == 1 else (1.5, 0.75)
    traces = []
    for number, (window, evaluation) in enumerate(newest):
        curve = evaluation.curves[side]
        # A precision of a handful of candles is noise.
        kept = [at for at, part in enumerate(curve.coverage) if part * evaluation.rows >= FEWEST]
        coverage, precision, limits = (
            [column[at] for at in kept]
            for column in (curve.coverage, curve.precision, list[Any](curve.threshold))
        )
        limit = f"{side} from %{{customdata:.3f}}"
        if side in evaluation.leads:
            limits, limit = [lead_text(side, lead) for lead in limits], f"{side} %{{customdata}}"
        traces.append(
            scatter("lines", side, coverage, precision)
            | {
                "legendgroup": side,
                "showlegend": not number,
                "customdata": limits,
                "text": window.name,
                "hovertemplate": f"{limit}: %{{y:.1%}} right on %{{x:.2%}} of candles"
                "<extra>%{text}</extra>",
                "line": {"color": COLOURS[side], "width": width},
                "opacity": opacity,
            }
        )
    return traces


def _marks(side: str, evaluations: list[Evaluation]) -> list[Trace]:
    """Thresholds that at least one candle reached, one symbol per mode; one legend for both sides.

    A mode without such a candle has no place, but its symbol is in the legend.
    """
    ways = {
        name: [(own.rows, own.modes[name].thresholds[side]) for own in evaluations]
        for name in evaluations[-1].modes
    }
    ways[_CONFIGURED] = [(own.rows, own.meaning[side]) for own in evaluations]
    marks: list[Trace] = []
    for (name, figures), symbol in zip(ways.items(), itertools.cycle(_SYMBOLS)):
        fired = pooled_threshold(figures)
        is_lead = name == _CONFIGURED and side in evaluations[-1].leads
        limit = from_text(side, figures[-1][1].threshold, is_lead=is_lead)
        marks.append(
            scatter("markers", name, [fired.coverage or None], [fired.precision])
            | {
                "showlegend": side == SIDES[0],
                "marker": {
                    "color": COLOURS[side],
                    "symbol": "star" if name == _CONFIGURED else symbol,
                    "size": 13 if name == _CONFIGURED else 9,
                    "line": {"color": NEUTRAL, "width": 1},
                },
                "hovertemplate": f"{limit}: %{{y:.1%}} right on %{{x:.3%}} of "
                "candles<extra>%{fullData.name}</extra>",
            }
        )
    return marks


def reliability_charts(report: Report) -> list[Chart]:
    """Predicted probability against observed frequency: the network's own, and calibrated."""
    reliability = [evaluation.forecast.reliability for evaluation in report.evaluations()]
    future = report.settings.get("future_window", 1)
    overlap = future if isinstance(future, int) and future > 0 else 1
    kinds = {
        RAW: (
            "the network's own probabilities",
            "The thresholds act on these unless a calibration is set. The network learned from "
            "balanced classes, so a rare side occurs less often than predicted.",
        ),
        TEMPERATURE_SCALED: ("calibrated", "Corrected to the class prior, with a temperature."),
    }
    charts = []
    for name, (title, note) in kinds.items():
        curves = [figures[name] for figures in reliability if name in figures]
        if curves:
            charts.append(_reliability(f"reliability-{name}", title, note, curves, overlap))
    return charts


def _reliability(key: str, title: str, note: str, curves: list[Reliability], overlap: int) -> Chart:
    """The chart of some curves; labels of `overlap` neighbouring candles share their future."""
    dotted = {"color": NEUTRAL, "dash": "dot", "width": 1}
    data = [scatter("lines", "ideal", [0, 1], [0, 1]) | {"line": dotted, "hoverinfo": "skip"}]
    errors = []
    for name in CLASS_NAMES:
        pooled = pooled_reliability([figures.classes[name] for figures in curves])
        errors.append(f"{name} {pooled.error:.1%}")
        curve = merged(pooled, FEWEST * overlap)
        ends = [
            wilson(observed, count / overlap)
            for observed, count in zip(curve.observed, curve.count, strict=True)
        ]
        bars = zip(curve.observed, ends, strict=True)
        down, up = zip(
            *((max(at - low, 0.0), max(high - at, 0.0)) for at, (low, high) in bars), strict=True
        )
        data.append(
            scatter("lines+markers", name, curve.stated, curve.observed)
            | {
                "customdata": curve.count,
                "hovertemplate": "predicted %{x:.1%}, actual %{y:.1%}, %{customdata:,} candles",
                "line": {"color": COLOURS[name], "width": 1.5},
                "marker": {"size": 6},
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": list(up),
                    "arrayminus": list(down),
                    "thickness": 1.2,
                    "width": 3,
                },
            }
        )
    axis = {"range": [0, 1], "tickformat": ".0%"}
    shared = (
        f" Neighbouring candles share their future, so one in {overlap} counts for them."
        if overlap > 1
        else ""
    )
    return Chart(
        key=key,
        title=f"Reliability, {title}",
        note=f"{note} On the dotted line the actual share equals the predicted probability. Points "
        f"of few candles are merged with their neighbours; bars are 95 % intervals.{shared} Mean "
        f"distance from the line: {', '.join(errors)}.",
        data=data,
        layout={
            "xaxis": {**axis, "title": {"text": "predicted probability"}},
            "yaxis": {**axis, "title": {"text": "actual share"}},
        },
    )
