"""Probabilities, decisions, prices and trades over the candles of a backtest."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Final

from dualwindow.report.charts.chart import (
    COLOURS,
    NEUTRAL,
    SIDES,
    Chart,
    Panels,
    Trace,
    line_across,
    milliseconds,
    scatter,
)
from dualwindow.report.charts.marks import mark_levels
from dualwindow.report.schema import CandleFigures, Report, TradeMark
from dualwindow.runtime.counts import counted

#: Stretches of all pairs on the page, and of one pair however many there are.
STRETCHES: Final = 3000
_FEWEST: Final = 60
#: Trades on the page; all are in report.json.
MOST_TRADES: Final = 3000
_TIME = "%{x|%d %b %H:%M}"


def candle_charts(report: Report) -> list[Chart]:
    """One chart per pair, with the thresholds that were configured when it was last trained."""
    most = max(STRETCHES // max(len(report.candles), 1), _FEWEST)
    return [
        _candle_chart(number, coarser(figures, most), _thresholds(report, figures.pair))
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
    x, panels = milliseconds(figures.begin), _panels(figures)
    data = _probabilities(figures, x) + (_prices(figures, x) if figures.close else [])
    layout = panels.layout()
    layout[panels.layout_key(len(panels.titles) - 1)] |= {"tickformat": ".0%"}
    axis = Panels.axis(len(panels.titles) - 2)
    lines = [line_across(axis, value, COLOURS[side]) for side, value in thresholds.items()]
    return Chart(
        key=f"candles-{number}",
        title=figures.pair,
        note=_note(figures, thresholds),
        data=data,
        layout={**layout, "barmode": "overlay", "shapes": lines, "dragmode": "zoom"},
        height=720 if figures.close else 440,
    )


def _panels(figures: CandleFigures) -> Panels:
    titles, weights = ["probability", "predicted"], [3, 2]
    if figures.close:
        titles, weights = ["price", *titles], [5, *weights]
    return Panels(titles, weights=weights, axes={"type": "date", "hoverformat": "%d %b %H:%M"})


def _note(figures: CandleFigures, thresholds: dict[str, float]) -> str:
    note = f"{counted(figures.candles, 'candle')}."
    if figures.unusable:
        note += f" {figures.unusable:,} of them without a valid window, left out here."
    if figures.close:
        note += (
            f" {counted(len(figures.trades), 'trade')}, one at a time: triangles are entries, "
            "crosses exits; where they are many, those that earned and lost most. Choose a day, or "
            "drag over the chart, to see all; a double click shows the whole."
        )
    minutes = figures.stretch_seconds / 60
    length = f"{minutes:.3g} minutes" if minutes < 60 else f"{minutes / 60:.3g} hours"
    note += (
        f" Probabilities are the highest within {length}; below them the share of candles on which "
        "LONG (up) or SHORT (down) was predicted."
    )
    return note + (" Dotted: the thresholds." if thresholds else "")


def _probabilities(figures: CandleFigures, x: list[int]) -> list[Trace]:
    """Highest probabilities as lines, shares of predicted candles as bars of either sign."""
    lines: list[Trace] = []
    bars: list[Trace] = []
    first = 1 if figures.close else 0
    for side, highest, predicted, sign in (
        ("SHORT", figures.short, figures.said_short, -1),
        ("LONG", figures.long, figures.said_long, 1),
    ):
        lines.append(
            scatter("lines", side, x, highest)
            | {
                "legendgroup": side,
                "yaxis": Panels.axis(first),
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
                "yaxis": Panels.axis(first + 1),
                "hovertemplate": f"{_TIME}: {side} on %{{customdata}} candles",
            }
        )
    return lines + bars


def _prices(figures: CandleFigures, x: list[int]) -> list[Trace]:
    """The close, and the entry and exit of the trades that the whole chart has room for.

    The page's script changes these traces, which it knows by `meta`, where a part is looked at.
    """
    close = scatter("lines", "close", x, figures.close)
    data = [close | {"meta": "close", "line": {"color": NEUTRAL, "width": 1.2}}]
    seconds = figures.begin[-1] - figures.begin[0] + figures.stretch_seconds
    levels = mark_levels(figures.trades, figures.begin[0], seconds)
    shown = [trade for trade, level in zip(figures.trades, levels, strict=True) if not level]
    for side, shape in (("LONG", "triangle-up"), ("SHORT", "triangle-down")):
        own = [trade for trade in shown if trade.side == side]
        entries = [(trade.entered, trade.entry_price) for trade in own]
        exits = [(trade.left, trade.exit_price) for trade in own]
        for end, symbol, points in (("entry", shape, entries), ("exit", "x-thin-open", exits)):
            if not own:
                continue
            at, price = zip(*points, strict=True)
            data.append(
                scatter("markers", f"{side} {end}", milliseconds(at), list(price))
                | {
                    "meta": f"{side} {end}",
                    "customdata": [[trade.reason, trade.profit_pct] for trade in own],
                    "marker": {"color": COLOURS[side], "symbol": symbol, "size": 8},
                    "hovertemplate": f"{_TIME}: %{{y}}, %{{customdata[0]}}, "
                    "%{customdata[1]:+.3f} %",
                }
            )
    return data


def coarser(figures: CandleFigures, most: int) -> CandleFigures:
    """The figures on at most `most` stretches, each of several of theirs."""
    if len(figures.begin) <= most:
        return figures
    first = figures.begin[0]
    reach = figures.begin[-1] - first + figures.stretch_seconds
    times = -(-reach // (most * figures.stretch_seconds))
    length = times * figures.stretch_seconds
    parts: dict[int, list[int]] = {}
    for at, begin in enumerate(figures.begin):
        parts.setdefault((begin - first) // length, []).append(at)

    def highest(values: list[float | None]) -> list[float | None]:
        known = ([values[at] for at in part if values[at] is not None] for part in parts.values())
        return [max((value for value in own if value is not None), default=None) for own in known]

    def total(values: list[int]) -> list[int]:
        return [sum(values[at] for at in part) for part in parts.values()]

    return replace(
        figures,
        stretch_seconds=length,
        begin=[figures.begin[part[0]] for part in parts.values()],
        short=highest(figures.short),
        long=highest(figures.long),
        said_short=total(figures.said_short),
        said_long=total(figures.said_long),
        usable=total(figures.usable),
        close=[figures.close[part[-1]] for part in parts.values()] if figures.close else [],
    )


def without_points(chart: Chart) -> Chart:
    """The chart without the marks that the script takes from `trade_rows`, nothing twice."""
    data = [
        trace | {"x": [], "y": [], "customdata": []}
        if trace.get("meta", "close") != "close"
        else trace
        for trace in chart.data
    ]
    return replace(chart, data=data)


def shown_trades(report: Report) -> list[list[TradeMark]]:
    """Of every pair the trades that the page has room for: the newest `MOST_TRADES` of all."""
    entered = sorted(trade.entered for own in report.candles for trade in own.trades)
    since = entered[-MOST_TRADES] if len(entered) > MOST_TRADES else 0
    return [[trade for trade in own.trades if trade.entered >= since] for own in report.candles]


def trade_rows(report: Report) -> dict[str, Any]:
    """For the script: of every pair its trades as columns, and its prices to zoom into.

    Tags and exit reasons are places in `names`.
    """
    pairs, names = [], dict[str, int]()
    for figures, trades in zip(report.candles, shown_trades(report), strict=True):
        begin, end = figures.begin[0], figures.begin[-1] + figures.stretch_seconds
        prices = figures.prices
        pairs.append(
            {
                "pair": figures.pair,
                "begin": begin,
                "end": end,
                "side": [SIDES.index(trade.side) for trade in trades],
                "entered": [trade.entered - begin for trade in trades],
                "entry": [trade.entry_price for trade in trades],
                "held": [trade.left - trade.entered for trade in trades],
                "exit": [trade.exit_price for trade in trades],
                "reason": [names.setdefault(trade.reason, len(names)) for trade in trades],
                "tag": [names.setdefault(trade.tag, len(names)) for trade in trades],
                "profit": [round(trade.profit_pct, 4) for trade in trades],
                "level": mark_levels(trades, begin, end - begin),
                "prices": None if prices is None else asdict(prices),
            }
        )
    return {"pairs": pairs, "names": list(names)}
