"""Choosing thresholds by expected value after fees, and how much of the choice is luck.

The best of many thresholds looks good on any candles. Two figures keep the choice honest:

- **The best of random sides.** The sides of whole days are swapped by coin flip, the same days for
  every pair of thresholds, and the best is chosen anew. Where sides know nothing, a day as it is
  and swapped are equally likely, so that the share of draws whose best is as good as ours is the
  chance of our figure by luck, the search counted in: a randomization test corrected by the
  maximum (Westfall and Young 1993, Resampling-Based Multiple Testing; White 2000, A Reality Check
  for Data Snooping). Whole days, because trades of one day move together.
- **The expected value without the luck of choosing.** Days are drawn with replacement and the best
  chosen in every draw; by how much it beats its own figure on all days is the optimism (Efron
  1983), whose distribution gives the basic bootstrap's interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.figures import Percent
from dualwindow.backtest.terms import TradeTerms
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.coverage import LARGEST
from dualwindow.errors import DataError
from dualwindow.model_selection.threshold_trades import EntryOutcomes, ScoredCandles, Taken
from dualwindow.settings import TrainingConfig

#: The largest threshold that a setting may have, which no softmax reaches: the side is not said.
OFF: Final = 1.0

#: Share of draws on random sides that may do as well before the choice is within noise.
NOISE_LEVEL: Final = 0.05

_CANDIDATES: Final = 15

#: Pairs of thresholds that are shown.
_SHOWN: Final = 5

_INSIDE: Final = (0.025, 0.975)

#: What the order of a sum may change.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class PairOfThresholds:
    """One choice and what its trades earned; percent of a trade's stake, after fees.

    Attributes:
        short: threshold of SHORT; `OFF` says none.
        long: likewise of LONG.
        trades: how many.
        mean_pct: expected value: mean profit a trade; interval from days, choosing not counted.
        total_pct: sum of the profits, likewise.
    """

    short: float
    long: float
    trades: int
    mean_pct: Percent
    total_pct: Percent


@dataclass(frozen=True)
class ThresholdChoice:
    """The best thresholds, and what is left of them once the search is counted in.

    Attributes:
        best: the best ones, the chosen one first.
        tried: pairs of thresholds.
        compared: of those, with enough trades.
        min_trades: what is enough.
        days: on which any of them traded.
        corrected_pct: expected value of the chosen ones without the optimism of choosing.
        random_best_pct: median, with 95 % of the draws, of the best of as many choices on random
            sides.
        random_as_good_pct: percent of those draws that are as good as the choice.
    """

    best: tuple[PairOfThresholds, ...]
    tried: int
    compared: int
    min_trades: int
    days: int
    corrected_pct: Percent
    random_best_pct: Percent
    random_as_good_pct: float

    @property
    def chosen(self) -> PairOfThresholds:
        """The thresholds with the largest expected value."""
        return self.best[0]

    @property
    def within_noise(self) -> bool:
        """Whether random sides, searched alike, do as well too often."""
        return self.random_as_good_pct > 100.0 * NOISE_LEVEL

    @property
    def pays(self) -> bool:
        """Whether the corrected expected value lies above 0 with its whole interval."""
        return self.corrected_pct.low is not None and self.corrected_pct.low > 0.0

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON types."""
        return {**asdict(self), "within_noise": self.within_noise, "pays": self.pays}


def candidate_thresholds(probability: NDArray[np.floating], fewest: int) -> list[float]:
    """Thresholds of one side to try: quantiles of its probabilities, and `OFF`.

    Args:
        probability: (N,) of the side, NaN where unknown.
        fewest: candles that the highest one lets through; the lowest lets through half of all.
            Between them the shares are evenly spaced on a logarithmic scale.

    Returns:
        Rising, of four significant digits, above 0; calibrated or not, rare or not, the
        probabilities themselves say where they lie.
    """
    known = probability[~np.isnan(probability)].astype(np.float64)
    found = {OFF}
    if len(known):
        shares = np.geomspace(min(fewest / len(known), LARGEST), LARGEST, _CANDIDATES)
        found |= {float(f"{value:.4g}") for value in np.quantile(known, 1.0 - shares)}
    return sorted(value for value in found if 0.0 < value <= OFF)


def choose_thresholds(
    pairs: Sequence[ScoredCandles],
    config: TrainingConfig,
    terms: TradeTerms,
    *,
    min_trades: int,
    draws: int = 2000,
    seed: int = 0,
) -> ThresholdChoice:
    """Choose the thresholds whose trades have the largest expected value after fees.

    Args:
        pairs: candles to choose on, of every pair of the model.
        config: barriers and future window.
        terms: of the trades; where shorts cannot be made, SHORT stays `OFF`.
        min_trades: fewest trades, of all pairs together, at least 1.
        draws: of days and of random sides.
        seed: of both.

    Raises:
        DataError: when no thresholds make enough trades.
    """
    says = np.concatenate([pair.probabilities for pair in pairs])
    shorts = candidate_thresholds(says[:, SHORT], min_trades) if terms.can_short else [OFF]
    longs = candidate_thresholds(says[:, LONG], min_trades)
    outcomes = [
        EntryOutcomes.from_candles(pair, (shorts[0], longs[0]), config, terms) for pair in pairs
    ]
    tried = list(product(shorts, longs))
    made = [[each.take(*thresholds) for each in outcomes] for thresholds in tried]
    counts = [sum(len(taken.row) for taken in each) for each in made]
    enough = [at for at, count in enumerate(counts) if count >= min_trades]
    if not enough:
        raise DataError(
            f"no thresholds make {min_trades} trades on the validation candles, at most "
            f"{max(counts)}; give a smaller --min-trades, or train on more days"
        )
    table = DayTable.from_trades([made[at] for at in enough])
    return _choice([tried[at] for at in enough], table, len(tried), min_trades, (draws, seed))


def chosen_thresholds(choice: PairOfThresholds, configured: Thresholds) -> Thresholds:
    """What `decide` takes: a choice with the configured threshold of HOLD, and no fallback."""
    return Thresholds(short=choice.short, hold=configured.hold, long=choice.long)


def _choice(
    thresholds: Sequence[tuple[float, float]],
    table: DayTable,
    tried: int,
    min_trades: int,
    drawing: tuple[int, int],
) -> ThresholdChoice:
    draws, seed = drawing
    random = np.random.default_rng(seed)
    means, counts, totals = table.means, table.count.sum(axis=0), table.profit.sum(axis=0)
    # Of equals the one with more trades.
    order = np.lexsort((-counts, -means))
    chosen, days = int(order[0]), len(table.profit)
    bests = table.random_bests(draws, random)
    drawn = table.drawn(draws, random)
    drawn_means, winners = drawn.means, drawn.winners(min_trades)
    optimism = drawn_means[np.arange(draws), winners] - means[winners]
    as_good = 1 + int(np.count_nonzero(bests >= means[chosen] - _ROUNDING))
    best = tuple(
        PairOfThresholds(
            short=thresholds[at][0],
            long=thresholds[at][1],
            trades=int(counts[at]),
            mean_pct=_percent(means[at], drawn_means[:, at], days),
            total_pct=_percent(totals[at], drawn.totals[:, at], days),
        )
        for at in order[:_SHOWN].tolist()
    )
    return ThresholdChoice(
        best=best,
        tried=tried,
        compared=len(thresholds),
        min_trades=min_trades,
        days=days,
        corrected_pct=_percent(means[chosen] - optimism.mean(), means[chosen] - optimism, days),
        random_best_pct=_percent(np.median(bests), bests, days),
        random_as_good_pct=100.0 * as_good / (draws + 1),
    )


def _percent(value: float | np.floating, draws: NDArray[np.float64], days: int) -> Percent:
    if days < 2:
        return Percent(100.0 * float(value), None, None)
    low, high = np.nanquantile(draws, _INSIDE)
    return Percent(100.0 * float(value), 100.0 * float(low), 100.0 * float(high))


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
    def from_trades(cls, made: Sequence[Sequence[Taken]]) -> DayTable:
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
