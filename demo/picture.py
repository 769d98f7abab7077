"""The demo's picture: both markets with their verdicts and curves, as plain SVG.

Two panels, side by side or for narrow pages one above the other, in light and dark.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from demo import svg
from demo.curves import Curves

Theme = Literal["light", "dark"]
TITLE: Final = "One model, two markets, {days} days that it has not seen"
NOTE: Final = (
    "Profits after fees, summed, in percent of one stake. The oracle knows the drift. "
    "Made-up prices: no profit is promised."
)
#: As wide as a plus.
MINUS: Final = "\N{MINUS SIGN}"
#: Colors by theme; letters are as dark as their curves, so that they need no legend.
COLORS: Final[dict[Theme, dict[str, str]]] = {
    "light": {
        "page": "#ffffff",
        "text": "#1f2328",
        "muted": "#59636e",
        "grid": "#d1d9e0",
        "zero": "#818b98",
        "model": "#116329",
        "oracle": "#0550ae",
        "coin": "#59636e",
        "good": "#116329",
        "bad": "#953800",
    },
    "dark": {
        "page": "#0d1117",
        "text": "#f0f6fc",
        "muted": "#9198a1",
        "grid": "#2a313c",
        "zero": "#656c76",
        "model": "#3fb950",
        "oracle": "#58a6ff",
        "coin": "#9198a1",
        "good": "#3fb950",
        "bad": "#f0883e",
    },
}
_STYLE: Final = (
    ".page{{fill:{page}}}"
    "text{{font:{size}px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:{text}}}"
    ".title{{font-weight:600;font-size:{large}px}}.muted{{fill:{muted}}}"
    ".good{{fill:{good};font-weight:700;font-size:{huge}px}}"
    ".bad{{fill:{bad};font-weight:700;font-size:{huge}px}}"
    ".grid{{stroke:{grid};stroke-width:1}}.zero{{stroke:{zero};stroke-width:1.5}}"
    ".band{{fill:{coin};opacity:.22}}"
    ".coin{{fill:none;stroke:{coin};stroke-width:1.5;stroke-dasharray:5 4}}"
    ".oracle{{fill:none;stroke:{oracle};stroke-width:2}}"
    ".model{{fill:none;stroke:{model};stroke-width:3;stroke-linejoin:round}}"
    ".of-model{{fill:{model};font-weight:700}}.of-oracle{{fill:{oracle};font-weight:600}}"
    ".of-coin{{fill:{coin};font-weight:600}}"
)
#: Steps between two values of the axis, of which the finest is taken that leaves so few lines.
_STEPS: Final = (5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 500.0)
_MOST_LINES: Final = 6
#: Parts of the axis of days.
_DAYS: Final = 3
#: Size of the title's letters beside the others'.
_LARGE: Final = 1.15


@dataclass(frozen=True)
class Panel:
    """What is shown of a market.

    Attributes:
        market: above the verdict.
        verdict: the headline.
        is_found: whether it is good news.
        figures: below the headline.
        curves: of profits.
    """

    market: str
    verdict: str
    is_found: bool
    figures: str
    curves: Curves


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels.

    Attributes:
        width: of the picture.
        size: of the letters.
        plot: width and height of a panel's plot.
        labels: width of the curves' names beside it.
        is_stacked: one panel above the other.
    """

    width: float
    size: float
    plot: tuple[float, float]
    labels: float
    is_stacked: bool

    @property
    def row(self) -> float:
        """Height of a line of text."""
        return self.size * 1.35

    @property
    def head(self) -> float:
        """Height of the three lines above a plot."""
        return self.row * 4.3

    @property
    def left(self) -> float:
        """Width of the axis' values."""
        return self.size * 4.7

    def corner(self, number: int) -> tuple[float, float]:
        """Upper left corner of a panel's plot."""
        top = self.row * (0.8 + 1.2 * len(self.wrapped(TITLE, _LARGE))) + self.head
        if self.is_stacked:
            return self.left, top + number * (self.head + self.plot[1] + self.row * 2.4)
        return self.left + number * (self.plot[0] + self.labels + self.left), top

    def height(self, panels: int) -> float:
        """Of the whole picture."""
        last = self.corner(panels - 1)[1] + self.plot[1]
        return last + self.row * (2.6 + len(self.wrapped(NOTE)))

    def wrapped(self, words: str, scale: float = 1.0) -> list[str]:
        """Words in lines that fit into the picture, also in a wide font."""
        return textwrap.wrap(words, int((self.width - 2 * self.size) / (0.6 * scale * self.size)))


WIDE: Final = Layout(1040, 14, (358, 300), 92, is_stacked=False)
NARROW: Final = Layout(480, 17, (286, 270), 112, is_stacked=True)
#: Name of a file to its theme and layout.
PICTURES: Final[dict[str, tuple[Theme, Layout]]] = {
    "demo-light.svg": ("light", WIDE),
    "demo-dark.svg": ("dark", WIDE),
    "demo-narrow-light.svg": ("light", NARROW),
    "demo-narrow-dark.svg": ("dark", NARROW),
}


@dataclass(frozen=True)
class Axes:
    """Places of values in a panel: days from the left, percent from the top."""

    corner: tuple[float, float]
    plot: tuple[float, float]
    days: float
    low: float
    high: float

    def x(self, day: float) -> float:
        """Pixels from the left."""
        return self.corner[0] + self.plot[0] * day / self.days

    def y(self, percent: float) -> float:
        """Pixels from the top."""
        return self.corner[1] + self.plot[1] * (self.high - percent) / (self.high - self.low)

    def points(self, days: NDArray[np.float64], percent: NDArray[np.float64]) -> str:
        """Points of a curve."""
        return svg.points(
            zip(map(self.x, days.tolist()), map(self.y, percent.tolist()), strict=True)
        )


def picture(panels: Sequence[Panel], theme: Theme, layout: Layout) -> str:
    """Draw panels with equal axes."""
    colors, size = COLORS[theme], layout.size
    style = _STYLE.format(
        **colors, size=f"{size:g}", large=f"{size * _LARGE:g}", huge=f"{size * 1.5:g}"
    )
    height = layout.height(len(panels))
    parts = [f'<rect class="page" width="{layout.width:g}" height="{height:g}" rx="8"/>']
    title = TITLE.format(days=round(panels[0].curves.days[-1]))
    for number, words in enumerate(layout.wrapped(title, _LARGE)):
        parts.append(svg.text(size, layout.row * (1.5 + 1.2 * number), words, "title"))
    low, high = _ends(panels)
    for number, panel in enumerate(panels):
        axes = Axes(
            layout.corner(number),
            layout.plot,
            float(panel.curves.days[-1]),
            low,
            high,
        )
        parts += _heading(panel, axes, layout)
        parts += _frame(axes, layout)
        parts += _drawn(panel.curves, axes)
        parts += _names(panel.curves, axes, layout)
    for number, words in enumerate(reversed(layout.wrapped(NOTE))):
        y = height - layout.row * (0.9 + number)
        parts.append(svg.text(size, y, words, "muted"))
    return svg.document(layout.width, height, _spoken(title, panels), style, parts)


def _spoken(title: str, panels: Sequence[Panel]) -> str:
    each = (f"{panel.market}: {panel.verdict}, {panel.figures}." for panel in panels)
    return " ".join([f"{title}.", *each])


def _ends(panels: Sequence[Panel]) -> tuple[float, float]:
    """The lowest and the highest value of all panels, with some room."""
    curves = [panel.curves for panel in panels]
    low = min(float(np.min([own.low, own.model, own.oracle])) for own in curves)
    high = max(float(np.max([own.high, own.model, own.oracle])) for own in curves)
    room = 0.04 * (high - low) + 1.0
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round values between two ends, 0 among them."""
    step = next((own for own in _STEPS if high - low < _MOST_LINES * own), _STEPS[-1])
    ticks: list[float] = (step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)).tolist()
    return ticks


def _heading(panel: Panel, axes: Axes, layout: Layout) -> Iterator[str]:
    x, top = axes.corner[0] - layout.left + layout.size, axes.corner[1] - layout.head
    yield svg.text(x, top + layout.row, panel.market)
    yield svg.text(x, top + layout.row * 2.35, panel.verdict, "good" if panel.is_found else "bad")
    yield svg.text(x, top + layout.row * 3.4, panel.figures, "muted")


def _frame(axes: Axes, layout: Layout) -> Iterator[str]:
    left, right = axes.x(0.0), axes.x(axes.days)
    for tick in _ticks(axes.low, axes.high):
        y = axes.y(tick)
        yield svg.line(left, y, right, y, "grid" if tick else "zero")
        yield svg.text(left - 6, y + layout.size * 0.35, _percent(tick), "muted", "end")
    below = axes.y(axes.low) + layout.row
    last = round(axes.days)
    days = [*range(0, last, last // _DAYS), last]
    for day in days:
        is_last = day == last
        anchor = "end" if is_last else "middle"
        name = f"{day} days" if is_last else str(day)
        yield svg.text(axes.x(day), below, name, "muted", anchor)


def _drawn(curves: Curves, axes: Axes) -> Iterator[str]:
    there = axes.points(curves.days, curves.high)
    back = axes.points(curves.days[::-1], curves.low[::-1])
    yield f'<polygon class="band" points="{there} {back}"/>'
    for kind, values in (
        ("coin", curves.mean),
        ("oracle", curves.oracle),
        ("model", curves.model),
    ):
        yield f'<polyline class="{kind}" points="{axes.points(curves.days, values)}"/>'


def _names(curves: Curves, axes: Axes, layout: Layout) -> Iterator[str]:
    """The names beside the ends of the curves, moved apart where they would overlap."""
    oracle = _percent(float(curves.oracle[-1])) if curves.oracle_trades else "stays out"
    names = [
        ("of-oracle", float(curves.oracle[-1]), "oracle", oracle),
        ("of-model", float(curves.model[-1]), "model", _percent(float(curves.model[-1]))),
        ("of-coin", float(curves.mean[-1]), "coin flip", "95 % band"),
    ]
    names.sort(key=lambda name: -name[1])
    room = layout.row * 2.15
    inside = axes.y(axes.high) + layout.size * 0.5, axes.y(axes.low) - layout.size * 1.2
    places = apart([axes.y(own[1]) for own in names], room, inside)
    x = axes.x(axes.days) + layout.size * 0.5
    for (kind, _, first, second), y in zip(names, places, strict=True):
        yield svg.text(x, y - layout.size * 0.12, first, kind)
        yield svg.text(x, y + layout.size * 1.0, second, "muted" if kind == "of-coin" else kind)


def apart(wanted: Sequence[float], room: float, inside: tuple[float, float]) -> list[float]:
    """Places as near to ascending wanted ones as a distance between neighbours allows.

    Args:
        wanted: at least one.
        room: the distance.
        inside: the least and the greatest place; there is room for all between them.

    Example:
        >>> apart([10.0, 12.0, 40.0], 8.0, (0.0, 39.0))
        [7.0, 15.0, 39.0]
    """
    groups: list[list[float]] = []
    for place in wanted:
        groups.append([place])
        while len(groups) > 1 and _first(groups[-1], room) - _last(groups[-2], room) < room:
            last = groups.pop()
            groups[-1] += last
    places = [_first(group, room) + room * at for group in groups for at in range(len(group))]
    least, most = inside
    count = len(places)
    return [
        max(min(place, most - room * (count - 1 - at)), least + room * at)
        for at, place in enumerate(places)
    ]


def _first(group: Sequence[float], room: float) -> float:
    """Place of a group's first member; its members lie side by side around their mean."""
    return sum(group) / len(group) - room * (len(group) - 1) / 2


def _last(group: Sequence[float], room: float) -> float:
    return _first(group, room) + room * (len(group) - 1)


def _percent(value: float) -> str:
    """Such as `+50 %`, with the minus of print."""
    rounded = round(value)
    return f"{rounded:+d} %".replace("-", MINUS) if rounded else "0 %"
