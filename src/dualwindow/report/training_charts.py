"""Charts of how a model came about: epochs, classes by week, stages, skill by retraining."""

from __future__ import annotations

from typing import Any

from dualwindow.evaluation import Evaluation
from dualwindow.evaluation.baselines import BASELINE_TITLES
from dualwindow.evaluation.skill import SkillFigure
from dualwindow.report.chart import ACCENT, COLOURS, NEUTRAL, Chart, Panels, Trace, iso, line_across
from dualwindow.report.schema import Report, Stage, TrainedWindow, WeeklyClasses
from dualwindow.report.verdict import strongest_skill

_PARTS = {"total": "all", "calm": "calm or not", "direction": "direction"}
_PART_COLOURS = {"total": ACCENT, "calm": NEUTRAL, "direction": COLOURS["LONG"]}


def epoch_chart(report: Report) -> Chart | None:
    """Losses and Trading F1 by epoch, of the newest training that has epochs."""
    trained = [each for each in report.windows if each.training.epochs]
    if not trained:
        return None
    window = max(trained, key=lambda each: each.trained_until or 0)
    epochs, best = window.training.epochs, window.training.best_epoch
    x = [each.epoch for each in epochs]
    panels = Panels(
        ["loss", "Trading F1"], x_title="epoch", axes={"tick0": 1, "dtick": -(-len(epochs) // 10)}
    )
    data: list[Trace] = [
        _line("training", x, [each.train_loss for each in epochs], NEUTRAL, "y"),
        _line("validation", x, [each.validation_loss for each in epochs], ACCENT, "y"),
        _line("Trading F1", x, [each.trading_f1 for each in epochs], COLOURS["LONG"], "y2"),
    ]
    kept = {
        "type": "line",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": best,
        "x1": best,
        "line": {"color": NEUTRAL, "width": 1, "dash": "dash"},
    }
    which = f" Of {len(trained)} trainings, the newest: {window.name}." if len(trained) > 1 else ""
    return Chart(
        key="epochs",
        title="Loss and Trading F1 by epoch",
        note=f"Epoch {best} of {len(epochs)} was kept (dashed). Trading F1 is the mean of SHORT "
        f"and LONG on validation, by the likeliest class.{which}",
        data=data,
        layout={**panels.layout(), "shapes": [kept] if best else []},
    )


def _line(name: str, x: list[int], y: list[float], colour: str, axis: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": y,
        "yaxis": axis,
        "line": {"color": colour},
        "marker": {"size": 5},
    }


def skill_chart(report: Report) -> Chart | None:
    """Skill against the strongest baseline with its interval: by part, or by retraining."""
    found = [each for each in report.evaluated() if each[1].forecast.skill]
    if not found:
        return None
    if len(found) == 1:
        return _skill_of_one(found[0][1])
    return _skill_by_window(found)


def _skill_of_one(evaluation: Evaluation) -> Chart:
    forecast = evaluation.forecast
    data: list[Trace] = []
    for name, colour in (("raw", NEUTRAL), ("tempered", COLOURS["LONG"])):
        figures = [getattr(forecast.skill[name][forecast.strongest(part)], part) for part in _PARTS]
        title = "the network's own probabilities" if name == "raw" else "calibrated"
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": title,
                "x": list(_PARTS.values()),
                "y": [figure.value for figure in figures],
                "error_y": _error(figures),
                "marker": {"color": colour, "size": 10},
            }
        )
    against = "; ".join(
        f"{title} against the {BASELINE_TITLES[forecast.strongest(part)]}"
        for part, title in _PARTS.items()
    )
    return Chart(
        key="skill",
        title="Skill",
        note="Share of the strongest baseline's log loss that is saved; 0 is no better. Bars are "
        f"95 % intervals from {forecast.blocks} blocks of time; none where there are too few. "
        f"Compared: {against}.",
        data=data,
        layout={
            "shapes": [line_across("y", 0.0)],
            "xaxis": {"type": "category", "range": [-0.5, len(_PARTS) - 0.5]},
            "yaxis": {"tickformat": "+.1%"},
            "scattermode": "group",
        },
    )


def _skill_by_window(found: list[tuple[TrainedWindow, Evaluation]]) -> Chart:
    parts = ("total", "direction")
    panels = Panels([_PARTS[part] for part in parts], x_title="trained until (UTC)")
    layout = panels.layout()
    names = list(dict.fromkeys(window.name for window, _ in found))
    data: list[Trace] = []
    for number, part in enumerate(parts):
        layout[f"yaxis{number + 1 if number else ''}"]["tickformat"] = "+.1%"
        for place, name in enumerate(names):
            own = [each for each in found if each[0].name == name]
            figures = [strongest_skill(evaluation, part)[1] for _, evaluation in own]
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name,
                    "legendgroup": name,
                    "showlegend": not number,
                    "x": [iso(window.trained_until or 0) for window, _ in own],
                    "y": [figure.value for figure in figures],
                    "error_y": _error(figures),
                    "marker": {"color": _of_cycle(place), "size": 7},
                    "yaxis": Panels.axis(number),
                }
            )
    return Chart(
        key="skill",
        title="Skill by retraining",
        note="Share of the strongest baseline's log loss that the calibrated probabilities save, "
        "with 95 % intervals; 0 is no better. Above for the three classes, below for the side "
        "alone. Points that fall over time show decay.",
        data=data,
        layout={
            **layout,
            "scattermode": "group",
            "shapes": [line_across(Panels.axis(number), 0.0) for number in range(len(parts))],
        },
        height=420,
        wide=True,
    )


def _of_cycle(number: int) -> str:
    colours = (COLOURS["LONG"], COLOURS["SHORT"], ACCENT, "#3aa17e", "#c25b9b", NEUTRAL)
    return colours[number % len(colours)]


def _error(figures: list[SkillFigure]) -> dict[str, Any]:
    """Asymmetric bars; of length 0 where there is no interval."""
    bounds = [
        (0.0, 0.0)
        if each.value is None or each.low is None or each.high is None
        else (max(each.high - each.value, 0.0), max(each.value - each.low, 0.0))
        for each in figures
    ]
    up, down = ([bound[side] for bound in bounds] for side in (0, 1))
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.5}


def class_chart(weeks: WeeklyClasses | None, key: str = "classes") -> Chart | None:
    """Share of each class by week."""
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
    what = {
        "labels": "What happened: the labels of all candles that have one.",
        "decisions": "What was said: decisions on all candles with a valid window.",
    }
    rare = max(1 - min(map(float, data[2]["y"])), 0.01)
    return Chart(
        key=key,
        title=f"Classes by week: {weeks.counted}",
        note=f"{what[weeks.counted]} The rest up to 100 % is HOLD. Weeks begin on Monday (UTC).",
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
    bars = (
        ([stage.seconds for stage in stages], "s", "x", ACCENT),
        ([stage.peak_bytes / 2**20 for stage in stages], "MiB", "x2", NEUTRAL),
    )
    return Chart(
        key="stages",
        title="Time and memory by stage",
        note="Left the duration in seconds, right the most memory at a time in MiB, mapped files "
        "left out.",
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "x": values,
                "y": names,
                "text": [f"{value:,.2f}" if value < 10 else f"{value:,.0f}" for value in values],
                "textposition": "outside",
                "xaxis": axis,
                "marker": {"color": colour},
                "cliponaxis": False,
                "hovertemplate": f"%{{y}}: %{{text}} {unit}<extra></extra>",
                "showlegend": False,
            }
            for values, unit, axis, colour in bars
        ],
        layout={
            **{
                axis.replace("x", "xaxis"): {
                    "domain": domain,
                    "title": {"text": unit},
                    # Room for the numbers beside the bars.
                    "range": [0, 1.35 * max(*values, 1e-9)],
                }
                for (values, unit, axis, _), domain in zip(
                    bars, ([0, 0.46], [0.54, 1]), strict=True
                )
            },
            "yaxis": {"autorange": "reversed", "automargin": True},
        },
        height=120 + 45 * len(names),
    )
