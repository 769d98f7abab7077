"""Probabilities, decisions, prices and trades over the candles of a backtest."""

from __future__ import annotations

from dualwindow.report.chart import (
    COLOURS,
    NEUTRAL,
    SIDES,
    Chart,
    Panels,
    Trace,
    iso,
    line_across,
    scatter,
)
from dualwindow.report.schema import CandleFigures, Report
from dualwindow.runtime.counts import counted

_TIME = "%{x|%d %b %H:%M}"


def candle_charts(report: Report) -> list[Chart]:
    """One chart per pair, with the thresholds that were configured when it was last trained."""
    return [
        _candle_chart(number, figures, _thresholds(report, figures.pair))
        for number, figures in enumerate(report.candles)
    ]


def _thresholds(report: Report, pair: str) -> dict[str, float]:
    """Side to the threshold of its probability.

    Empty where no training of the pair was evaluated; without the sides that are decided by their
    lead, which this chart does not show.
    """
    own = [evaluation for window, evaluation in report.evaluated() if window.name == pair]
    sides = [side for side in SIDES if side not in own[-1].leads] if own else []
    return {side: own[-1].thresholds[side] for side in sides}


def _candle_chart(number: int, figures: CandleFigures, thresholds: dict[str, float]) -> Chart:
    x = [iso(begin) for begin in figures.begin]
    data, titles, weights = _probabilities(figures, x), ["probability", "predicted"], [3, 2]
    note = f"{counted(figures.candles, 'candle')}."
    if figures.unusable:
        note += f" {figures.unusable:,} of them without a valid window, left out here."
    minutes = figures.stretch_seconds / 60
    length = f"{minutes:.3g} minutes" if minutes < 60 else f"{minutes / 60:.3g} hours"
    note += (
        f" Every point is the highest probability within {length}; below "
        "it the share of candles on which LONG (up) or SHORT (down) was predicted."
    )
    note += " Dotted: the thresholds." if thresholds else ""
    if figures.close:
        data, titles, weights = data + _prices(figures, x), [*titles, "price"], [*weights, 4]
        note += (
            f" At the bottom the close with {counted(len(figures.trades), 'trade')}, one at a "
            "time: triangles are entries, crosses exits."
        )
    panels = Panels(titles, weights=weights, axes={"type": "date", "hoverformat": "%d %b %H:%M"})
    layout = panels.layout()
    layout["yaxis2"] |= {"tickformat": ".0%"}
    lines = [line_across("y", value, COLOURS[side]) for side, value in thresholds.items()]
    return Chart(
        key=f"candles-{number}",
        title=f"Probabilities and decisions: {figures.pair}",
        note=note,
        data=data,
        layout={**layout, "barmode": "overlay", "shapes": lines},
        height=720 if figures.close else 440,
        wide=True,
    )


def _probabilities(figures: CandleFigures, x: list[str]) -> list[Trace]:
    """Highest probabilities as lines, shares of predicted candles as bars of either sign."""
    lines: list[Trace] = []
    bars: list[Trace] = []
    for side, highest, predicted, sign in (
        ("SHORT", figures.short, figures.said_short, -1),
        ("LONG", figures.long, figures.said_long, 1),
    ):
        lines.append(
            scatter("lines", side, x, highest)
            | {
                "legendgroup": side,
                "line": {"color": COLOURS[side], "width": 1},
                "hovertemplate": f"{_TIME}: up to %{{y:.3f}}",
            }
        )
        counts = zip(predicted, figures.usable, strict=True)
        bars.append(
            {
                "type": "bar",
                "name": f"predicted {side}",
                "legendgroup": side,
                "showlegend": False,
                "x": x,
                "y": [sign * count / max(usable, 1) for count, usable in counts],
                "customdata": predicted,
                "width": figures.stretch_seconds * 1000,
                "offset": 0,
                "marker": {"color": COLOURS[side], "line": {"width": 0}},
                "yaxis": "y2",
                "hovertemplate": f"{_TIME}: {side} on %{{customdata}} candles",
            }
        )
    return lines + bars


def _prices(figures: CandleFigures, x: list[str]) -> list[Trace]:
    """The close, and the entry and exit of every trade."""
    close = scatter("lines", "close", x, figures.close)
    data = [close | {"yaxis": "y3", "line": {"color": NEUTRAL, "width": 1}}]
    for side, shape in (("LONG", "triangle-up"), ("SHORT", "triangle-down")):
        own = [trade for trade in figures.trades if trade.side == side]
        entries = [(iso(trade.entered), trade.entry_price) for trade in own]
        exits = [(iso(trade.left), trade.exit_price) for trade in own]
        for end, symbol, points in (("entry", shape, entries), ("exit", "x-thin-open", exits)):
            if not own:
                continue
            at, price = zip(*points, strict=True)
            data.append(
                scatter("markers", f"{side} {end}", list(at), list(price))
                | {
                    "customdata": [[trade.reason, trade.profit_pct] for trade in own],
                    "yaxis": "y3",
                    "marker": {"color": COLOURS[side], "symbol": symbol, "size": 7},
                    "hovertemplate": f"{_TIME}: %{{y}}, %{{customdata[0]}}, "
                    "%{customdata[1]:+.3f} %",
                }
            )
    return data
