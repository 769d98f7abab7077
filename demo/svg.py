"""Elements of a plain SVG; their looks come from classes in a style sheet."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words at a point: their beginning, or by `anchor` their middle or end."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(words)}</text>'


def line(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def points(pairs: Iterable[tuple[float, float]]) -> str:
    """Points of a polyline or polygon."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def document(width: float, height: float, title: str, style: str, parts: Iterable[str]) -> str:
    """A whole picture; the title is what a screen reader reads."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
        f"<title>{escape(title)}</title><style>{style}</style>"
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"
