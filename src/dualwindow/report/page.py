"""The page: one HTML file that contains everything it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from dualwindow.backtest.figures import AfterFees
from dualwindow.evaluation.evidence.drift import UNKNOWN_DRIFT
from dualwindow.evaluation.evidence.importance import Importances
from dualwindow.report import html, tables
from dualwindow.report.charts.candle_charts import (
    MOST_TRADES,
    candle_charts,
    trade_rows,
    without_points,
)
from dualwindow.report.charts.chart import Chart
from dualwindow.report.charts.equity_charts import equity_chart, group_charts
from dualwindow.report.charts.probability_charts import coverage_chart, reliability_charts
from dualwindow.report.charts.track_charts import track_charts
from dualwindow.report.charts.training_charts import (
    class_chart,
    epoch_chart,
    skill_chart,
    stage_chart,
)
from dualwindow.report.headline import full_verdict, headline_of
from dualwindow.report.schema import Report
from dualwindow.runtime.counts import counted

_CONFUSION_NOTE: Final = (
    "Candles, and their share of the candles of the actual class (row). A perfect model has 100 % "
    "from top left to bottom right."
)
_TRADES_NOTE: Final = (
    "Profit after fees, percent of the stake; times are UTC. A click shows the trade in the chart."
)
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
    fees = report.after_fees
    charts = [
        equity_chart(fees),
        *candle_charts(report),
        *group_charts(fees.groups if fees else {}),
        *track_charts(report.track),
        skill_chart(report),
        coverage_chart(report),
        *reliability_charts(report),
        epoch_chart(report),
        class_chart(report.run.weeks),
        class_chart(report.said_weeks, "classes-predicted"),
        stage_chart(report.run.stages),
    ]
    return [chart for chart in charts if chart is not None]


def kind_of(report: Report) -> str:
    """What the report is of, in words."""
    if report.track is not None:
        return "running bot"
    return {"training": "training", "backtest": "backtest or retrainings of a bot"}[report.kind]


def page_of(report: Report) -> str:
    """The report as the text of one HTML file."""
    charts = charts_of(report)
    kind = kind_of(report)
    parts = [
        html.page_head(f"{report.title}: {kind}"),
        "<body>",
        f'<header><h1>{escape(report.title)}</h1><p class="quiet">{kind.capitalize()}, report of '
        f"{escape(report.made[:10])}</p></header>",
        html.first_screen(headline_of(report), full_verdict(report), "The verdict in full"),
        '<noscript><p class="card">The charts need JavaScript, all of which is in this file.</p>'
        "</noscript>",
        f'<main class="charts">{_money(report, charts)}</main>',
        "<h2>The forecast behind it</h2>",
        f'<main class="charts">{_forecast(report, charts)}</main>',
        _about(report),
        html.folded("Settings", report.settings),
        html.folded("Versions", report.run.versions),
        f'<footer class="quiet">{escape(html.FOOTER)}</footer>',
        html.scripts([without_points(chart) for chart in charts], **trade_rows(report)),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _money(report: Report, charts: Sequence[Chart]) -> str:
    """Cards on profits: the curve, prices and trades, groups."""
    fees = report.after_fees
    named = {chart.key: chart for chart in charts}
    by_key = {key: html.chart_card(chart) for key, chart in named.items()}
    return "".join(
        [
            _track(report.track),
            by_key.get("track-equity", ""),
            by_key.get("equity", ""),
            html.card(
                "Beside other sides", html.table_html(tables.profits(fees)), _profit_note(fees)
            ),
            _prices([chart for chart in charts if chart.key.startswith("candles-")], report),
            html.row([by_key.get("profit-by-day", ""), by_key.get("profit-by-hour", "")]),
            html.columns(
                [
                    html.card(f"Profit by {kind}", html.table_html(table))
                    for kind, table in tables.groups(fees)
                ]
            ),
            html.card("Profit by retraining", html.newest_rows(tables.slices(report)), _WALK_NOTE),
        ]
    )


def _forecast(report: Report, charts: Sequence[Chart]) -> str:
    """Cards on probabilities and decisions, and on the training."""
    named = {chart.key: html.chart_card(chart) for chart in charts}
    by_retraining = len(report.evaluated()) > 1
    several = "; means over all evaluated candles" if by_retraining else ""
    skill, coverage = named.get("skill", ""), named.get("coverage", "")
    return "".join(
        [
            *((skill, coverage) if by_retraining else (html.row([skill, coverage]),)),
            html.row([own for key, own in named.items() if key.startswith("reliability-")]),
            html.card(
                "Model and baselines",
                html.table_html(tables.baselines(report), "baselines"),
                f"Log loss and Brier score: lower is better, calibrated{several}.",
            ),
            html.card(
                "Thresholds", html.table_html(tables.thresholds(report)), _threshold_note(report)
            ),
            html.row(
                [
                    html.card(f"Confusion: {title}", html.table_html(table), _CONFUSION_NOTE)
                    for title, table in tables.confusions(report)
                ]
            ),
            _importance(report.importance),
            html.row([named.get(key, "") for key in ("classes", "classes-predicted")]),
            html.card("Classes", html.table_html(tables.classes(report))),
            html.card("Retrainings", html.newest_rows(tables.retrainings(report))),
            html.row([named.get(key, "") for key in ("epochs", "stages")]),
        ]
    )


def _prices(charts: Sequence[Chart], report: Report) -> str:
    """One card for the prices of all pairs, which a selection shows one at a time."""
    if not charts:
        return ""
    pairs = "".join(
        f'<option value="{number}">{escape(chart.title)}</option>'
        for number, chart in enumerate(charts)
    )
    choice = f'<label>pair <select id="pair">{pairs}</select></label>' if len(charts) > 1 else ""
    day = '<label>day <select id="day"><option value="">all</option></select></label>'
    notes = [
        f'<p class="quiet" id="note-{chart.key}"{" hidden" if number else ""}>'
        f"{escape(chart.note)}</p>{html.chart_box(chart, hidden=number > 0)}"
        for number, chart in enumerate(charts)
    ]
    traded = sum(len(figures.trades) for figures in report.candles)
    left = f" The newest {MOST_TRADES:,} of {traded:,}; all are in report.json."
    note = _TRADES_NOTE + (left if traded > MOST_TRADES else "")
    one = f": {charts[0].title}" if len(charts) == 1 else ""
    prices = html.card(
        f"Prices and decisions{one}",
        f'<p class="choice">{choice}{day}</p>{"".join(notes)}',
        key="prices",
    )
    content = (
        '<div class="scroll"><table id="trades"></table></div><p class="choice" id="more"></p>'
    )
    return prices + (html.card("Trades", content, note, key="trade-list") if traded else "")


def _about(report: Report) -> str:
    facts = {_ABOUT.get(name, name): value for name, value in report.about.items()}
    made = {"report made": f"{report.made} by dualwindow {report.version}"}
    return html.folded("About", {**facts, **made})


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
    return html.card("What the model uses", html.table_html(tables.importance(found)), note)


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
    ended = html.card(
        "Trades of the bot",
        html.table_html(tables.ended(found)),
        "The newest of freqtrade's own, after fees, funding and leverage; times are UTC.",
    )
    return html.card("Track record", html.table_html(tables.track(found)), note) + ended
