"""The truth about a market, and how an exchange tells it: late, twice, wrongly or not at all."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.makers.impossible import IMPOSSIBLE

BTC: Final = "BTC/USDT:USDT"
ETH: Final = "ETH/USDT:USDT"
#: Listed a few hours before a life begins.
NEW: Final = "NEW/USDT:USDT"
PAIRS: Final = (BTC, ETH, NEW)

HOUR: Final = 3600
#: Candles before a life begins, which are the same in every life.
HISTORY: Final = 260
#: The first candle; a life begins `HISTORY` hours later, at midnight.
BEGIN: Final = 1_767_571_200 - HISTORY * HOUR
LISTED: Final = HISTORY - 30
#: Candles of a market, at most.
LENGTH: Final = HISTORY + 6000
VOLATILITY: Final = 0.01

NAMES: Final = ("open", "high", "low", "close", "volume")
Tick = tuple[float, float, float, float, float]


def walk(random: np.random.Generator, count: int, price: float) -> NDArray[np.float64]:
    """(N, 5) candles of a random walk with jumps, flat stretches, and hours without a trade."""
    steps = random.normal(0.0, VOLATILITY, count)
    steps[random.random(count) < 0.01] *= 8.0
    still = np.zeros(count, np.bool_)
    for at in np.flatnonzero(random.random(count) < 0.008).tolist():
        still[at : at + int(random.integers(1, 7))] = True
    steps[still] = 0.0
    close = price * np.exp(np.cumsum(steps))
    opened = np.concatenate([[price], close[:-1]])
    reach = np.abs(random.normal(0.0, VOLATILITY / 2, (2, count))) * ~still
    high, low = (
        np.maximum(opened, close) * (1 + reach[0]),
        np.minimum(opened, close) / (1 + reach[1]),
    )
    volume = np.where(still, 0.0, random.lognormal(3.0, 1.0, count))
    return np.stack([opened, high, low, close, volume], axis=1)


class Market:
    """What happens, by pair and row; row `HISTORY` is the first hour of the life."""

    def __init__(self, seed: int) -> None:
        self.truth: dict[str, NDArray[np.float64]] = {}
        for number, pair in enumerate(PAIRS):
            before = walk(np.random.default_rng([7, number]), HISTORY, 100.0 * (number + 1))
            after = walk(
                np.random.default_rng([seed, number]), LENGTH - HISTORY, float(before[-1, 3])
            )
            self.truth[pair] = np.concatenate([before, after])
        self.listed = {BTC: 0, ETH: 0, NEW: LISTED}
        self.delisted: dict[str, int] = {}
        #: Hour from which on a candle is delivered at all.
        self.arrives: dict[tuple[str, int], int] = {}
        #: What is delivered in a candle's place, until an hour.
        self.instead: dict[tuple[str, int], tuple[Tick, int]] = {}
        self.doubled: set[tuple[str, int]] = set()
        #: Everything that was ever delivered: pair and row to values.
        self.told: defaultdict[str, dict[int, set[Tick]]] = defaultdict(dict)

    def tick(self, pair: str, row: int, hour: int) -> Tick | None:
        """What the exchange tells of a closed candle at an hour; None: nothing."""
        gone = self.delisted.get(pair, LENGTH)
        if not self.listed[pair] <= row < gone or self.arrives.get((pair, row), 0) > hour:
            return None
        other, until = self.instead.get((pair, row), (None, 0))
        if other is not None and hour < until:
            return other
        return tuple(self.truth[pair][row].tolist())  # type: ignore[return-value]

    def ticks(self, pair: str, first: int, hour: int) -> list[list[float]]:
        """The answer with all candles from a row on, the one that is forming included."""
        found: list[list[float]] = []
        for row in range(max(first, 0), hour):
            tick = self.tick(pair, row, hour)
            if tick is None:
                continue
            self.told[pair].setdefault(row, set()).add(tick)
            found += [[(BEGIN + row * HOUR) * 1000, *tick]] * (1 + ((pair, row) in self.doubled))
        if pair not in self.delisted and hour >= self.listed[pair]:
            opened = float(self.truth[pair][hour, 0])
            found.append([(BEGIN + hour * HOUR) * 1000, opened, opened, opened, opened, 0.1])
        return found

    def impossible(self, pair: str, row: int, kind: str, until: int) -> None:
        """Let a candle be impossible until an hour."""
        values = dict(zip(NAMES, self.truth[pair][row].tolist(), strict=True))
        values |= IMPOSSIBLE[kind](values)
        self.instead[pair, row] = (tuple(values[name] for name in NAMES), until)  # type: ignore[assignment]

    def provisional(self, pair: str, row: int, until: int) -> None:
        """Let a candle be corrected at an hour."""
        opened, high, low, close, volume = self.truth[pair][row].tolist()
        self.instead[pair, row] = (
            (opened, high * 1.004, low, (close + high) / 2, volume / 2),
            until,
        )
