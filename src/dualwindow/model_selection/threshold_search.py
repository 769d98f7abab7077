"""Choosing thresholds by expected value after fees, and how much of the choice is luck.

The best of many thresholds looks good on any candles. Two figures correct for the search:

- **The best of random sides.** The sides of whole days are swapped by coin flip, the same days for
  every pair of thresholds, and the best is chosen again. If sides carry no information, a day as it
  is and swapped are equally likely, so that the share of draws whose best is as good as ours is the
  chance of our figure by luck, the search included: a randomization test corrected by the maximum
  (Westfall and Young 1993, Resampling-Based Multiple Testing; White 2000, A Reality Check for Data
  Snooping). Whole days, because trades of one day move together.
- **The expected value without the luck of choosing.** Days are drawn with replacement and the best
  chosen in every draw; by how much it beats its own figure on all days is the optimism (Efron
  1983), whose distribution gives the basic bootstrap's interval, wider
  where days are few (`interval_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from dualwindow.evaluation.bootstrap import CENTRAL_95, FEWEST_BLOCKS, interval_of
from dualwindow.evaluation.evidence.day_clusters import DayEstimate, day_ratio
from dualwindow.model_selection.threshold_trades import DayTable, EntryOutcomes, ScoredCandles
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig

#: The largest threshold that a setting may have, which no softmax reaches: no entry on the side.
OFF: Final = 1.0
#: Share of draws on random sides that may do as well before the choice is within noise.
NOISE_LEVEL: Final = 0.05
_CANDIDATES: Final = 15
#: Pairs of thresholds that are shown.
_SHOWN: Final = 5
#: Largest effect of the order of a sum.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class PairOfThresholds:
    """One choice and its trades; percent of a trade's stake, after fees.

    Attributes:
        short: threshold of SHORT, `OFF` for none.
        long: threshold of LONG, `OFF` for none.
        trades: number of trades.
        mean_pct: expected value: mean profit a trade; interval from days, choosing not counted.
        total_pct: sum of the profits, with the same interval.
    """

    short: float
    long: float
    trades: int
    mean_pct: Percent
    total_pct: Percent


@dataclass(frozen=True)
class ThresholdChoice:
    """The best thresholds, and their expected value corrected for the search.

    Attributes:
        best: the best ones, the chosen one first.
        tried: pairs of thresholds.
        compared: of those, with enough trades.
        min_trades: fewest trades that are enough.
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
        """Whether random sides, searched in the same way, do as well too often."""
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
        probability: (N,) of the side, NaN where unknown; calibrated or not.
        fewest: candles that the highest one lets through; the lowest lets through half of all.
            Between them the shares are evenly spaced on a logarithmic scale.

    Returns:
        Rising, of four significant digits, above 0.

    Example:
        >>> candidate_thresholds(np.array([0.2, 0.4, 0.4, 0.4, np.nan]), fewest=1)
        [0.4, 1.0]
    """
    known = probability[~np.isnan(probability)].astype(np.float64)
    candidates = {OFF}
    if len(known):
        shares = np.geomspace(min(fewest / len(known), LARGEST), LARGEST, _CANDIDATES)
        candidates |= {float(f"{value:.4g}") for value in np.quantile(known, 1.0 - shares)}
    return sorted(value for value in candidates if 0.0 < value <= OFF)


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

    Example:
        >>> from dualwindow.backtest.prices import TradeCandles
        >>> price = np.tile([100.0, 101.0], 1440)
        >>> candles = TradeCandles(60 * np.arange(2880), price, price, price, np.zeros(2880))
        >>> good, bad = [0.1, 0.3, 0.6], [0.3, 0.3, 0.4]
        >>> table = np.where(price[:, None] > 100, good, bad)
        >>> pairs = [ScoredCandles(candles, table, np.full(2880, -1, np.int8))]
        >>> terms = TradeTerms(fee=0.0, can_short=False)
        >>> choice = choose_thresholds(pairs, TrainingConfig(), terms, min_trades=30, draws=20)
        >>> choice.chosen.short, choice.chosen.long, choice.chosen.trades
        (1.0, 0.5, 1439)
    """
    probabilities = np.concatenate([pair.probabilities for pair in pairs])
    shorts = [OFF]
    if terms.can_short:
        shorts = candidate_thresholds(probabilities[:, SHORT], min_trades)
    longs = candidate_thresholds(probabilities[:, LONG], min_trades)
    outcomes = [
        EntryOutcomes.from_candles(pair, (shorts[0], longs[0]), config, terms) for pair in pairs
    ]
    tried = list(product(shorts, longs))
    trades = [[pair.take(*thresholds) for pair in outcomes] for thresholds in tried]
    counts = [sum(len(taken.row) for taken in by_pair) for by_pair in trades]
    enough = [at for at, count in enumerate(counts) if count >= min_trades]
    if not enough:
        raise DataError(
            f"no thresholds make {counted(min_trades, 'trade')} on the validation candles, at most "
            f"{max(counts)}; give a smaller --min-trades, or train on more days"
        )
    table = DayTable.from_trades([trades[at] for at in enough])
    return _choice([tried[at] for at in enough], table, len(tried), min_trades, (draws, seed))


def chosen_thresholds(choice: PairOfThresholds, configured: Thresholds) -> Thresholds:
    """A choice as `decide` takes it: with the configured threshold of HOLD and no fallback."""
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
    means, counts = table.means, table.count.sum(axis=0)
    # Among equals the one with more trades.
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
            mean_pct=_of_days(day_ratio(table.profit[:, at], table.count[:, at])),
            total_pct=_of_days(day_ratio(table.profit[:, at], np.ones(days)).times(days)),
        )
        for at in order[:_SHOWN].tolist()
    )
    return ThresholdChoice(
        best=best,
        tried=tried,
        compared=len(thresholds),
        min_trades=min_trades,
        days=days,
        corrected_pct=_percent(
            means[chosen] - optimism.mean(), interval_of(means[chosen] - optimism, days)
        ),
        random_best_pct=_percent(
            np.median(bests), np.quantile(bests, CENTRAL_95) if days >= FEWEST_BLOCKS else None
        ),
        random_as_good_pct=100.0 * as_good / (draws + 1),
    )


def _of_days(estimate: DayEstimate) -> Percent:
    interval = estimate.interval()
    return _percent(estimate.value, None if interval is None else (interval.low, interval.high))


def _percent(value: float | np.floating, ends: Iterable[float] | None) -> Percent:
    if ends is None:
        return Percent(100.0 * float(value), None, None)
    low, high = ends
    return Percent(100.0 * float(value), 100.0 * float(low), 100.0 * float(high))
