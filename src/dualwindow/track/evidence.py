"""Evidence on a mean profit that may be looked at after every period without losing its level.

The profit of a trade lies between the barriers, so a bet against "the mean is at most m" pays a
non-negative capital that grows in expectation only if the mean is higher: a test supermartingale.
By Ville's inequality it ever reaches 1 / alpha with probability alpha at most, whatever the
distribution of profits, and at whatever time somebody looks (Waudby-Smith and Ramdas 2024,
Estimating means of bounded random variables by betting, section 4). The capital is split over a
fixed grid of bets, as a universal portfolio is (Orabona and Jun 2024, Tight concentrations and
confidence sequences from the regret of universal portfolio), so that nothing has to be tuned.

A pair's trades follow one another, so its capital is bet again on each; no mean over their number
is taken, which may depend on how they end. Pairs trade at the same time and move together: in every
period the capital is shared among them equally. A mean of capitals is one in expectation whatever
they have in common, so dependence within a period does no harm. Who shares is known before the
period: the pairs that have traded in earlier ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Probability of each one-sided error, ever: the interval holds 95 %.
ALPHA: Final = 0.025
#: Shares of the largest bet that can never ruin.
_BETS: Final = 0.7 * 0.5 ** (np.arange(14) / 2.0)
#: Candidates of the mean, from the largest loss to the largest profit.
_CANDIDATES: Final = 301
#: Periods after which a pair without a trade has no share.
_REMEMBERED: Final = 30
#: A change is looked for from the beginning of every so many periods on.
_STARTS_EVERY: Final = 7
#: Capital beyond this many times what a verdict needs is given away, so that one that no longer
#: holds is taken back soon. Giving capital away breaks no supermartingale.
_KEPT: Final = 4.0
#: Log of the capital that a verdict needs, over all bets.
_NEEDED: Final = math.log(len(_BETS) / ALPHA)


@dataclass(frozen=True)
class ScoredTrade:
    """Profit of one trade after costs and what validation promised, fractions of the price.

    `promised` is None where nothing was.
    """

    profit: float
    promised: float | None


@dataclass(frozen=True)
class Bounds:
    """The largest loss, positive, and the largest profit of a trade, fractions of the price."""

    loss: float
    profit: float


Trades = Mapping[str, Sequence[ScoredTrade]]


class Evidence:
    """What the periods so far show about the mean profit of a trade.

    Args:
        bounds: of the profit of a trade.
        tolerance: by how much it may fall short of a promise that counts as kept.
        with_interval: whether `interval` is wanted, which takes longer.

    Example:
        >>> evidence = Evidence(Bounds(loss=0.006, profit=0.009), tolerance=0.001)
        >>> for _ in range(40):
        ...     evidence.update({"A": [ScoredTrade(0.009, 0.001), ScoredTrade(-0.003, 0.001)]})
        >>> evidence.trades, evidence.is_edge_found, evidence.is_worse
        (80, True, False)
        >>> low, high = evidence.interval
        >>> low < 0.003 < high
        True
    """

    def __init__(self, bounds: Bounds, tolerance: float, *, with_interval: bool = True) -> None:
        self._bounds = bounds
        self._tolerance = tolerance
        self.periods = 0
        self.trades = 0
        self.profit = 0.0
        self._with_promise = 0
        self._promises = 0.0
        #: Of a pair, the last period with a trade.
        self._traded: dict[str, int] = {}
        # Log capitals of bets that the mean is above 0, and above the promise less the tolerance.
        self._edge = np.zeros(len(_BETS))
        self._kept = np.zeros(len(_BETS))
        # That it is below the promise, from each start on.
        self._worse = np.zeros((0, len(_BETS)))
        self._means = np.linspace(-bounds.loss, bounds.profit, _CANDIDATES if with_interval else 0)
        # That it is above, and below, each candidate.
        self._above, self._below = np.zeros((2, len(self._means), len(_BETS)))

    def update(self, trades: Trades) -> None:
        """Add the trades of one period, of every pair in the order of their decisions."""
        traded = {pair: own for pair, own in trades.items() if own}
        if not traded:
            return
        if self.periods % _STARTS_EVERY == 0:
            self._worse = np.vstack([self._worse, np.zeros(len(_BETS))])
        sharing = {
            pair for pair, last in self._traded.items() if self.periods - last <= _REMEMBERED
        }
        if sharing:
            self._bet([traded.get(pair, ()) for pair in sorted(sharing)])
        for pair, own in traded.items():
            self._traded[pair] = self.periods
            self.trades += len(own)
            self.profit += sum(trade.profit for trade in own)
            promises = [trade.promised for trade in own if trade.promised is not None]
            self._with_promise += len(promises)
            self._promises += sum(promises)
        self.periods += 1

    def _bet(self, by_pair: list[Sequence[ScoredTrade]]) -> None:
        """Multiply all capitals by what a period brings; every pair has the same share."""
        loss, best = self._bounds.loss, self._bounds.profit
        profits = [np.array([trade.profit for trade in own]) for own in by_pair]
        self._edge = np.minimum(
            self._edge + _shared([_grown(own / loss) for own in profits]),
            _NEEDED + math.log(_KEPT),
        )
        promised = [
            np.array([(own.profit, own.promised) for own in of_pair if own.promised is not None])
            for of_pair in by_pair
        ]
        kept, worse = [], []
        for own in promised:
            taken, promise = own.reshape(-1, 2).T
            # A bet may lose all at most, so what it is against must lie between the bounds.
            promise = np.clip(promise, -loss, best / 2.0)
            least = np.maximum(promise - self._tolerance, -0.9 * loss)
            kept.append(_grown((taken - least) / (loss + least)))
            worse.append(_grown((promise - taken) / (best - promise)))
        self._kept = np.minimum(self._kept + _shared(kept), _NEEDED + math.log(_KEPT))
        limits = _NEEDED + math.log(_KEPT) - np.log(_weights(len(self._worse)))
        self._worse = np.minimum(self._worse + _shared(worse), limits[:, None])
        if len(self._means):
            self._above += _shared([_against(own, self._means, loss, 1.0) for own in profits])
            self._below += _shared([_against(own, self._means, best, -1.0) for own in profits])

    @property
    def is_edge_found(self) -> bool:
        """Whether the mean profit is above 0; ever wrong with probability `ALPHA` at most."""
        return bool(np.logaddexp.reduce(self._edge) >= _NEEDED)

    @property
    def is_kept(self) -> bool:
        """Whether the mean is above the promise less the tolerance; wrong as rarely, ever."""
        return bool(np.logaddexp.reduce(self._kept) >= _NEEDED)

    @property
    def is_worse(self) -> bool:
        """Whether the mean is below the promise, from some week on; wrong as rarely, ever.

        The capital is also split over the weeks from which on a change may hold (an e-process;
        Shin, Ramdas and Rinaldo 2024, E-detectors).
        """
        weights = _weights(len(self._worse))
        capital = float(weights @ np.exp(self._worse).mean(axis=1)) + 1.0 - float(weights.sum())
        return capital >= 1.0 / ALPHA

    @property
    def promise(self) -> float | None:
        """Mean of what validation promised for the trades; None where it promised nothing."""
        return self._promises / self._with_promise if self._with_promise else None

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 95 % confidence sequence of the mean profit of a trade, over all periods."""
        too_low, too_high = (
            np.logaddexp.reduce(capitals, axis=1) >= _NEEDED
            for capitals in (self._above, self._below)
        )
        # The capital of a bet falls with the candidate, so what is refused has no holes.
        low = self._means[0 if not too_low.any() else int(np.flatnonzero(too_low)[-1])]
        high = self._means[-1 if not too_high.any() else int(np.flatnonzero(too_high)[0])]
        return float(low), float(high)


def _grown(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B,) logs of the capitals of B bets after (T,) gains in turn, shares of what may be lost."""
    return np.asarray(np.log1p(gains[:, None] * _BETS).sum(axis=0))


def _against(
    profits: NDArray[np.float64], means: NDArray[np.float64], end: float, side: float
) -> NDArray[np.float64]:
    """(M, B) the same for bets that the mean is above (side 1) or below (-1) each of M means."""
    room = end + side * means
    gains = np.zeros((len(means), len(profits)))
    np.divide(
        side * (profits - means[:, None]), room[:, None], out=gains, where=room[:, None] > 0.0
    )
    return np.asarray(np.log1p(gains[:, :, None] * _BETS).sum(axis=1))


def _shared(capitals: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Logs of the mean of capitals, given as logs: those of equal shares together."""
    return np.asarray(np.logaddexp.reduce(capitals, axis=0) - math.log(len(capitals)))


def _weights(count: int) -> NDArray[np.float64]:
    """(count,) shares of the capital by start; those of all starts that come sum to 1."""
    places = np.arange(1.0, count + 1.0)
    return 1.0 / (places * (places + 1.0))
