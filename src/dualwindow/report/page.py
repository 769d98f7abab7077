"""The page: one HTML file with everything in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any, Final

import plotly.offline

from dualwindow.report.candle_charts import candle_charts
from dualwindow.report.chart import Chart
from dualwindow.report.probability_charts import (
    confusion_charts,
    coverage_chart,
    reliability_charts,
)
from dualwindow.report.schema import Report, Verdict
from dualwindow.report.tables import (
    PageTable,
    baseline_table,
    class_table,
    fact_table,
    profit_table,
    threshold_table,
    walk_table,
    window_table,
)
from dualwindow.report.training_charts import class_chart, epoch_chart, skill_chart, stage_chart

#: The browser itself refuses whatever would leave the file.
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
_FOOTER: Final = (
    "All figures are of candles that lie in the past. They promise nothing for those to come."
)


def charts_of(report: Report) -> list[Chart]:
    """Every chart that the report has figures for, in their order."""
    found = [
        skill_chart(report),
        coverage_chart(report),
        *confusion_charts(report),
        *reliability_charts(report),
        *candle_charts(report),
        epoch_chart(report),
        class_chart(report.run.weeks),
        class_chart(report.predicted_weeks, "classes-said"),
        stage_chart(report.run.stages),
    ]
    return [each for each in found if each is not None]


def page_of(report: Report) -> str:
    """The report as one HTML file that needs nothing beside it."""
    charts = charts_of(report)
    kinds = {"training": "training", "backtest": "retrainings of a bot or backtest"}
    title = f"{report.title}: {kinds[report.kind]}"
    parts = [
        _head(title),
        "<body>",
        f'<header><h1>{escape(report.title)}</h1><p class="quiet">Report of the '
        f"{kinds[report.kind]}, made {escape(report.made)} by dualwindow {escape(report.version)}"
        "</p></header>",
        _first_screen(report),
        '<noscript><p class="card">The charts need JavaScript; it runs in this file alone.</p>'
        "</noscript>",
        '<main class="charts">',
        *(_chart(each) for each in charts),
        _card("After fees", profit_table(report.after_fees), _profit_note(report), wide=True),
        _card(
            "What the thresholds do", threshold_table(report), _threshold_note(report), wide=True
        ),
        _card("Classes", class_table(report)),
        _card("Retrainings", window_table(report), wide=True),
        _card("Profit by retraining", walk_table(report), _WALK_NOTE, wide=True),
        "</main>",
        _folded("Settings", report.settings),
        _folded("Versions", report.run.versions),
        f'<footer class="quiet">{escape(_FOOTER)}</footer>',
        # Plotly's package brings this one bundle, of all kinds of charts.
        f"<script>{plotly.offline.get_plotlyjs()}</script>",
        f'<script type="application/json" id="figures">{_json(charts)}</script>',
        f"<script>{_resource('page.js')}</script>",
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _profit_note(report: Report) -> str:
    figures = report.after_fees
    if figures is None or figures.sides is None:
        return ""
    return (
        f"{figures.trades:,} trades in {figures.days:.1f} days, one at a time for each pair, after "
        f"{figures.fee_pct:g} % fee and {figures.slippage_pct:g} % slippage a side, in percent of "
        "one trade's stake. The other sides enter at the same candles."
    )


def _threshold_note(report: Report) -> str:
    kinds = {evaluation.calibration for _, evaluation in report.evaluated()} - {"none"}
    looked_at = "calibrated probabilities" if kinds else "the network's own probabilities"
    named = f" (calibration {', '.join(sorted(kinds))})" if kinds else ""
    return (
        f"Thresholds act on {looked_at}{named}. Side came: of the candles on which it fires. "
        "Market probability: of the candles whose probability lies at the threshold."
    )


_WALK_NOTE: Final = (
    "Every model on the candles that it alone predicted; trades count where their signal came."
)


def _head(title: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_resource('page.css')}</style></head>"
    )


def _first_screen(report: Report) -> str:
    about = _table(fact_table(report.about), "facts")
    baselines = baseline_table(report)
    beside = ""
    if baselines is not None:
        several = "; means over all judged candles" if len(report.evaluated()) > 1 else ""
        beside = (
            '<section class="card"><h2>Beside its baselines</h2>'
            f'<p class="quiet">Log loss and Brier score: lower is better, calibrated{several}.</p>'
            f"{_table(baselines, 'baselines')}</section>"
        )
    return f'<div class="first">{_verdict(report.verdict)}{beside}</div>\n{_about(about)}'


def _about(table: str) -> str:
    return f'<section class="card about"><h2>About</h2>{table}</section>'


def _verdict(verdict: Verdict) -> str:
    *before, last = [escape(sentence) for sentence in verdict.sentences if sentence]
    found = " found" if verdict.found else ""
    return (
        f'<section class="card verdict{found}" id="verdict"><h2>Verdict</h2>'
        f"<p>{' '.join(before)} <strong>{last}</strong></p></section>"
    )


def _chart(chart: Chart) -> str:
    wide = " wide" if chart.wide else ""
    return (
        f'<section class="card{wide}"><h2>{escape(chart.title)}</h2>'
        f'<p class="quiet">{escape(chart.note)}</p>'
        f'<div class="chart" id="chart-{escape(chart.key)}" '
        f'style="min-height:{chart.height}px"></div></section>'
    )


def _card(title: str, table: PageTable | None, note: str = "", *, wide: bool = False) -> str:
    if table is None:
        return ""
    text = f'<p class="quiet">{escape(note)}</p>' if note else ""
    kind = "card wide" if wide else "card"
    return f'<section class="{kind}"><h2>{escape(title)}</h2>{text}{_table(table)}</section>'


def _table(table: PageTable, kind: str = "") -> str:
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    rows = []
    for number, cells in enumerate(table.rows):
        opened = '<tr class="ours">' if number in table.ours else "<tr>"
        rows.append(f"{opened}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    return (
        f'<div class="scroll"><table class="{kind}">{head}<tbody>{"".join(rows)}</tbody></table>'
        "</div>"
    )


def _folded(title: str, facts: Mapping[str, object]) -> str:
    if not facts:
        return ""
    table = _table(fact_table(facts), "facts")
    return f'<details class="card"><summary>{escape(title)}</summary>{table}</details>'


def _json(charts: list[Chart]) -> str:
    """For a script element, which a `</script>` in somebody's text must not end."""
    content = [_shortened(chart.to_dict()) for chart in charts]
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _shortened(value: Any) -> Any:
    """Plain JSON types with no more digits than a chart can show."""
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _resource(name: str) -> str:
    return files("dualwindow.report").joinpath(name).read_text(encoding="utf-8")
