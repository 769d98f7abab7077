"""Profits over time and by group, as JSON; `equity` computes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Equity:
    """Sums of profits at the ends of G stretches of equal length, percent of one stake.

    A profit counts when its trade ends.

    Attributes:
        seconds: (G,) ends of the stretches, seconds since 1970.
        model: (G,) sum of the model's trades.
        drawdown: (G,) largest fall of that sum below its highest value so far, in the stretch.
        flip: (G,) mean over series of random sides at the same entries.
        flip_low: (G,) lower end of what 95 % of these series are in.
        flip_high: (G,) upper end.
        hold: (G,) one stake of every pair, bought at the first candle and held, after fees and
            without leverage; empty where the prices were not known.
    """

    seconds: list[int]
    model: list[float]
    drawdown: list[float]
    flip: list[float]
    flip_low: list[float]
    flip_high: list[float]
    hold: list[float]


@dataclass(frozen=True)
class ProfitGroup:
    """Trades that have something in common; profits in percent of one stake, after fees."""

    name: str
    trades: int
    hit_rate: float
    mean_pct: float
    total_pct: float
