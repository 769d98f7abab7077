"""Curves of profit over time: the model's, a coin flip's at the same entries, the oracle's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.market import Market
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import DAY_SECONDS, PooledTrades, trade_decisions
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.evaluation.bootstrap import CENTRAL_95
from dualwindow.model_selection.walk_forward import PairWalk
from dualwindow.settings import TrainingConfig

#: Seconds between two points of a curve.
STEP: Final = 3 * 3600
#: Series of coin flips, as many as in a report.
FLIPS: Final = 200


@dataclass(frozen=True)
class Curves:
    """Sums of profits after fees, percent of one trade's stake, counted when a trade ends.

    Attributes:
        days: (K,) days since the first traded candle, from 0.
        model: (K,) of the model's trades.
        low, mean, high: (K,) of sides by coin flip at the model's entries: the mean, and the band
            that holds 95 % of the series at every moment.
        oracle: (K,) of who knows the drift; 0 where there is none, for then it does not trade.
        oracle_trades: how many it made.
    """

    days: NDArray[np.float64]
    model: NDArray[np.float64]
    low: NDArray[np.float64]
    mean: NDArray[np.float64]
    high: NDArray[np.float64]
    oracle: NDArray[np.float64]
    oracle_trades: int

    @property
    def oracle_profit(self) -> float:
        """The oracle's mean profit, percent a trade; 0 without a trade."""
        return float(self.oracle[-1]) / max(self.oracle_trades, 1)


def curves_of(
    walk: PairWalk, market: Market, config: TrainingConfig, terms: TradeTerms, *, has_drift: bool
) -> Curves:
    """The curves of a backtested market.

    Args:
        walk: of the model, with at least one trade.
        market: that the candles are of.
        config: barriers and future window.
        terms: of all trades.
        has_drift: false lets the oracle stay out.
    """
    seconds = walk.candles.seconds
    last = -(-int(seconds[-1] + 60 - seconds[0]) // STEP)
    moments = seconds[0] + STEP * np.arange(last + 1)
    pooled = PooledTrades.from_pairs([walk.compared])
    random = np.random.default_rng(0)
    flips = np.stack(
        [
            _level(*pooled.taking(random.random(len(pooled.day)) < 0.5), moments)
            for _ in range(FLIPS)
        ]
    )
    low, high = np.quantile(flips, CENTRAL_95, axis=0)
    known = oracle_sides(market, seconds) if has_drift else np.full(len(seconds), HOLD, np.int8)
    oracle = trade_decisions(walk.candles, known, config, terms, turns=False)
    return Curves(
        days=(moments - seconds[0]) / DAY_SECONDS,
        model=_level(pooled.profit[:, 0], pooled.left[:, 0], moments),
        low=low,
        mean=flips.mean(axis=0),
        high=high,
        oracle=_level(oracle.profit, seconds[oracle.exit_row], moments),
        oracle_trades=len(oracle),
    )


def oracle_sides(market: Market, seconds: NDArray[np.int64]) -> NDArray[np.int8]:
    """The side of each candle that who knows the drift takes; HOLD where there is no candle."""
    of_market = utc_seconds(market.candles["date"])
    place = np.minimum(np.searchsorted(of_market, seconds), len(of_market) - 1)
    sides = np.where(market.regime[place] > 0, LONG, SHORT)
    return np.where(of_market[place] == seconds, sides, HOLD).astype(np.int8)


def _level(
    profit: NDArray[np.float64], left: NDArray[np.int64], moments: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(K,) percent that trades with (T,) profits and exits have made before each moment."""
    order = np.argsort(left, kind="stable")
    level = np.concatenate([[0.0], np.cumsum(100.0 * profit[order])])
    reached: NDArray[np.float64] = level[np.searchsorted(left[order], moments)]
    return reached
