"""A running bot's paper trades over time, beside what its models promised."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from dualwindow.report.charts.chart import (
    COLOURS,
    NEUTRAL,
    Chart,
    line_across,
    milliseconds,
    scatter,
)


def track_charts(track: Mapping[str, Any] | None) -> list[Chart]:
    """Profits of the paper trades added up, period by period; none without a trade."""
    periods = [] if track is None else track["periods"]
    if not periods:
        return []
    x = milliseconds(period["end"] for period in periods)
    earned = [100.0 * level for level in accumulate(period["profit"] for period in periods)]
    promised = [100.0 * level for level in accumulate(period["promised"] for period in periods)]
    trades = [period["trades"] for period in periods]
    data = [
        scatter("lines+markers", "paper trades", x, earned)
        | {
            "customdata": trades,
            "line": {"color": COLOURS["LONG"], "width": 2.5},
            "marker": {"size": 5},
            "hovertemplate": "%{y:+.2f} %, %{customdata} trades",
        },
        scatter("lines", "as promised", x, promised)
        | {
            "line": {"color": NEUTRAL, "width": 1.5, "dash": "dot"},
            "hovertemplate": "%{y:+.2f} %",
        },
    ]
    return [
        Chart(
            key="track-equity",
            title="Equity of the bot's paper trades",
            note="Profits after costs added up, in percent of one trade's stake without leverage; "
            "dotted: what validation promised for the same trades. A point is a period of the "
            "record.",
            data=data,
            layout={
                "xaxis": {"type": "date"},
                "yaxis": {"title": {"text": "% of a stake"}},
                "shapes": [line_across("y", 0.0)],
                "hovermode": "x unified",
            },
            height=360,
        )
    ]
