"""A chart in plotly's terms; colours of the page and fonts come from the page itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.measure import at_least_text

#: Distinguishable with any kind of colour vision, on a light and a dark page.
COLOURS: Final = {"SHORT": "#d9663a", "HOLD": "#8b93a1", "LONG": "#3f8fd8"}
#: For series without a side.
NEUTRAL: Final = "#8b93a1"
#: For the main one of two such series.
ACCENT: Final = "#8a6fd1"

assert tuple(COLOURS) == CLASS_NAMES

#: The classes that trade.
SIDES: Final = ("SHORT", "LONG")

#: Share of the height between two panels.
_GAP: Final = 0.07

Trace = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A chart of the page.

    The key is unique in the page; the note, in plain words, is below the title; height in pixels.
    """

    key: str
    title: str
    note: str
    data: list[Trace]
    layout: dict[str, Any]
    height: int = 340

    def to_dict(self) -> dict[str, Any]:
        """Content for the page's script."""
        layout = {**self.layout, "height": self.height}
        return {"key": self.key, "data": self.data, "layout": layout}


@dataclass(frozen=True)
class Panels:
    """Panels below one another that share their x axis, with titles of their y axes from the top.

    `weights` are relative heights, equal unless given; `axes` are further properties of the x axis.
    """

    titles: Sequence[str]
    weights: Sequence[float] = ()
    x_title: str = ""
    axes: dict[str, Any] = field(default_factory=dict)

    def layout(self) -> dict[str, Any]:
        """Plotly's axes; panel k has the y axis `axis(k)`."""
        weights = self.weights or [1.0] * len(self.titles)
        room = 1.0 - _GAP * (len(self.titles) - 1)
        layout: dict[str, Any] = {}
        top = 1.0
        for number, (title, weight) in enumerate(zip(self.titles, weights, strict=True)):
            bottom = top - room * weight / sum(weights)
            # Plotly refuses a bottom of -1e-17.
            layout[self.layout_key(number)] = {
                "domain": [max(round(bottom, 6), 0.0), round(top, 6)],
                "title": {"text": title},
            }
            top = bottom - _GAP
        lowest = self.axis(len(self.titles) - 1)
        layout["xaxis"] = {"anchor": lowest, "title": {"text": self.x_title}, **self.axes}
        return layout

    @staticmethod
    def layout_key(number: int) -> str:
        """The layout's name of a panel's y axis, from 0 at the top."""
        return f"yaxis{number + 1 if number else ''}"

    @staticmethod
    def axis(number: int) -> str:
        """Plotly's name of a panel's y axis, from 0 at the top."""
        return f"y{number + 1}" if number else "y"


def iso(seconds: int) -> str:
    """A date as plotly reads it, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def milliseconds(seconds: Iterable[int]) -> list[int]:
    """Dates as plotly's date axes read numbers: shorter than as text."""
    return [1000 * second for second in seconds]


def scatter(mode: str, name: str, x: Sequence[Any], y: Sequence[Any]) -> Trace:
    """A trace of `lines`, `markers` or `lines+markers`."""
    return {"type": "scatter", "mode": mode, "name": name, "x": x, "y": y}


def line_across(axis: str, value: float, colour: str = NEUTRAL) -> dict[str, Any]:
    """A dotted horizontal line over the panel with a y axis, at a value of it."""
    ends = {"xref": "paper", "x0": 0, "x1": 1, "yref": axis, "y0": value, "y1": value}
    return {"type": "line", **ends, "line": {"color": colour, "width": 1, "dash": "dot"}}


def from_text(side: str, threshold: float, *, is_lead: bool) -> str:
    """A side with its threshold: of its probability, or of its lead."""
    if is_lead:
        return at_least_text(side, threshold, is_lead=True)
    return f"{side} from {threshold:.2f}"
