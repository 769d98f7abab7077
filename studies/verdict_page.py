"""The verdict's error rate and power as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from scipy.stats import binomtest

from dualwindow.evaluation.evidence.verdict import EDGE, NO_EDGE
from dualwindow.runtime.counts import counted

#: What is wanted of the verdict: the upper bound of its false alarms, the share of intervals that
#: hold, and the power at a profit after fees, percent a trade, within some days.
MOST_ALARMS: Final = 0.08
LEAST_COVERAGE: Final = 0.93
LEAST_POWER: Final = 0.8
WANTED_PROFIT: Final = 0.05
WANTED_DAYS: Final = 120
_RATES: Final = {"always": "always", "few": "in few hours"}


def lines(figures: dict[str, Any]) -> list[str]:
    """Error rate, then power, from figures as they come back from JSON."""
    nulls, networks = figures["nulls"], figures["networks"]
    return [
        "A verdict is `edge found` where the 95 % intervals of the profit a trade after fees and "
        "of the edge over a coin flip lie above 0, `no edge worth the fees` where that of the "
        "profit lies below 0, and else `not enough data to tell`.",
        "",
        "### Where there is nothing to find",
        "",
        *_about_nulls(figures),
        "",
        *_alarm_lines(nulls, networks),
        "",
        *_by_length(nulls),
        "",
        "All lengths together, by kind of market; a network is trained on "
        f"{counted(figures['scale']['network_days']['train'], 'day')} and trades the side that it "
        "prefers at every candle without a position. Its settings besides the defaults: "
        f"{figures['settings']}.",
        "",
        *_by_kind(nulls, networks),
        "",
        "### Where there is something to find",
        "",
        *_power(figures["planted"]),
    ]


def _about_nulls(figures: dict[str, Any]) -> list[str]:
    kinds = ", ".join(
        f"'{kind}'" for kind in dict.fromkeys(own["kind"] for own in figures["nulls"])
    )
    days = figures["scale"]["days"]
    return [
        f"{counted(len(figures['nulls']), 'market')} of the kinds {kinds}: a logistic regression "
        f"on {counted(days['train'], 'day')} stands in for the network, and trades in the "
        f"{counted(days['test'], 'day')} after them where it is as sure of a side as on one "
        "training candle in twenty. On real candles the sides of whole days are swapped by coin "
        "flip, which keeps everything but direction. Without fees the profit of sides that know "
        "nothing is about 0, where a false alarm is likeliest; after fees it lies below. An "
        "interval holds where that of the edge, whose true value is 0, includes 0. Bounds are the "
        "upper ends of exact 95 % intervals."
    ]


def _rows(markets: Sequence[dict[str, Any]], costs: str, days: int | None) -> list[dict[str, Any]]:
    """Verdicts after a length of time, or after all of them."""
    return [row for own in markets for row in own[costs] if days in (None, row["days"])]


def _alarms(rows: Sequence[dict[str, Any]]) -> int:
    return sum(row["outcome"] == EDGE for row in rows)


def _coverage(rows: Sequence[dict[str, Any]]) -> float:
    """Share of the intervals that hold 0; NaN where there is none."""
    held = [row["covers"] for row in rows if row["covers"] is not None]
    return float(np.mean(held)) if held else float("nan")


def _bound(count: int, total: int) -> float:
    return float(binomtest(count, total).proportion_ci(0.95).high)


def _lengths(markets: Sequence[dict[str, Any]]) -> list[int]:
    return [row["days"] for row in markets[0]["free"]]


def _alarm_lines(nulls: list[dict[str, Any]], networks: list[dict[str, Any]]) -> list[str]:
    worst, coverages = 0.0, []
    for days in _lengths(nulls):
        rows = _rows(nulls, "free", days)
        worst = max(worst, _bound(_alarms(rows), len(rows)))
        coverages.append(_coverage(rows))
    free, fees = (_rows(networks, costs, None) for costs in ("free", "fees"))
    bound = _bound(_alarms(free), len(free))
    return [
        f"- false alarms: their upper bound is {worst:.1%} at the length with most of them (at "
        f"most {MOST_ALARMS:.0%} wanted: {_answer(worst <= MOST_ALARMS)})",
        f"- the intervals hold in {np.nanmean(coverages):.1%} of the markets, the mean over "
        f"lengths (at least {LEAST_COVERAGE:.0%} wanted: "
        f"{_answer(float(np.nanmean(coverages)) >= LEAST_COVERAGE)})",
        f"- the network: {counted(_alarms(free), 'false alarm')} of {len(networks)} without fees "
        f"(at most {bound:.1%}), {_alarms(fees)} after fees; the intervals hold in "
        f"{_coverage(free):.1%}",
    ]


def _answer(is_reached: bool) -> str:
    return "yes" if is_reached else "**no**"


def _by_length(nulls: list[dict[str, Any]]) -> list[str]:
    table = [
        "| days | trades, median | intervals hold | false alarms without fees | at most | "
        f"after fees | `{NO_EDGE}` after fees | minimum detectable edge, median |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for days in _lengths(nulls):
        free, fees = _rows(nulls, "free", days), _rows(nulls, "fees", days)
        known = [row["detectable"] for row in fees if row["detectable"] is not None]
        detectable = f"{np.median(known):.3f} %" if known else "unknown"
        nothing = np.mean([row["outcome"] == NO_EDGE for row in fees])
        table.append(
            f"| {days} | {np.median([row['trades'] for row in free]):.0f} | "
            f"{_coverage(free):.1%} | {_alarms(free)} of {len(free)} | "
            f"{_bound(_alarms(free), len(free)):.1%} | {_alarms(fees)} | {nothing:.0%} | "
            f"{detectable} |"
        )
    return table


def _by_kind(nulls: list[dict[str, Any]], networks: list[dict[str, Any]]) -> list[str]:
    table = [
        "| market | intervals hold, regression | false alarms without fees | after fees | "
        "intervals hold, network | false alarms without fees | after fees |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in dict.fromkeys(own["kind"] for own in nulls):
        cells = []
        for markets in (nulls, networks):
            own = [market for market in markets if market["kind"] == kind]
            free, fees = (_rows(own, costs, None) for costs in ("free", "fees"))
            cells += [
                f"{_coverage(free):.1%}",
                f"{_alarms(free)} of {len(free)}",
                f"{_alarms(fees)} of {len(fees)}",
            ]
        table.append(f"| {kind} | {' | '.join(cells)} |")
    return table


def _power(planted: list[dict[str, Any]]) -> list[str]:
    lengths = [row["days"] for row in planted[0]["always"]]
    heads = " | ".join(f"{days} days" for days in lengths)
    table = [
        f"| trades | a day | true profit a trade | {heads} |",
        f"| --- | ---: | ---: |{' ---: |' * len(lengths)}",
    ]
    answers = []
    for rate, title in _RATES.items():
        curves = [_curve(planted, strength, rate) for strength in _strengths(planted)]
        table += [
            f"| {title} | {curve['a_day']:.1f} | {curve['profit']:+.3f} % | "
            + " | ".join(f"{share:.0%}" for share in curve["found"])
            + " |"
            for curve in curves
        ]
        answers.append(_wanted(title, curves, lengths))
    return [
        f"{counted(len(planted), 'market')} with a drift that changes its sign every 20 hours or "
        f"so, in {counted(len(_strengths(planted)), 'strength')}. Who trades knows the sign, "
        "always or in few hours alone, and pays the fees; the true profit is the mean over all "
        "markets of a strength. Shares of the markets in which the verdict is `edge found`:",
        "",
        *table,
        "",
        *answers,
    ]


def _strengths(planted: list[dict[str, Any]]) -> list[float]:
    return list(dict.fromkeys(own["strength"] for own in planted))


def _curve(planted: list[dict[str, Any]], strength: float, rate: str) -> dict[str, Any]:
    own = [market[rate] for market in planted if market["strength"] == strength]
    longest = [rows[-1] for rows in own]
    trades = np.array([row["trades"] for row in longest], np.float64)
    profits = np.array([row["profit"] or 0.0 for row in longest])
    return {
        "profit": float((trades * profits).sum() / trades.sum()),
        "a_day": float(trades.mean() / longest[0]["days"]),
        "found": [
            float(np.mean([rows[place]["outcome"] == EDGE for rows in own]))
            for place in range(len(own[0]))
        ],
    }


def _wanted(title: str, curves: list[dict[str, Any]], lengths: list[int]) -> str:
    """The power at the wanted profit, or the days that reach it."""
    nearest = min(curves, key=lambda curve: abs(curve["profit"] - WANTED_PROFIT))
    enough = [
        days for days, share in zip(lengths, nearest["found"], strict=True) if share >= LEAST_POWER
    ]
    takes = f"it takes {enough[0]} days" if enough else f"{lengths[-1]} days are not enough"
    reached = bool(enough) and enough[0] <= WANTED_DAYS
    return (
        f"- trading {title}, {nearest['a_day']:.0f} trades a day, a profit of "
        f"{nearest['profit']:+.3f} % a trade is found in {LEAST_POWER:.0%} of the markets within "
        f"{WANTED_DAYS} days: {_answer(reached)}; {takes}"
    )
