"""Probabilities and decisions over the candles of a backtest."""

from __future__ import annotations

from dualwindow.report.chart import COLOURS, NEUTRAL, Chart, Panels, Trace, iso, line_across
from dualwindow.report.schema import CandleFigures, Report

_SIDES = ("SHORT", "LONG")


def candle_charts(report: Report) -> list[Chart]:
    """One chart a pair, with the thresholds that were configured when it was last trained."""
    return [
        _candles(number, figures, _thresholds(report, figures.pair))
        for number, figures in enumerate(report.candles)
    ]


def _thresholds(report: Report, pair: str) -> dict[str, float]:
    """Side to threshold; empty where no training of the pair tells."""
    own = [evaluation for window, evaluation in report.evaluated() if window.name == pair]
    return {side: own[-1].thresholds[side] for side in _SIDES} if own else {}


def _candles(number: int, figures: CandleFigures, thresholds: dict[str, float]) -> Chart:
    x = [iso(begin) for begin in figures.begin]
    highest = {"SHORT": figures.short, "LONG": figures.long}
    predicted = {"SHORT": figures.said_short, "LONG": figures.said_long}
    sign = {"SHORT": -1, "LONG": 1}
    data: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": side,
            "legendgroup": side,
            "x": x,
            "y": highest[side],
            "line": {"color": COLOURS[side], "width": 1},
            "hovertemplate": "%{x|%d %b %H:%M}: up to %{y:.3f}",
        }
        for side in _SIDES
    ]
    for side in _SIDES:
        shares = [
            sign[side] * count / max(usable, 1)
            for count, usable in zip(predicted[side], figures.usable, strict=True)
        ]
        data.append(
            {
                "type": "bar",
                "name": f"said {side}",
                "legendgroup": side,
                "showlegend": False,
                "x": x,
                "y": shares,
                "customdata": predicted[side],
                "width": figures.stretch_seconds * 1000,
                "offset": 0,
                "marker": {"color": COLOURS[side], "line": {"width": 0}},
                "yaxis": "y2",
                "hovertemplate": f"%{{x|%d %b %H:%M}}: {side} on %{{customdata}} candles",
            }
        )
    titles, weights = ["probability", "said"], [3, 2]
    if figures.close:
        titles, weights = [*titles, "price"], [*weights, 4]
        data += _prices(figures, x)
    panels = Panels(titles, weights=weights, axes={"type": "date", "hoverformat": "%d %b %H:%M"})
    layout = panels.layout()
    layout["yaxis2"] |= {"tickformat": ".0%"}
    unusable = (
        f" {figures.unusable:,} of them had no valid window and are left out."
        if figures.unusable
        else ""
    )
    return Chart(
        key=f"candles-{number}",
        title=f"Probabilities and decisions: {figures.pair}",
        note=f"{figures.candles:,} candles.{unusable} Each point is the highest of "
        f"{_length(figures.stretch_seconds)}; below, on which share of them LONG (up) or SHORT "
        f"(down) was said. Dotted: the thresholds.{_trade_note(figures)}",
        data=data,
        layout={
            **layout,
            "barmode": "overlay",
            "shapes": [
                line_across("y", value, COLOURS[side]) for side, value in thresholds.items()
            ],
        },
        height=720 if figures.close else 440,
        wide=True,
    )


def _prices(figures: CandleFigures, x: list[str]) -> list[Trace]:
    """The close, and every trade where it was entered and where it ended."""
    data: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "close",
            "x": x,
            "y": figures.close,
            "yaxis": "y3",
            "line": {"color": NEUTRAL, "width": 1},
        }
    ]
    shapes = {"LONG": "triangle-up", "SHORT": "triangle-down"}
    for side, shape in shapes.items():
        own = [each for each in figures.trades if each.side == side]
        ways = (
            ("entry", shape, [each.entered for each in own], [each.entry_price for each in own]),
            ("exit", "x-thin-open", [each.left for each in own], [each.exit_price for each in own]),
        )
        data += [
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{side} {way}",
                "x": [iso(each) for each in at],
                "y": price,
                "customdata": [[each.reason, each.profit_pct] for each in own],
                "yaxis": "y3",
                "marker": {"color": COLOURS[side], "symbol": symbol, "size": 7},
                "hovertemplate": "%{x|%d %b %H:%M}: %{y}, %{customdata[0]}, "
                "%{customdata[1]:+.3f} %",
            }
            for way, symbol, at, price in ways
            if own
        ]
    return data


def _trade_note(figures: CandleFigures) -> str:
    if not figures.close:
        return ""
    return (
        f" Lowest the close with {len(figures.trades):,} trades, one at a time: triangles are "
        "entries, crosses exits."
    )


def _length(seconds: int) -> str:
    if seconds < 3600:
        return f"{seconds / 60:.3g} minutes"
    return f"{seconds / 3600:.3g} hours"
