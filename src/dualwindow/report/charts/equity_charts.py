"""Profits over time, by day and by hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dualwindow.backtest.equity_figures import ProfitGroup
from dualwindow.backtest.figures import AfterFees
from dualwindow.report.charts.chart import (
    ACCENT,
    COLOURS,
    NEUTRAL,
    Chart,
    Panels,
    Trace,
    line_across,
    milliseconds,
    scatter,
)

_BAND: Final = "rgba(139,147,161,0.22)"
_TIME: Final = "%{x|%d %b %Y %H:%M}"


def equity_chart(figures: AfterFees | None) -> Chart | None:
    """The sum of profits after fees with its drawdown; None without one."""
    if figures is None or figures.equity is None:
        return None
    equity = figures.equity
    x = milliseconds(equity.seconds)
    panels = Panels(
        ["% of a stake", "drawdown"],
        weights=[3, 1],
        axes={"type": "date", "hoverformat": "%d %b %H:%M"},
    )
    data: list[Trace] = [
        _line("", x, equity.flip_low, (NEUTRAL, 0, "solid"))
        | {"showlegend": False, "hoverinfo": "skip", "legendgroup": "flip"},
        _line("95 % of coin flips", x, equity.flip_high, (NEUTRAL, 0, "solid"))
        | {"fill": "tonexty", "fillcolor": _BAND, "hoverinfo": "skip", "legendgroup": "flip"},
        _line("coin flips, mean", x, equity.flip, (NEUTRAL, 1.5, "dot")),
    ]
    if equity.hold:
        data.append(_line("buy and hold", x, equity.hold, (ACCENT, 1.5, "dash")))
    data += [
        _line("model", x, equity.model, (COLOURS["LONG"], 2.5, "solid")),
        _line("drawdown", x, [-fall for fall in equity.drawdown], (COLOURS["SHORT"], 1, "solid"))
        | {"yaxis": "y2", "fill": "tozeroy", "showlegend": False},
    ]
    held = (
        " Dashed: one stake of every pair, bought at the first candle and held."
        if equity.hold
        else ""
    )
    return Chart(
        key="equity",
        title="Equity after fees",
        note="Profits added up, in percent of one trade's stake, each when its trade ends; below, "
        "the fall from the highest sum so far. Grey: the same entries with sides by coin flip, "
        f"95 % of them within the band.{held}",
        data=data,
        layout={**panels.layout(), "shapes": [line_across("y", 0.0)], "hovermode": "x unified"},
        height=440,
    )


def _line(name: str, x: Sequence[float], y: Sequence[float], line: tuple[str, float, str]) -> Trace:
    """A line of a colour, a width and a dash."""
    colour, width, dash = line
    return scatter("lines", name, x, y) | {
        "line": {"color": colour, "width": width, "dash": dash},
        "hovertemplate": "%{y:+.2f} %",
    }


def group_charts(groups: Mapping[str, Sequence[ProfitGroup]]) -> list[Chart]:
    """Profit by day and by hour of the day (UTC), as far as they are known."""
    charts = []
    for kind, title, note in (
        ("day", "Profit by day", "By the day of the entry (UTC). A click shows the day's prices."),
        ("hour", "Profit by hour", "By the hour of the entry (UTC)."),
    ):
        if own := groups.get(kind):
            charts.append(_bars(kind, title, note, own))
    return charts


def _bars(kind: str, title: str, note: str, groups: Sequence[ProfitGroup]) -> Chart:
    colours = [COLOURS["LONG" if group.total_pct > 0 else "SHORT"] for group in groups]
    axis: dict[str, Any] = (
        {"type": "date", "tickformatstops": _DAYS}
        if kind == "day"
        else {"type": "category", "dtick": 3}
    )
    return Chart(
        key=f"profit-by-{kind}",
        title=title,
        note=f"{note} Sum of the profits after fees, percent of one stake.",
        data=[
            {
                "type": "bar",
                "name": "profit",
                "x": [group.name for group in groups],
                "y": [group.total_pct for group in groups],
                "customdata": [[group.trades, group.hit_rate] for group in groups],
                "marker": {"color": colours},
                "hovertemplate": "%{x}: %{y:+.2f} %, %{customdata[0]} trades, "
                "%{customdata[1]:.0%} with a profit<extra></extra>",
            }
        ],
        layout={"xaxis": axis, "yaxis": {"ticksuffix": " %"}, "showlegend": False},
        height=280,
    )


#: No hours between days.
_DAYS: Final = [
    {"dtickrange": [None, 86_400_000 * 27], "value": "%d %b"},
    {"dtickrange": [86_400_000 * 27, None], "value": "%b %Y"},
]


def several_equities(named: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> Chart | None:
    """The (seconds, percent) of several reports on one axis; None without one.

    Where two have no date in common, all begin at day 0.
    """
    if not named:
        return None
    dated = max(seconds[0] for seconds, _ in named.values()) < min(
        seconds[-1] for seconds, _ in named.values()
    )
    colours = (COLOURS["LONG"], COLOURS["SHORT"], ACCENT, "#3aa17e", "#c25b9b", NEUTRAL)
    data = []
    for at, (name, (seconds, percent)) in enumerate(named.items()):
        days = [round((second - seconds[0]) / 86_400, 4) for second in seconds]
        x: Sequence[float] = milliseconds(seconds) if dated else days
        data.append(_line(name, x, percent, (colours[at % len(colours)], 2, "solid")))
    axis = {"type": "date"} if dated else {"title": {"text": "days since the first one"}}
    return Chart(
        key="equity",
        title="Equity after fees",
        note="Profits of each added up, in percent of one trade's stake"
        + ("." if dated else ", from each one's first day on: they have no dates in common.")
        + " Compare only curves of the same dates and pairs.",
        data=data,
        layout={
            "xaxis": axis,
            "yaxis": {"title": {"text": "% of a stake"}},
            "shapes": [line_across("y", 0.0)],
            "hovermode": "x unified",
            "showlegend": True,
        },
        height=420,
    )
