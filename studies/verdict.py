"""How often the verdict on trades is wrong: false alarms, and power where there is an edge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.after_fees import evidence_of
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, PooledTrades, trade_decisions
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.evaluation.evidence.verdict import Evidence
from dualwindow.model_selection.contest.scoring import preferred_sides
from dualwindow.settings import TrainingConfig
from studies.edge import TERMS
from studies.logistic import fitted, trailing_table
from studies.markets import (
    SMALL_NETWORK,
    Days,
    StudyMarket,
    said_after,
    settings_text,
    trained,
    trained_prior,
)
from studies.null_markets import known_kinds, null_market, without_direction
from studies.part import Progress
from studies.verdict_page import lines

__all__ = ("FULL", "NAME", "SMALL", "TITLE", "lines", "run")

NAME: Final = "verdict"
TITLE: Final = "How often the verdict is wrong"
#: The profit of sides without information is about 0 then, where a false alarm is likeliest.
_FREE: Final = TradeTerms(fee=0.0)
#: Shares of the training candles at which the regression is sure enough of a side to trade.
_COVERAGE: Final = 0.05
#: Share of the hours in which who knows the regime trades where trades are few.
_FEW_HOURS: Final = 0.15


@dataclass(frozen=True)
class Scale:
    """How much is studied.

    Attributes:
        nulls: markets of each kind, evaluated with a regression.
        days: of each.
        lengths: days after the training that a verdict is given on.
        networks: markets of each kind, evaluated with a network.
        network_days: of each.
        settings: overlay of the training's defaults.
        strengths: of planted drifts.
        planted: markets of each strength.
        planted_days: days of each, all of them traded.
        planted_lengths: as `lengths`.
    """

    nulls: int = 60
    days: Days = field(default_factory=lambda: Days(20, 120))
    lengths: tuple[int, ...] = (5, 10, 20, 40, 120)
    networks: int = 12
    network_days: Days = field(default_factory=lambda: Days(15, 40))
    settings: dict[str, Any] = field(
        default_factory=lambda: {**SMALL_NETWORK, "epochs": 3, "early_stopping_patience": 2}
    )
    strengths: tuple[float, ...] = (0.032, 0.036, 0.046, 0.055, 0.064)
    planted: int = 40
    planted_days: int = 240
    planted_lengths: tuple[int, ...] = (20, 40, 80, 120, 240)


FULL: Final = Scale()
SMALL: Final = Scale(
    nulls=2,
    days=Days(3, 8),
    lengths=(5, 8),
    networks=1,
    network_days=Days(4, 6),
    settings={"patch_size": 10, "lstm_units": (8,), "dense_units": (8,), "epochs": 1},
    strengths=(0.0, 0.12),
    planted=2,
    planted_days=8,
    planted_lengths=(5, 8),
)


def run(scale: Scale, progress: Progress) -> dict[str, Any]:
    """Give verdicts on markets without and with something to find."""
    kinds = known_kinds()
    nulls, networks, planted = [], [], []
    for kind in kinds:
        for seed in range(1, scale.nulls + 1):
            inputs = {"kind": kind, "seed": seed, **_of(scale, "days", "lengths")}
            nulls.append(progress.cell(f"{kind} {seed}", inputs, partial(null, kind, seed, scale)))
    for strength in scale.strengths:
        for seed in range(1, scale.planted + 1):
            inputs = {"strength": strength, "seed": seed}
            inputs |= _of(scale, "planted_days", "planted_lengths")
            make = partial(drift, strength, seed, scale)
            planted.append(progress.cell(f"drift {strength} {seed}", inputs, make))
    for kind in kinds:
        for seed in range(1, scale.networks + 1):
            inputs = {"network": kind, "seed": seed, **_of(scale, "network_days", "settings")}
            make = partial(network, kind, seed, scale)
            networks.append(progress.cell(f"network, {kind} {seed}", inputs, make))
    return {
        "scale": asdict(scale),
        "settings": settings_text(scale.settings),
        "nulls": nulls,
        "networks": networks,
        "planted": planted,
    }


def _of(scale: Scale, *names: str) -> dict[str, Any]:
    return {name: asdict(scale)[name] for name in names}


def null(kind: str, seed: int, scale: Scale) -> dict[str, Any]:
    """Verdicts on a regression in a market without direction."""
    market = null_market(kind, seed, scale.days)
    decisions = _sure(market, _regression(market))
    return _judged(market, decisions, kind, seed, scale.lengths)


def network(kind: str, seed: int, scale: Scale) -> dict[str, Any]:
    """Verdicts on the side that a network prefers in a market without direction."""
    days = scale.network_days
    market = null_market(kind, seed, days)
    finished = trained(market, TrainingConfig.from_parameters({**scale.settings, "seed": seed}))
    sides = preferred_sides(said_after(market, finished), trained_prior(finished))
    decisions = np.where(sides < 0, HOLD, sides)
    return _judged(market, decisions, kind, seed, (days.test,))


def drift(strength: float, seed: int, scale: Scale) -> dict[str, Any]:
    """Verdicts on who knows the sign of a planted drift, and trades always or in few hours."""
    market = StudyMarket.from_seed(seed, strength, Days(0, scale.planted_days))
    sides = market.oracle_sides()
    hours = np.random.default_rng([seed, 8]).random(len(sides) // 60 + 1) < _FEW_HOURS
    few = np.where(np.repeat(hours, 60)[: len(sides)], sides, HOLD)
    return {
        "strength": strength,
        "seed": seed,
        **{
            name: _verdicts(_pooled(market, decisions, TERMS), scale.planted_lengths)
            for name, decisions in (("always", sides), ("few", few))
        },
    }


def _judged(
    market: StudyMarket,
    decisions: NDArray[np.integer],
    kind: str,
    seed: int,
    lengths: Sequence[int],
) -> dict[str, Any]:
    sides = without_direction(kind, decisions, market.after["date"], seed)
    return {
        "kind": kind,
        "seed": seed,
        **{
            name: _verdicts(_pooled(market, sides, terms), lengths)
            for name, terms in (("fees", TERMS), ("free", _FREE))
        },
    }


def _regression(market: StudyMarket) -> NDArray[np.float64]:
    """(N, 3) probabilities of all candles by a regression on the first days; NaN where unknown."""
    table = trailing_table(market.candles)
    model = fitted(table[: market.first], market.dataset(TrainingConfig(), slice(market.first)))
    known = np.isfinite(table).all(axis=1)
    probabilities = np.full((len(table), 3), np.nan)
    probabilities[known] = model.predict_proba(table[known])
    return probabilities


def _sure(market: StudyMarket, probabilities: NDArray[np.float64]) -> NDArray[np.int8]:
    """Decisions of the test days where a side is as probable as on few training candles."""
    limits = np.nanquantile(probabilities[: market.first], 1.0 - _COVERAGE, axis=0)
    with np.errstate(invalid="ignore"):
        lift = (probabilities / limits)[market.first :]
        chosen = np.where(lift[:, LONG] >= lift[:, SHORT], LONG, SHORT)
        return np.where(np.fmax(lift[:, LONG], lift[:, SHORT]) >= 1.0, chosen, HOLD).astype(np.int8)


def _pooled(market: StudyMarket, decisions: NDArray[np.integer], terms: TradeTerms) -> PooledTrades:
    config, prices = TrainingConfig(), TradeCandles.from_frame(market.after)
    trades = trade_decisions(prices, decisions, config, terms, turns=False)
    return PooledTrades.from_pairs([ComparedTrades.from_trades(prices, trades, config, terms)])


def _verdicts(pooled: PooledTrades, lengths: Iterable[int]) -> list[dict[str, Any]]:
    """The verdict after some lengths of time from the first trade's day on."""
    return [{"days": days, **_figures(_within(pooled, days))} for days in lengths]


def _within(pooled: PooledTrades, days: int) -> Evidence | None:
    if not len(pooled.day):
        return None
    early = pooled.day < pooled.day.min() + days
    return evidence_of(
        PooledTrades(**{name: values[early] for name, values in vars(pooled).items()})
    )


def _figures(found: Evidence | None) -> dict[str, Any]:
    """What the page needs of a verdict; `covers` is whether the edge's interval holds 0."""
    if found is None:
        return {"outcome": None, "trades": 0, "profit": None, "covers": None, "detectable": None}
    interval = None if found.edge is None else found.edge.interval()
    return {
        "outcome": found.outcome,
        "trades": found.trades,
        "profit": found.profit.value,
        "covers": None if interval is None else bool(interval.low <= 0.0 <= interval.high),
        "detectable": found.detectable,
    }
