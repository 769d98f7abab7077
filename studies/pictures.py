"""The pictures of docs/track-record.md: `python -m studies.pictures [FOLDER]`.

All are of simulated bots of the study `track`, from fixed seeds, and plain SVG.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from demo import svg
from demo.running import REPOSITORY
from dualwindow.track.evidence import Evidence
from studies.track import BOUNDS, FAIR, LOST, PROMISED, TOLERANCE, WON, day_of

FOLDER: Final = REPOSITORY / "docs" / "pictures"
KIND: Final = "independent trades"
#: Share of winning trades of a bot that earns `PROMISED` a trade.
GOOD: Final = (PROMISED - LOST) / (WON - LOST)
DAYS: Final = 180
#: Days on which the growing interval is drawn.
EVERY: Final = 3

_WIDTH: Final = 720
_LEFT, _RIGHT, _TOP = 70, 20, 56
#: Readable on white and on a dark page: a picture does not know on which it is shown.
COLORS: Final = {
    "text": "#7b7b7b",
    "axis": "#888888",
    "line": "#1b9e77",
    "bad": "#d95f02",
    "thin": "#4c6faf",
}
_STYLE: Final = (
    "text{{font:13px sans-serif;fill:{text}}}.head{{font-weight:bold}}"
    ".axis{{stroke:{axis};stroke-width:1}}"
    ".zero{{stroke:{axis};stroke-width:1.5;stroke-dasharray:5 4}}"
    ".band{{fill:{line};opacity:.25}}.line{{fill:none;stroke:{line};stroke-width:2}}"
    ".bad{{fill:none;stroke:{bad};stroke-width:2.5}}.dot{{fill:{line}}}.off{{fill:{bad}}}"
    ".thin{{fill:none;stroke:{thin};stroke-width:1.2}}"
).format(**COLORS)


@dataclass(frozen=True)
class Panel:
    """A part of a picture: its place in pixels, and the values at its edges."""

    top: float
    height: float
    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, value: float) -> float:
        """Pixels from the left."""
        first, last = self.across
        return _LEFT + (value - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        low, high = self.up
        return self.top + self.height * (high - min(max(value, low), high)) / (high - low)

    def points(self, across: Sequence[float], up: Sequence[float]) -> str:
        """Points of a line."""
        return svg.points(
            (self.x(one), self.y(other)) for one, other in zip(across, up, strict=True)
        )

    def frame(self, ticks: Sequence[float], title: str, unit: str) -> Iterator[str]:
        """The title, the axis with its ticks, and the line of 0."""
        yield svg.text(_LEFT, self.top - 10, title, "head")
        yield svg.line(_LEFT, self.top, _LEFT, self.top + self.height, "axis")
        for tick in ticks:
            name = f"{tick:+g}{unit}" if tick else f"0{unit}"
            yield svg.text(_LEFT - 8, self.y(tick) + 4, name, anchor="end")
        yield svg.line(_LEFT, self.y(0.0), _WIDTH - _RIGHT, self.y(0.0), "zero")

    def foot(self, ticks: Sequence[int], words: str) -> Iterator[str]:
        """The ticks below."""
        below = self.top + self.height
        yield svg.line(_LEFT, below, _WIDTH - _RIGHT, below, "axis")
        for tick in ticks:
            yield svg.text(self.x(tick), below + 18, str(tick), anchor="middle")
        yield svg.text((_LEFT + _WIDTH - _RIGHT) / 2, below + 36, words, anchor="middle")


def _picture(height: int, title: str, parts: Sequence[str]) -> str:
    named = svg.text(_LEFT, 20, title, "head")
    return svg.document(_WIDTH, height, title, _STYLE, [named, *parts])


def luck() -> str:
    """Twenty bots that earn nothing, for ninety days: what the best of them looks like."""
    days, bots = 90, 20
    curves = []
    for seed in range(bots):
        random = np.random.default_rng([seed, 5])
        daily = [
            sum(trade.profit for own in day_of(KIND, random, FAIR, None).values() for trade in own)
            for _ in range(days)
        ]
        curves.append([0.0, *(100.0 * np.cumsum(daily)).tolist()])
    reach = 5.0 * np.ceil(max(abs(value) for curve in curves for value in curve) / 5.0)
    panel = Panel(_TOP + 10, 280, (0, days), (-reach, reach))
    best = max(curves, key=lambda curve: curve[-1])
    parts = [*panel.frame((-reach, 0.0, reach), "sum of all profits", " %")]
    for curve in [*(own for own in curves if own is not best), best]:
        kind = "bad" if curve is best else "thin"
        points = panel.points(range(days + 1), curve)
        parts.append(f'<polyline class="{kind}" points="{points}"/>')
    parts += panel.foot(range(0, days + 1, 30), "days")
    return _picture(410, f"{bots} bots that earn nothing, and the luckiest of them", parts)


def interval() -> str:
    """Twenty bots with the same edge after 120 days: every interval, and the truth."""
    days, bots = 120, 20
    panel = Panel(_TOP + 10, 17.0 * bots, (-0.2, 0.4), (0.0, 1.0))
    truth, parts = 100.0 * PROMISED, []
    parts.append(svg.line(panel.x(0.0), panel.top, panel.x(0.0), panel.top + panel.height, "zero"))
    parts.append(
        svg.line(panel.x(truth), panel.top, panel.x(truth), panel.top + panel.height, "line")
    )
    parts.append(svg.text(panel.x(truth) + 6, panel.top - 8, f"the truth, {truth:+.1f} % a trade"))
    parts.append(svg.text(panel.x(0.0) - 6, panel.top - 8, "nothing earned", anchor="end"))
    for seed in range(bots):
        evidence = _evidence(seed, GOOD, days)
        low, high = (100.0 * end for end in evidence.interval)
        mean = 100.0 * evidence.profit / evidence.trades
        kind, dot = ("line", "dot") if low <= truth <= high else ("bad", "off")
        y = panel.top + 17.0 * (seed + 0.5)
        parts.append(svg.line(panel.x(low), y, panel.x(high), y, kind))
        parts.append(f'<circle class="{dot}" cx="{panel.x(mean):.1f}" cy="{y:.1f}" r="3.5"/>')
    below = panel.top + panel.height
    for tick in (-0.1, 0.0, 0.1, 0.2, 0.3):
        name = f"{tick:+.1f} %" if tick else "0 %"
        parts.append(svg.text(panel.x(tick), below + 18, name, anchor="middle"))
    title = f"{bots} bots with the same edge, after {days} days: what each of them sees"
    return _picture(int(below) + 30, title, parts)


def sequence() -> str:
    """How the interval closes, day by day, of a bot with an edge and of one without."""
    parts: list[str] = []
    cases = (("an edge of +0.1 % a trade", GOOD), ("no edge", FAIR))
    for place, (title, wins) in enumerate(cases):
        panel = Panel(_TOP + 12 + 210 * place, 170, (0, DAYS), (-0.3, 0.5))
        random, evidence = np.random.default_rng([2, place]), Evidence(BOUNDS, TOLERANCE)
        days, lows, highs, means = [], [], [], []
        found = None
        for day in range(1, DAYS + 1):
            evidence.update(day_of(KIND, random, wins, None))
            if found is None and evidence.is_edge_found:
                found = day
            if day % EVERY == 0:
                days.append(day)
                means.append(100.0 * evidence.profit / evidence.trades)
                low, high = evidence.interval
                lows.append(100.0 * low)
                highs.append(100.0 * high)
        band = f"{panel.points(days, highs)} {panel.points(days[::-1], lows[::-1])}"
        parts.append(f'<polygon class="band" points="{band}"/>')
        parts.append(f'<polyline class="line" points="{panel.points(days, means)}"/>')
        parts += panel.frame((-0.2, 0.0, 0.2, 0.4), title, " %")
        if found is not None:
            parts.append(svg.line(panel.x(found), panel.top, panel.x(found), panel.y(-0.3), "bad"))
            parts.append(svg.text(panel.x(found) + 6, panel.top + 12, f"edge found, day {found}"))
    parts += panel.foot(range(0, DAYS + 1, 30), "days, with ten trades each")
    return _picture(520, "The interval closes around the truth", parts)


def _evidence(seed: int, wins: float, days: int) -> Evidence:
    random, evidence = np.random.default_rng([seed, 7]), Evidence(BOUNDS, TOLERANCE)
    for _ in range(days):
        evidence.update(day_of(KIND, random, wins, None))
    return evidence


#: Name of a file to what draws it.
PICTURES: Final = {"luck.svg": luck, "interval.svg": interval, "sequence.svg": sequence}


def main(folder: Path = FOLDER) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        (folder / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
