"""Bots without an edge, and bots whose edge ends: how often a track record's verdict is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from scipy.stats import beta

from dualwindow.track.evidence import Bounds, Evidence, ScoredTrade, Trades
from studies.part import Progress

NAME: Final = "track"
TITLE: Final = "A track record is looked at every day, and seldom wrong"
#: Barriers of config.json with the usual fee of futures on both sides.
WON: Final = 0.009
LOST: Final = -0.006
BOUNDS: Final = Bounds(loss=-LOST, profit=WON)
TOLERANCE: Final = 0.005 / 4
#: Share of trades that win where nothing is left after costs, and where the side is drawn.
FAIR: Final = -LOST / (WON - LOST)
DRAWN: Final = 1 / 3
#: Profit a trade that validation promised, and that the bots have before their edge ends.
PROMISED: Final = 0.001
#: Trades after the end of the edge within which it has to be noticed.
NOTICED_WITHIN: Final = 750

#: Of two pairs, the profits of a day in turn.
Day = Callable[[np.random.Generator, float], tuple[list[float], list[float]]]


def _profits(*won: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[list[float], list[float]]:
    one, other = (np.where(own, WON, LOST).tolist() for own in won)
    return one, other


def day_of(kind: str, random: np.random.Generator, wins: float, promised: float | None) -> Trades:
    """The trades of a day by their pairs."""
    return {
        str(place): [ScoredTrade(profit, promised) for profit in profits]
        for place, profits in enumerate(KINDS[kind](random, wins))
    }


def independent(random: np.random.Generator, wins: float) -> tuple[list[float], list[float]]:
    """About five trades a pair and day, every one on its own."""
    return _profits(*(random.random(random.poisson(5)) < wins for _ in range(2)))


def together(random: np.random.Generator, wins: float) -> tuple[list[float], list[float]]:
    """About five trades a pair and day, those of one pair mostly ending as the other's."""
    first = random.random(random.poisson(5))
    alike = random.random(len(first)) < 0.8
    return _profits(first < wins, np.where(alike, first, random.random(len(first))) < wins)


def until_a_win(random: np.random.Generator, wins: float) -> tuple[list[float], list[float]]:
    """A pair's day ends with its first win: a day's mean is above that of a trade on average."""
    won = random.random((2, 20)) < wins
    return _profits(*(own[: int(own.argmax()) + 1] if own.any() else own for own in won))


def after_a_loss(random: np.random.Generator, wins: float) -> tuple[list[float], list[float]]:
    """The second pair trades on days on which the first has lost, and then very often."""
    first = random.random(2) < wins
    count = 0 if first.any() else int(min(random.pareto(1.2) * 10, 100))
    return _profits(first, random.random(count) < wins)


KINDS: Final[dict[str, Day]] = {
    "independent trades": independent,
    "the pairs move together": together,
    "a day ends with its first win": until_a_win,
    "one pair trades after losses of the other": after_a_loss,
}


@dataclass(frozen=True)
class Scale:
    """How much is studied.

    Attributes:
        bots: without an edge, over all kinds.
        days: of each.
        dying: bots whose edge ends.
        alive: days before that.
        dead: days after it, at most.
    """

    bots: int
    days: int
    dying: int
    alive: int
    dead: int


FULL: Final = Scale(bots=500, days=365, dying=200, alive=60, dead=240)
SMALL: Final = Scale(bots=40, days=60, dying=10, alive=20, dead=200)


def ever_found(kind: str, seed: int, days: int) -> bool:
    """Whether a bot that earns exactly nothing is ever told to have an edge."""
    random, evidence = (
        np.random.default_rng([seed, 1]),
        Evidence(BOUNDS, TOLERANCE, with_interval=False),
    )
    for _ in range(days):
        evidence.update(day_of(kind, random, FAIR, None))
        if evidence.is_edge_found:
            return True
    return False


def noticed_after(kind: str, seed: int, alive: int, dead: int) -> tuple[bool, int | None]:
    """Whether a bot was called worse while it kept its promise, and the trades until it was later.

    After `alive` days its sides are as good as drawn. None where it was not called so in `dead`
    days.
    """
    random, evidence = (
        np.random.default_rng([seed, 2]),
        Evidence(BOUNDS, TOLERANCE, with_interval=False),
    )
    kept, early, since = FAIR + PROMISED / (WON - LOST), False, 0
    for day in range(alive + dead):
        trades = day_of(kind, random, kept if day < alive else DRAWN, PROMISED)
        evidence.update(trades)
        if day < alive:
            early |= evidence.is_worse
            continue
        since += sum(map(len, trades.values()))
        if evidence.is_worse:
            return early, since
    return early, None


def run(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Let the bots run."""
    kinds = list(KINDS)
    found = {}
    for kind in kinds:
        count = scale.bots // len(kinds)
        made = progress.cell(
            f"{count} bots without an edge: {kind}",
            {"kind": kind, "bots": count, "days": scale.days},
            partial(_found, kind, count, scale.days),
        )
        found[kind] = {"bots": count, "found": made["found"]}
    dying = {}
    for kind in kinds[:2]:
        count = scale.dying // 2
        dying[kind] = progress.cell(
            f"{count} bots whose edge ends: {kind}",
            {"kind": kind, "bots": count, "alive": scale.alive, "dead": scale.dead},
            partial(_ends, kind, count, scale),
        )
    return {
        "days": scale.days,
        "alive": scale.alive,
        "without": found,
        "dying": {kind: _noticed(figures["ends"]) for kind, figures in dying.items()},
    }


def _found(kind: str, bots: int, days: int) -> dict[str, Any]:
    return {"found": sum(ever_found(kind, seed, days) for seed in range(bots))}


def _ends(kind: str, bots: int, scale: Scale) -> dict[str, Any]:
    return {"ends": [noticed_after(kind, seed, scale.alive, scale.dead) for seed in range(bots)]}


def _noticed(ends: list[list[Any]]) -> dict[str, Any]:
    trades = sorted(float("inf") if end is None else end for _, end in ends)
    nine_tenths = trades[int(np.ceil(0.9 * len(trades))) - 1]
    return {
        "bots": len(ends),
        "early": sum(early for early, _ in ends),
        "within": sum(end <= NOTICED_WITHIN for end in trades),
        "median": None if np.isinf(trades[len(trades) // 2]) else trades[len(trades) // 2],
        "nine_tenths": None if np.isinf(nine_tenths) else nine_tenths,
    }


def upper_bound(found: int, of: int) -> float:
    """Upper end of the exact 95 % interval of a share (Clopper and Pearson 1934)."""
    return 1.0 if found == of else float(beta.ppf(0.975, found + 1, of - found))


def lines(figures: dict[str, Any]) -> list[str]:
    """The tables of the page."""
    without, dying = figures["without"], figures["dying"]
    bots = sum(row["bots"] for row in without.values())
    found = sum(row["found"] for row in without.values())
    return [
        f"Bots that earn exactly nothing after costs, looked at every day for {figures['days']} "
        "days. `edge found` may be told to 2.5 % of them, ever:",
        "",
        "| trades | bots | ever `edge found` |",
        "| --- | --- | --- |",
        *(f"| {kind} | {row['bots']} | {row['found']} |" for kind, row in without.items()),
        "",
        f"Over all {bots}: {100 * found / bots:.1f} %, at most "
        f"{100 * upper_bound(found, bots):.1f} % (upper end of the exact 95 % interval).",
        "",
        f"Bots that keep a promise of {100 * PROMISED:+.2f} % a trade for {figures['alive']} days, "
        "and then draw their sides, which costs them the fees. `worse than promised` comes:",
        "",
        f"| trades | bots | before the end | within {NOTICED_WITHIN} trades after it | half of "
        "them within | nine tenths within |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {kind} | {row['bots']} | {row['early']} | {row['within']} | "
            f"{_trades(row['median'])} | {_trades(row['nine_tenths'])} |"
            for kind, row in dying.items()
        ),
    ]


def _trades(count: float | None) -> str:
    return "not yet" if count is None else f"{count:.0f} trades"
