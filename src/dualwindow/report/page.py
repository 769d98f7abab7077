"""The page: one HTML file that contains everything it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any, Final

import plotly.offline

from dualwindow.backtest.figures import AfterFees
from dualwindow.evaluation.evidence.drift import UNKNOWN_DRIFT
from dualwindow.evaluation.evidence.importance import Importances
from dualwindow.report import tables
from dualwindow.report.candle_charts import candle_charts
from dualwindow.report.chart import Chart
from dualwindow.report.probability_charts import (
    confusion_charts,
    coverage_chart,
    reliability_charts,
)
from dualwindow.report.schema import Report, Verdict
from dualwindow.report.training_charts import class_chart, epoch_chart, skill_chart, stage_chart
from dualwindow.runtime.counts import counted

#: Makes the browser refuse every request that would leave the file.
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
FOOTER: Final = "All figures are of past candles. They promise nothing for future ones."
_WALK_NOTE: Final = (
    "Every model on the candles that it alone predicted; a trade counts where its signal was."
)
#: Names in `about`, which are keys of report.json, where the page has other words.
_ABOUT: Final = {
    "judged on": "evaluated on",
    "judged on the tail from": "evaluated on the tail from",
}


def charts_of(report: Report) -> list[Chart]:
    """Every chart that the report has figures for, in the order of the page."""
    charts = [
        skill_chart(report),
        coverage_chart(report),
        *confusion_charts(report),
        *reliability_charts(report),
        *candle_charts(report),
        epoch_chart(report),
        class_chart(report.run.weeks),
        class_chart(report.said_weeks, "classes-predicted"),
        stage_chart(report.run.stages),
    ]
    return [chart for chart in charts if chart is not None]


def page_of(report: Report) -> str:
    """The report as the text of one HTML file."""
    charts, fees = charts_of(report), report.after_fees
    kinds = {"training": "training", "backtest": "retrainings of a bot or backtest"}
    title = f"{report.title}: {kinds[report.kind]}"
    parts = [
        page_head(title),
        "<body>",
        f'<header><h1>{escape(report.title)}</h1><p class="quiet">Report of the '
        f"{kinds[report.kind]}, made {escape(report.made)} by dualwindow {escape(report.version)}"
        "</p></header>",
        _first_screen(report),
        '<noscript><p class="card">The charts need JavaScript, all of which is in this file.</p>'
        "</noscript>",
        '<main class="charts">',
        *map(_chart, charts),
        card("After fees", table_html(tables.profits(fees)), _profit_note(fees), wide=True),
        card(
            "Thresholds", table_html(tables.thresholds(report)), _threshold_note(report), wide=True
        ),
        _importance(report.importance),
        card("Classes", table_html(tables.classes(report))),
        card("Retrainings", table_html(tables.retrainings(report)), wide=True),
        card("Profit by retraining", table_html(tables.slices(report)), _WALK_NOTE, wide=True),
        _track(report.track),
        "</main>",
        folded("Settings", report.settings),
        folded("Versions", report.run.versions),
        f'<footer class="quiet">{escape(FOOTER)}</footer>',
        # Plotly's package has no smaller bundle than that of all kinds of charts.
        f"<script>{plotly.offline.get_plotlyjs()}</script>",
        f'<script type="application/json" id="figures">{_json(charts)}</script>',
        f"<script>{_resource('page.js')}</script>",
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _profit_note(figures: AfterFees | None) -> str:
    if figures is None or figures.sides is None:
        return ""
    return (
        f"{counted(figures.trades, 'trade')} in {figures.days:.1f} days, one at a time for each "
        f"pair, after {figures.fee_pct:g} % fee and {figures.slippage_pct:g} % slippage a side, in "
        "percent of one trade's stake. The other sides are entered at the same candles."
        + (f" {figures.turn_note}." if figures.turn_note else "")
    )


def _threshold_note(report: Report) -> str:
    kinds = {evaluation.calibration for _, evaluation in report.evaluated()} - {"none"}
    looked_at = "calibrated probabilities" if kinds else "the network's own probabilities"
    named = f" (calibration {', '.join(sorted(kinds))})" if kinds else ""
    leads = report.evaluations()[-1].leads if report.evaluations() else ()
    by_lead = (
        f" Those configured for {' and '.join(leads)} are of how much more probable the side is "
        "than the other one, by the network's own probabilities."
        if leads
        else ""
    )
    return (
        f"Thresholds act on {looked_at}{named}.{by_lead} Coverage: share of the candles that reach "
        "the threshold. Precision: share of these on which the side occurred; at it: of the "
        f"candles whose probability{', or lead,' if leads else ''} is close to the threshold."
    )


def _importance(found: Importances | None) -> str:
    if found is None:
        return ""
    note = (
        f"Each feature, and each part of the window, replaced by that of other days at the same "
        f"hour, in {counted(found.rows, 'window')} of {counted(found.days, 'day')} ({found.period})"
        "; 95 % intervals clustered by day. Features that tell the same stand in for one another."
    )
    return card("What the model uses", table_html(tables.importance(found)), note, wide=True)


def _track(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    drift = [
        f"{name}: {UNKNOWN_DRIFT if own['drift'] is None else own['drift']['text']}."
        for name, own in found["pairs"].items()
    ]
    verdict, trades = found["verdict"]["text"], counted(found["trades"]["count"], "trade")
    note = (
        f"The running bot's score of itself: {verdict}. {trades} of freqtrade's own ended. "
        f"{' '.join(drift)}"
    )
    return card("Track record", table_html(tables.track(found)), note, wide=True)


def page_head(title: str) -> str:
    """The beginning of a page, up to its body: no request leaves the file."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_resource('page.css')}</style></head>"
    )


def _first_screen(report: Report) -> str:
    facts = tables.facts({_ABOUT.get(name, name): value for name, value in report.about.items()})
    several = "; means over all evaluated candles" if len(report.evaluated()) > 1 else ""
    baselines = card(
        "Model and baselines",
        table_html(tables.baselines(report), "baselines"),
        f"Log loss and Brier score: lower is better, calibrated{several}.",
    )
    return (
        f'<div class="first">{_verdict(report.verdict)}{baselines}</div>\n'
        f'<div class="about">{card("About", table_html(facts, "facts"))}</div>'
    )


def _verdict(verdict: Verdict) -> str:
    *before, last = [escape(sentence) for sentence in verdict.sentences if sentence]
    found = " found" if verdict.found else ""
    return (
        f'<section class="card verdict{found}" id="verdict">'
        f"<h2>Verdict: {escape(verdict.outcome)}</h2>"
        f"<p>{' '.join(before)} <strong>{last}</strong></p></section>"
    )


def _chart(chart: Chart) -> str:
    content = (
        f'<div class="chart" id="chart-{escape(chart.key)}" '
        f'style="min-height:{chart.height}px"></div>'
    )
    return card(chart.title, content, chart.note, wide=chart.wide)


def card(title: str, content: str, note: str = "", *, wide: bool = False) -> str:
    """A section of the page; nothing without content."""
    if not content:
        return ""
    text = f'<p class="quiet">{escape(note)}</p>' if note else ""
    kind = "card wide" if wide else "card"
    return f'<section class="{kind}"><h2>{escape(title)}</h2>{text}{content}</section>'


def table_html(table: tables.PageTable | None, kind: str = "") -> str:
    """A table of escaped cells; nothing without one."""
    if table is None:
        return ""
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


def folded(title: str, facts: Mapping[str, object]) -> str:
    """Facts that a click unfolds; nothing without any."""
    if not facts:
        return ""
    table = table_html(tables.facts(facts), "facts")
    return f'<details class="card"><summary>{escape(title)}</summary>{table}</details>'


def _json(charts: list[Chart]) -> str:
    """JSON for a script element, which a `</script>` in a text must not end."""
    content = [_shortened(chart.to_dict()) for chart in charts]
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _shortened(value: Any) -> Any:
    """The value with no more digits than a chart can show."""
    if isinstance(value, dict):
        return {name: _shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _resource(name: str) -> str:
    return files("dualwindow.report").joinpath(name).read_text(encoding="utf-8")
