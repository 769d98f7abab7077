"""One chart as plotly describes it, without the look, which the page gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from dualwindow.columns import CLASS_NAMES

#: Told apart with any kind of colour sight, and on a light and a dark page.
COLOURS: Final = {"SHORT": "#d9663a", "HOLD": "#8b93a1", "LONG": "#3f8fd8"}
#: Of what has no side: validation, baselines.
NEUTRAL: Final = "#8b93a1"
#: Of a second thing beside the first.
ACCENT: Final = "#8a6fd1"

assert tuple(COLOURS) == CLASS_NAMES

#: Pixels of a chart.
HEIGHT: Final = 340

Trace = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """What plotly draws.

    Attributes:
        key: of the chart in the page, unique.
        title: above it.
        note: what it shows, below the title, in plain words.
        data: plotly's traces.
        layout: plotly's layout.
        height: pixels.
        wide: takes the whole width of the page.
    """

    key: str
    title: str
    note: str
    data: list[Trace]
    layout: dict[str, Any]
    height: int = HEIGHT
    wide: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As the page's script takes it."""
        return {
            "key": self.key,
            "data": self.data,
            "layout": {**self.layout, "height": self.height},
        }


@dataclass(frozen=True)
class Panels:
    """Panels below one another that share their x axis.

    Attributes:
        titles: of their y axes, from the top.
        weights: heights beside one another; equal unless given.
        gap: share of the height between two panels.
    """

    titles: Sequence[str]
    weights: Sequence[float] = ()
    gap: float = 0.07
    x_title: str = ""
    axes: dict[str, Any] = field(default_factory=dict)

    def layout(self) -> dict[str, Any]:
        """Plotly's axes; panel k has the y axis `axis(k)`."""
        weights = self.weights or [1.0] * len(self.titles)
        room = 1.0 - self.gap * (len(self.titles) - 1)
        layout: dict[str, Any] = {}
        top = 1.0
        for number, (title, weight) in enumerate(zip(self.titles, weights, strict=True)):
            bottom = top - room * weight / sum(weights)
            # A last bottom of -1e-17 would be refused.
            layout[f"yaxis{number + 1 if number else ''}"] = {
                "domain": [max(round(bottom, 6), 0.0), round(top, 6)],
                "title": {"text": title},
            }
            top = bottom - self.gap
        lowest = self.axis(len(self.titles) - 1)
        layout["xaxis"] = {"anchor": lowest, "title": {"text": self.x_title}, **self.axes}
        return layout

    @staticmethod
    def axis(number: int) -> str:
        """Plotly's name of a panel's y axis, from 0 at the top."""
        return f"y{number + 1}" if number else "y"


def iso(seconds: int) -> str:
    """A date as plotly reads it, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def line_across(axis: str, value: float, colour: str = NEUTRAL) -> dict[str, Any]:
    """A dotted line over a whole panel.

    Args:
        axis: y axis of the panel.
        value: where on it.
        colour: of the line.
    """
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": axis,
        "y0": value,
        "y1": value,
        "line": {"color": colour, "width": 1, "dash": "dot"},
    }
