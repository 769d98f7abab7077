"""What many choices of thresholds earned day by day, and what they would have on other days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualwindow.threshold_trades import Taken


@dataclass(frozen=True)
class DrawnDays:
    """Sums of R draws of days, of C choices.

    Attributes:
        totals: (R, C) of profits.
        counts: (R, C) of trades.
    """

    totals: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def means(self) -> NDArray[np.float64]:
        """(R, C) mean profit a trade, NaN without one."""
        return np.where(self.counts > 0, self.totals / np.maximum(self.counts, 1.0), np.nan)

    def winners(self, min_trades: int) -> NDArray[np.int64]:
        """(R,) the choice of every draw, by the rule of all days."""
        allowed = np.where(self.counts >= min_trades, self.means, -np.inf)
        # Where none has enough trades, the one that comes nearest.
        nearest = self.counts.argmax(axis=1)
        none = np.isinf(allowed).all(axis=1)
        return np.asarray(np.where(none, nearest, allowed.argmax(axis=1)))


@dataclass(frozen=True)
class DayTable:
    """Sums over D days of C choices.

    Attributes:
        profit: (D, C) of the trades' profits.
        edge: (D, C) of half of what they earned beyond the opposite sides.
        count: (D, C) trades.
    """

    profit: NDArray[np.float64]
    edge: NDArray[np.float64]
    count: NDArray[np.float64]

    @classmethod
    def of(cls, made: Sequence[Sequence[Taken]]) -> DayTable:
        """Sum up what every choice made, pair by pair; days without a trade of any are left out."""
        days = np.unique(np.concatenate([taken.day for each in made for taken in each]))
        sums = np.zeros((3, len(days), len(made)))
        for column, each in enumerate(made):
            for taken in each:
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
        # Swapped, a trade earns what the opposite side had: its profit less twice its edge.
        totals = self.profit.sum(axis=0) - 2.0 * (swapped @ self.edge)
        return np.asarray((totals / self.count.sum(axis=0)).max(axis=1))

    def drawn(self, draws: int, random: np.random.Generator) -> DrawnDays:
        """The choices on days drawn with replacement."""
        days = len(self.profit)
        weights = random.multinomial(days, np.full(days, 1.0 / days), size=draws).astype(np.float64)
        return DrawnDays(weights @ self.profit, weights @ self.count)
