"""Parts of pages as text: cards, tables, folded facts, figures with interval bars."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from importlib.resources import files
from typing import Any, Final

from dualwindow.report import tables
from dualwindow.report.charts.chart import Chart
from dualwindow.report.headline import Headline, KeyFigure

#: Makes the browser refuse every request that would leave the file.
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
FOOTER: Final = "All figures are of past candles. They promise nothing for future ones."
#: Room beside the longest bar of a figure.
_ROOM: Final = 1.15
#: Rows of a table of retrainings, unless there are more pairs.
_MOST_ROWS: Final = 60


def page_head(title: str) -> str:
    """The beginning of a page, up to its body: no request leaves the file."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{resource('page.css')}</style></head>"
    )


def scripts(charts: Sequence[Chart], **more: object) -> str:
    """The page's scripts: plotly, the figures of the charts, and what draws them."""
    content = {"charts": [chart.to_dict() for chart in charts], **more}
    return "\n".join(
        [
            f"<script>{plotly_bundle()}</script>",
            f'<script type="application/json" id="figures">{figures_json(content)}</script>',
            f"<script>{resource('page.js')}</script>",
        ]
    )


def plotly_bundle() -> str:
    """Plotly's basic bundle: bars, lines and marks, a quarter of the whole library."""
    return resource("vendored/plotly-basic.min.js")


def resource(name: str) -> str:
    """A file beside this one."""
    return files("dualwindow.report").joinpath(name).read_text(encoding="utf-8")


def figures_json(content: Mapping[str, object]) -> str:
    """JSON for a script element, which a `</script>` in a text must not end.

    A list that is the very same object in several places is written once, in `shared`, and
    elsewhere as `{"shared": number}`.
    """
    shared: list[Any] = []
    shortened = _shortened(content, {}, shared)
    text = json.dumps({**shortened, "shared": shared}, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _shortened(value: Any, places: dict[int, int], shared: list[Any]) -> Any:
    """The value with no more digits than a chart can show."""
    if isinstance(value, dict):
        return {name: _shortened(inner, places, shared) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        if len(value) < _SHARED_FROM:
            return [_shortened(inner, places, shared) for inner in value]
        if id(value) not in places:
            places[id(value)] = len(shared)
            shared.append(None)
            shared[places[id(value)]] = [_shortened(inner, places, shared) for inner in value]
        return {"shared": places[id(value)]}
    return float(f"{value:.6g}") if isinstance(value, float) else value


#: Shortest list that may be shared.
_SHARED_FROM: Final = 24


def card(title: str, content: str, note: str = "", *, key: str = "") -> str:
    """A section of the page; nothing without content."""
    if not content:
        return ""
    text = f'<p class="quiet">{escape(note)}</p>' if note else ""
    named = f' id="{escape(key)}"' if key else ""
    return f'<section class="card"{named}><h2>{escape(title)}</h2>{text}{content}</section>'


def row(cards: Sequence[str]) -> str:
    """Cards side by side, as many as there are; a single one has the whole width."""
    shown = [text for text in cards if text]
    if not shown:
        return ""
    return f'<div class="row" style="--cards:{len(shown)}">{"".join(shown)}</div>'


def columns(cards: Sequence[str]) -> str:
    """Cards of different heights in columns."""
    text = "".join(cards)
    return f'<div class="columns">{text}</div>' if text else ""


def chart_box(chart: Chart, *, hidden: bool = False) -> str:
    """The place where the script draws a chart."""
    return (
        f'<div class="chart" id="chart-{escape(chart.key)}"{" hidden" if hidden else ""} '
        f'style="min-height:{chart.height}px"></div>'
    )


def chart_card(chart: Chart) -> str:
    """A chart with its title and note."""
    return card(chart.title, chart_box(chart), chart.note)


def table_html(table: tables.PageTable | None, kind: str = "") -> str:
    """A table of escaped cells; nothing without one."""
    if table is None:
        return ""
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    rows = []
    for number, cells in enumerate(table.rows):
        opened = '<tr class="ours">' if number in table.ours else "<tr>"
        shades = table.shades[number] if table.shades else [None] * len(cells)
        shown = [
            f"<td>{escape(cell)}</td>"
            if shade is None
            else f'<td class="shade" style="--share:{100 * shade:.0f}%">{escape(cell)}</td>'
            for cell, shade in zip(cells, shades, strict=True)
        ]
        rows.append(f"{opened}{''.join(shown)}</tr>")
    head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    return (
        f'<div class="scroll"><table class="{kind}">{head}<tbody>{"".join(rows)}</tbody></table>'
        "</div>"
    )


def newest_rows(table: tables.PageTable | None) -> str:
    """A table of retrainings, of many the last of each pair; nothing without one."""
    if table is None or len(table.rows) <= _MOST_ROWS:
        return table_html(table)
    pairs = [cells[0] for cells in table.rows]
    each = max(_MOST_ROWS // len(set(pairs)), 1)
    kept = [
        cells
        for at, cells in enumerate(table.rows)
        if at + each >= len(pairs) or pairs[at + each] != cells[0]
    ]
    left = f"The newest of each pair, {len(kept)} of {len(table.rows)}; all are in report.json."
    return f'<p class="quiet">{left}</p>{table_html(replace(table, rows=kept))}'


def folded(title: str, facts: Mapping[str, object]) -> str:
    """Facts that a click unfolds; nothing without any."""
    if not facts:
        return ""
    table = table_html(tables.facts(facts), "facts")
    return f'<details class="card"><summary>{escape(title)}</summary>{table}</details>'


def first_screen(headline: Headline, sentences: Sequence[str], title: str) -> str:
    """The headline, its three figures, and the paragraph of the verdict folded below."""
    *before, last = [escape(sentence) for sentence in sentences if sentence]
    return (
        f'<section class="card verdict {headline.tone}" id="verdict">'
        f'<h2 class="headline">{escape(headline.text)}</h2>{gauges(headline)}'
        f"<details><summary>{escape(title)}</summary>"
        f"<p>{' '.join(before)} <strong>{last}</strong></p></details></section>"
    )


def gauges(headline: Headline) -> str:
    """The three figures of a headline."""
    return f'<div class="figures">{"".join(map(_gauge, headline.figures))}</div>'


def _gauge(figure: KeyFigure) -> str:
    """A figure with a bar of its interval on an axis whose middle is 0."""
    ends = [end for end in (figure.low, figure.value, figure.high) if end is not None]
    most = _ROOM * max(map(abs, ends), default=0.0)
    bar = ""
    if figure.value is not None and most > 0.0:

        def place(value: float) -> float:
            return 50.0 * (1.0 + value / most)

        drawn = f'<i class="dot" style="left:{place(figure.value):.2f}%"></i>'
        if figure.low is not None and figure.high is not None:
            left, right = place(figure.low), place(figure.high)
            drawn = (
                f'<i class="range" style="left:{left:.2f}%;width:{right - left:.2f}%"></i>{drawn}'
            )
        bar = f'<div class="bar" aria-hidden="true"><i class="zero"></i>{drawn}</div>'
    return (
        f'<div class="figure {figure.tone}"><h3>{escape(figure.title)}</h3>'
        f'<p><b>{escape(figure.text)}</b> <span class="quiet">{escape(figure.note)}</span></p>'
        f'{bar}<p class="quiet">{escape(figure.interval_text)}</p></div>'
    )
