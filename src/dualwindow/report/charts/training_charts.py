"""Charts of trainings: epochs, skill, classes by week, stages."""

from __future__ import annotations

import itertools
from typing import Any

from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES
from dualwindow.evaluation.forecast import RAW, TEMPERATURE_SCALED
from dualwindow.evaluation.skill import SkillFigure
from dualwindow.report.charts.chart import (
    ACCENT,
    COLOURS,
    NEUTRAL,
    Chart,
    Panels,
    Trace,
    iso,
    line_across,
    scatter,
)
from dualwindow.report.schema import Report, Stage, TrainedWindow, WeeklyClasses
from dualwindow.report.verdict import strongest_skill
from dualwindow.runtime.counts import counted

_PARTS = {"total": "all", "calm": "HOLD versus move", "direction": "direction"}
_CYCLE = (COLOURS["LONG"], COLOURS["SHORT"], ACCENT, "#3aa17e", "#c25b9b", NEUTRAL)


def epoch_chart(report: Report) -> Chart | None:
    """Losses and Trading F1 by epoch of the newest training with epochs."""
    trained = [window for window in report.windows if window.training.epochs]
    if not trained:
        return None
    window = max(trained, key=lambda window: window.trained_until or 0)
    epochs, best = window.training.epochs, window.training.best_epoch
    axes = {"tick0": 1, "dtick": -(-len(epochs) // 10)}
    panels = Panels(["loss", "Trading F1"], x_title="epoch", axes=axes)
    x = [epoch.epoch for epoch in epochs]
    series = (
        ("training", [epoch.train_loss for epoch in epochs], NEUTRAL, 0),
        ("validation", [epoch.validation_loss for epoch in epochs], ACCENT, 0),
        ("Trading F1", [epoch.trading_f1 for epoch in epochs], COLOURS["LONG"], 1),
    )
    data = [
        scatter("lines+markers", name, x, y)
        | {"yaxis": Panels.axis(panel), "line": {"color": colour}, "marker": {"size": 5}}
        for name, y, colour, panel in series
    ]
    kept: Trace = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": best, "x1": best}
    kept["line"] = {"color": NEUTRAL, "width": 1, "dash": "dash"}
    which = f" Newest of {len(trained)} trainings: {window.name}." if len(trained) > 1 else ""
    return Chart(
        key="epochs",
        title="Loss and Trading F1 by epoch",
        note=f"Epoch {best} of {len(epochs)} was kept (dashed). Trading F1 is the mean of SHORT "
        f"and LONG on validation, by the likeliest class.{which}",
        data=data,
        layout={**panels.layout(), "shapes": [kept] if best else []},
    )


def skill_chart(report: Report) -> Chart | None:
    """Skill against the strongest baseline with its interval: by part, or by retraining."""
    compared = [pair for pair in report.evaluated() if pair[1].forecast.skill]
    if not compared:
        return None
    return _skill_of_one(compared[0][1]) if len(compared) == 1 else _skill_by_window(compared)


def _skill_of_one(evaluation: Evaluation) -> Chart:
    forecast = evaluation.forecast
    data: list[Trace] = []
    for name, title, colour in (
        (RAW, "the network's own probabilities", NEUTRAL),
        (TEMPERATURE_SCALED, "calibrated", COLOURS["LONG"]),
    ):
        figures = [getattr(forecast.skill[name][forecast.strongest(part)], part) for part in _PARTS]
        data.append(
            scatter("markers", title, list(_PARTS.values()), [figure.value for figure in figures])
            | {"error_y": _error(figures), "marker": {"color": colour, "size": 10}}
        )
    against = "; ".join(
        f"{title} against the {BASELINE_TITLES[forecast.strongest(part)]}"
        for part, title in _PARTS.items()
    )
    return Chart(
        key="skill",
        title="Skill",
        note="Share of the strongest baseline's log loss that is saved; 0 is no better. Bars are "
        f"95 % intervals from {counted(forecast.blocks, 'block')} of time; none where these "
        f"are too few. Compared: {against}.",
        data=data,
        layout={
            "shapes": [line_across("y", 0.0)],
            "xaxis": {"type": "category", "range": [-0.5, len(_PARTS) - 0.5]},
            "yaxis": {"tickformat": "+.1%"},
            "scattermode": "group",
        },
    )


def _skill_by_window(compared: list[tuple[TrainedWindow, Evaluation]]) -> Chart:
    parts = ("total", "direction")
    panels = Panels([_PARTS[part] for part in parts], x_title="trained until (UTC)")
    layout = panels.layout()
    names = dict.fromkeys(window.name for window, _ in compared)
    data: list[Trace] = []
    for number, part in enumerate(parts):
        layout[f"yaxis{number + 1 if number else ''}"]["tickformat"] = "+.1%"
        for name, colour in zip(names, itertools.cycle(_CYCLE)):
            own = [(window, figures) for window, figures in compared if window.name == name]
            dates = [iso(window.trained_until or 0) for window, _ in own]
            skills = [strongest_skill(evaluation, part)[1] for _, evaluation in own]
            data.append(
                scatter("markers", name, dates, [figure.value for figure in skills])
                | {
                    "legendgroup": name,
                    "showlegend": not number,
                    "error_y": _error(skills),
                    "marker": {"color": colour, "size": 7},
                    "yaxis": Panels.axis(number),
                }
            )
    return Chart(
        key="skill",
        title="Skill by retraining",
        note="Share of the strongest baseline's log loss that the calibrated probabilities save, "
        "with 95 % intervals; 0 is no better. Above: of the three classes; below: of the side "
        "alone. Points that fall over time show decay.",
        data=data,
        layout={
            **layout,
            "scattermode": "group",
            # Pairs of one date stay near it.
            "scattergap": 0.9,
            "shapes": [line_across(Panels.axis(number), 0.0) for number in range(len(parts))],
        },
        height=420,
    )


def _error(figures: list[SkillFigure]) -> dict[str, Any]:
    """Asymmetric error bars; of length 0 where there is no interval."""
    bounds = [
        (0.0, 0.0)
        if skill.value is None or skill.low is None or skill.high is None
        else (max(skill.high - skill.value, 0.0), max(skill.value - skill.low, 0.0))
        for skill in figures
    ]
    up, down = ([bound[side] for bound in bounds] for side in (0, 1))
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.5}


def class_chart(weeks: WeeklyClasses | None, key: str = "classes") -> Chart | None:
    """Share of every class by week."""
    if weeks is None:
        return None
    totals = [sum(week) for week in zip(*weeks.counts.values(), strict=True)]
    data: list[Trace] = [
        {
            "type": "bar",
            "name": name,
            "x": [iso(begin) for begin in weeks.begin],
            "y": [count / total for count, total in zip(weeks.counts[name], totals, strict=True)],
            "customdata": weeks.counts[name],
            "hovertemplate": "%{x|%d %b %Y}: %{y:.1%}, %{customdata:,} candles",
            "marker": {"color": COLOURS[name]},
        }
        for name in ("SHORT", "LONG", "HOLD")
    ]
    kind, candles = {
        "labels": ("actual", "Labels of all candles that have one."),
        "decisions": ("predicted", "Decisions on all candles with a valid window."),
    }[weeks.counted]
    rare = max(1 - min(map(float, data[2]["y"])), 0.01)
    return Chart(
        key=key,
        title=f"Classes by week: {kind}",
        note=f"{candles} The rest up to 100 % is HOLD. Weeks begin on Monday (UTC).",
        data=data,
        layout={
            "barmode": "stack",
            "xaxis": {"type": "date"},
            "yaxis": {"tickformat": ".0%", "range": [0, min(1.25 * rare, 1.0)]},
        },
    )


def stage_chart(stages: list[Stage]) -> Chart | None:
    """Time and memory by stage."""
    if not stages:
        return None
    names = [stage.name for stage in stages]
    panels = (
        ("", "s", ACCENT, [0, 0.46], [stage.seconds for stage in stages]),
        ("2", "MiB", NEUTRAL, [0.54, 1], [stage.peak_bytes / 2**20 for stage in stages]),
    )
    data: list[Trace] = []
    layout: dict[str, Any] = {"yaxis": {"autorange": "reversed", "automargin": True}}
    for suffix, unit, colour, domain, values in panels:
        # Room for the numbers beside the bars.
        room = [0, 1.35 * max(*values, 1e-9)]
        layout[f"xaxis{suffix}"] = {"domain": domain, "title": {"text": unit}, "range": room}
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "x": values,
                "y": names,
                "text": [f"{value:,.2f}" if value < 10 else f"{value:,.0f}" for value in values],
                "textposition": "outside",
                "xaxis": f"x{suffix}",
                "marker": {"color": colour},
                "cliponaxis": False,
                "hovertemplate": f"%{{y}}: %{{text}} {unit}<extra></extra>",
                "showlegend": False,
            }
        )
    return Chart(
        key="stages",
        title="Time and memory by stage",
        note="Left: duration in seconds; right: peak memory in MiB, mapped files left out.",
        data=data,
        layout=layout,
        height=120 + 45 * len(names),
    )
