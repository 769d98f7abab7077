"""Trades of many thresholds on the same candles, every possible entry traded once.

The end of a position depends on its entry and side alone, not on the threshold behind the signal.
So the outcomes of all entries are computed once, and a pair of thresholds only walks over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import DAY_SECONDS, trade_entries
from dualwindow.columns import LONG, SHORT
from dualwindow.settings import TrainingConfig

_SIDES: Final = (SHORT, LONG)
_NO_EXIT: Final = -1


@dataclass(frozen=True)
class ScoredCandles:
    """N candles of one pair with a model's probabilities.

    Attributes:
        candles: to trade on.
        probabilities: (N, 3) that are compared with thresholds; NaN where nothing may be decided.
        labels: (N,) int8, -1 where unknown.
    """

    candles: TradeCandles
    probabilities: NDArray[np.floating]
    labels: NDArray[np.int8]


@dataclass(frozen=True)
class Taken:
    """T trades by the outcomes of their entries.

    Attributes:
        row: (T,) rows of the signals; the entry is a row later.
        side: (T,) int8 SHORT or LONG.
        day: (T,) days since 1970 of the entries.
        profit: (T,) net profit, fraction of the stake.
        other: (T,) that of the opposite side from the same entry.
    """

    row: NDArray[np.int64]
    side: NDArray[np.int8]
    day: NDArray[np.int64]
    profit: NDArray[np.float64]
    other: NDArray[np.float64]


@dataclass(frozen=True)
class EntryOutcomes:
    """Outcomes of both sides from every entry that thresholds may ask for, of one pair.

    Attributes:
        probability: (2, N) float64 of SHORT and LONG; -1 where the row gives no signal.
        exit_row: (2, N) candle in which the position of a signal's row ends, -1 if not computed.
        profit: (2, N) its net profit, NaN if not computed.
        seconds: (N,) dates of the candles, seconds since 1970.
        can_short: false where a SHORT is no signal; it still wins over LONG, as in `decide`.
    """

    probability: NDArray[np.float64]
    exit_row: NDArray[np.int64]
    profit: NDArray[np.float64]
    seconds: NDArray[np.int64]
    can_short: bool

    @classmethod
    def from_candles(
        cls,
        evaluated: ScoredCandles,
        lowest: tuple[float, float],
        config: TrainingConfig,
        terms: TradeTerms,
    ) -> EntryOutcomes:
        """Trade both sides from every row that reaches the lowest threshold of one.

        `lowest` are the lowest thresholds of SHORT and LONG that will be asked for.
        """
        probability = evaluated.probabilities[:, list(_SIDES)].T.astype(np.float64)
        probability[:, np.isnan(evaluated.probabilities).any(axis=1)] = -1.0
        # As in `trade_decisions`: nothing is entered in the last candle.
        probability[:, max(len(evaluated.candles) - 2, 0) :] = -1.0
        rows = np.flatnonzero((probability >= np.array(lowest)[:, None]).any(axis=0))
        exit_row = np.full(probability.shape, _NO_EXIT, dtype=np.int64)
        profit = np.full(probability.shape, np.nan)
        for place, side in enumerate(_SIDES):
            sides = np.full(len(rows), side, dtype=np.int8)
            trades = trade_entries(evaluated.candles, rows + 1, sides, config, terms)
            exit_row[place, rows], profit[place, rows] = trades.exit_row, trades.profit
        return cls(probability, exit_row, profit, evaluated.candles.seconds, terms.can_short)

    def take(self, short: float, long: float) -> Taken:
        """One position at a time, as `trade_decisions` without turns.

        Both thresholds must be above 0 and not below the lowest.
        """
        is_short = self.probability[0] >= short
        asks = np.where(is_short, self.can_short, self.probability[1] >= long)
        signals = np.flatnonzero(asks)
        place = np.where(is_short[signals], 0, 1)
        # The next signal after a trade: the first whose entry lies after the exit's candle.
        exits = self.exit_row[place, signals]
        after = np.searchsorted(signals + 1, exits, side="right").tolist()
        chosen: list[int] = []
        at = 0
        while at < len(after):
            chosen.append(at)
            at = after[at]
        kept = np.array(chosen, dtype=np.intp)
        row, place = signals[kept], place[kept]
        return Taken(
            row=row,
            side=np.array(_SIDES, dtype=np.int8)[place],
            day=self.seconds[row + 1] // DAY_SECONDS,
            profit=self.profit[place, row],
            other=self.profit[1 - place, row],
        )


@dataclass(frozen=True)
class DrawnDays:
    """Sums over R draws of days, of C choices: (R, C) profits and (R, C) numbers of trades."""

    totals: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def means(self) -> NDArray[np.float64]:
        """(R, C) mean profit a trade, NaN without one."""
        return np.where(self.counts > 0, self.totals / np.maximum(self.counts, 1.0), np.nan)

    def winners(self, min_trades: int) -> NDArray[np.int64]:
        """(R,) the choice of every draw, by the rule of all days."""
        allowed = np.where(self.counts >= min_trades, self.means, -np.inf)
        # Where no choice has enough trades, the one with the most.
        most = self.counts.argmax(axis=1)
        return np.asarray(np.where(np.isinf(allowed).all(axis=1), most, allowed.argmax(axis=1)))


@dataclass(frozen=True)
class DayTable:
    """Sums over D days of C choices.

    Attributes:
        profit: (D, C) of the trades' profits.
        edge: (D, C) of half of their profit beyond that of the opposite sides.
        count: (D, C) trades.
    """

    profit: NDArray[np.float64]
    edge: NDArray[np.float64]
    count: NDArray[np.float64]

    @classmethod
    def from_trades(cls, choices: Sequence[Sequence[Taken]]) -> DayTable:
        """Sum up the trades of the choices, all by pair; days without any trade are left out."""
        days = np.unique(np.concatenate([taken.day for pairs in choices for taken in pairs]))
        sums = np.zeros((3, len(days), len(choices)))
        for column, pairs in enumerate(choices):
            for taken in pairs:
                at = np.searchsorted(days, taken.day)
                values = (taken.profit, (taken.profit - taken.other) / 2, np.ones(len(at)))
                for row, value in enumerate(values):
                    sums[row, :, column] += np.bincount(at, value, len(days))
        return cls(*sums)

    @property
    def means(self) -> NDArray[np.float64]:
        """(C,) mean profit a trade."""
        return np.asarray(self.profit.sum(axis=0) / self.count.sum(axis=0))

    def random_bests(self, draws: int, random: np.random.Generator) -> NDArray[np.float64]:
        """(draws,) the best mean of all choices with the sides of whole days swapped by a coin."""
        swapped = random.integers(0, 2, size=(draws, len(self.edge))).astype(np.float64)
        # A swapped trade has the profit of the opposite side: its own less twice its edge.
        totals = self.profit.sum(axis=0) - 2.0 * (swapped @ self.edge)
        return np.asarray((totals / self.count.sum(axis=0)).max(axis=1))

    def drawn(self, draws: int, random: np.random.Generator) -> DrawnDays:
        """The choices on days drawn with replacement."""
        days = len(self.profit)
        weights = random.multinomial(days, np.full(days, 1.0 / days), size=draws).astype(np.float64)
        return DrawnDays(weights @ self.profit, weights @ self.count)
