"""Several reports on one page: headlines, three figures and equity curves side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from dualwindow import __version__
from dualwindow.data.candles.timerange import utc_text
from dualwindow.errors import DataError
from dualwindow.report import html
from dualwindow.report.charts.equity_charts import several_equities
from dualwindow.report.headline import full_verdict, headline_of
from dualwindow.report.page import kind_of
from dualwindow.report.schema import Report
from dualwindow.report.tables import PageTable
from dualwindow.report.verdict import share
from dualwindow.runtime.files import whole_file, write_json

FIGURES_NAME: Final = "comparison.json"
PAGE_NAME: Final = "comparison.html"
#: Format of comparison.json.
_FORMAT: Final = 1
_UNKNOWN: Final = "-"
_CAUTION: Final = (
    "The best of several looks better than it is: choose by one period, and believe the figures of "
    "another one."
)


def names_of(reports: Sequence[Report], folders: Sequence[Path]) -> list[str]:
    """A name for each: its title, with the folders above it where several share one."""
    titles = [report.title for report in reports]
    return [
        title if titles.count(title) == 1 else str(folder)
        for title, folder in zip(titles, folders, strict=True)
    ]


def comparison_of(reports: Mapping[str, Report]) -> dict[str, Any]:
    """The comparison as plain JSON types."""
    return {
        "format": _FORMAT,
        "version": __version__,
        "reports": [
            {
                "name": name,
                "kind": kind_of(report),
                "about": report.about,
                "outcome": _outcome(report),
                "headline": asdict(headline_of(report)),
                "after_fees": report.after_fees.to_dict() if report.after_fees else None,
            }
            for name, report in reports.items()
        ],
    }


def _outcome(report: Report) -> str:
    """The verdict in words, a running bot's where there is one."""
    return str(report.track["verdict"]["words"] if report.track else report.verdict.outcome)


def _table(reports: Mapping[str, Report]) -> PageTable:
    rows = []
    for name, report in reports.items():
        fees = report.after_fees
        model = fees.sides.model if fees and fees.sides else None
        trades = report.track["verdict"]["trades"] if report.track else fees and fees.trades
        rows.append(
            [
                name,
                _outcome(report),
                _evaluated_on(report),
                _UNKNOWN if trades is None else f"{trades:,}",
                share(model.hit_rate) if model else _UNKNOWN,
                model.total_pct.text(1) if model else _UNKNOWN,
                f"{model.drawdown_pct:.1f} %" if model else _UNKNOWN,
            ]
        )
    heads = ("", "verdict", "of", "trades", "hit rate", "total", "drawdown")
    return PageTable(heads, rows)


def _evaluated_on(report: Report) -> str:
    """Dates or rows that the figures are of."""
    if report.track is not None and report.track["last"] is not None:
        return " to ".join(utc_text(report.track[end]) for end in ("began", "last"))
    return report.about.get("predicted candles", report.about.get("judged on", _UNKNOWN))


def _curve(report: Report) -> tuple[list[int], list[float]] | None:
    """Times and sums of profits in percent: of a bot's paper trades, else of the trades."""
    if report.track is not None:
        periods = report.track["periods"]
        levels = accumulate(100.0 * period["profit"] for period in periods)
        return ([period["end"] for period in periods], list(levels)) if periods else None
    equity = report.after_fees.equity if report.after_fees else None
    return (equity.seconds, equity.model) if equity else None


def comparison_page(reports: Mapping[str, Report]) -> str:
    """The comparison as the text of one HTML file."""
    title = f"Comparison of {', '.join(reports)}"
    curves = {name: _curve(report) for name, report in reports.items()}
    known = {name: curve for name, curve in curves.items() if curve is not None}
    chart = several_equities(known)
    charts = [chart] if chart else []
    parts = [
        html.page_head(title),
        "<body>",
        f'<header><h1>{escape(title)}</h1><p class="quiet">{escape(_CAUTION)}</p></header>',
        f'<div class="beside">{"".join(map(_headline, reports, reports.values()))}</div>',
        '<main class="charts">',
        *map(html.chart_card, charts),
        html.card("Figures after fees", html.table_html(_table(reports))),
        "</main>",
        f'<footer class="quiet">{escape(html.FOOTER)}</footer>',
        html.scripts(charts),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _headline(name: str, report: Report) -> str:
    headline = headline_of(report)
    sentences = " ".join(map(escape, filter(None, full_verdict(report))))
    return (
        f'<section class="card verdict {headline.tone}"><h3>{escape(name)}: '
        f'{escape(kind_of(report))}</h3><h2 class="headline">{escape(headline.text)}</h2>'
        f"{html.gauges(headline)}<details><summary>The verdict in full</summary>"
        f"<p>{sentences}</p></details></section>"
    )


def write_comparison(reports: Mapping[str, Report], folder: Path) -> tuple[Path, Path]:
    """Write the page and the JSON into a folder, each whole or not at all.

    Returns:
        Paths of the page and of the JSON; earlier files of these names are replaced.

    Raises:
        DataError: when the folder cannot be written.
    """
    page, figures = folder / PAGE_NAME, folder / FIGURES_NAME
    text = comparison_page(reports)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(figures, comparison_of(reports))
        with whole_file(page) as handle:
            handle.write(text.encode())
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error}; give another --output") from None
    return page, figures
