"""The page of a contest, one HTML file that needs no network, and the same figures as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from dualwindow.errors import DataError
from dualwindow.model_selection.contest.drawn_sums import figure_text
from dualwindow.report.html import FOOTER, card, folded, page_head, table_html
from dualwindow.report.tables import PageTable
from dualwindow.runtime.files import whole_file, write_json

FIGURES_NAME: Final = "contest.json"
PAGE_NAME: Final = "contest.html"
#: Heads of the league table.
HEADS: Final = (
    "contender",
    "days",
    "over the table",
    "direction",
    "windows above",
    "edge where surest",
    "profit a trade",
    "trades",
    "log loss",
    "a training",
)


def league_table(content: Mapping[str, Any]) -> PageTable:
    """The league of a contest's JSON; networks are its own rows."""
    league = content["league"]
    rows = [
        [
            row["contender"],
            str(row["days"]),
            figure_text(row["skill"], 1),
            figure_text(row["direction"], 1),
            f"{row['windows_above']} of {content['windows']}",
            figure_text(row["edge"], 3),
            figure_text(row["profit"], 3),
            f"{row['trades']:,.0f}",
            f"{row['loss']['value']:.4f}",
            f"{row['seconds']:.1f} s",
        ]
        for row in league
    ]
    ours = frozenset(at for at, row in enumerate(league) if row["kind"] == "network")
    return PageTable(HEADS, rows, ours)


def difference_table(content: Mapping[str, Any]) -> PageTable | None:
    """Paired differences of the networks; None where there is no other contender."""
    rows = [
        [
            each["network"],
            str(each["days"]),
            each["other"],
            figure_text(each["skill"], 1),
            figure_text(each["edge"], 3),
        ]
        for each in content["differences"]
    ]
    heads = ("network", "days", "less", "log loss saved", "edge")
    return PageTable(heads, rows) if rows else None


def contest_page(content: Mapping[str, Any]) -> str:
    """The text of the page of a contest's JSON."""
    title = f"Contest: {', '.join(content['pairs'])}"
    *sentences, last = [escape(sentence) for sentence in content["verdict"]]
    notes = "".join(f"<li>{escape(note)}</li>" for note in content["notes"])
    settings = {
        f"{name}: {key}": value
        for name, values in content["networks"].items()
        for key, value in values.items()
    }
    about = f"{content['period']}, {content['timeframe']} candles, dualwindow {content['version']}"
    parts = [
        page_head(title),
        "<body>",
        f'<header><h1>{escape(title)}</h1><p class="quiet">{escape(about)}</p></header>',
        '<section class="card verdict bad" id="verdict"><h2>Verdict</h2>'
        f"<p>{' '.join(sentences)} <strong>{last}</strong></p></section>",
        '<main class="charts">',
        card("League table", table_html(league_table(content))),
        card("Paired differences", table_html(difference_table(content))),
        card("How it was measured", f"<ul>{notes}</ul>"),
        "</main>",
        folded("Settings", settings),
        f'<footer class="quiet">{escape(FOOTER)}</footer>',
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def write_contest(content: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write the page and the JSON into a folder, each whole or not at all.

    Returns:
        Paths of the page and of the JSON; earlier files of these names are replaced.

    Raises:
        DataError: when the folder cannot be written.
    """
    page, figures = folder / PAGE_NAME, folder / FIGURES_NAME
    text = contest_page(content)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(figures, dict(content))
        with whole_file(page) as handle:
            handle.write(text.encode())
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}; give another --output") from None
    return page, figures
