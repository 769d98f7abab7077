"""Profits of trades after fees, beside other sides at the same entries.

The stake is the same for every trade and profits are added, not compounded: a trade then weighs
the same early and late, and days can be resampled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.exits import EXIT_REASONS
from dualwindow.backtest.figures import AfterFees, Percent, ProfitFigures, SideFigures, WithTurns
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import DAY_SECONDS, ComparedTrades, PooledTrades
from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.evaluation.bootstrap import CENTRAL_95, Interval
from dualwindow.evaluation.evidence.day_clusters import DayEstimate, day_mean, day_total
from dualwindow.evaluation.evidence.verdict import Evidence

#: Series of random sides.
RANDOM_SERIES: Final = 200


def after_fees(pairs: Sequence[ComparedTrades], terms: TradeTerms, *, seed: int = 0) -> AfterFees:
    """Figures of trades, pooled over pairs.

    Args:
        pairs: the pairs' trades beside their opposites, all on at least two candles.
        terms: of the trades.
        seed: of the random sides.

    Raises:
        ValueError: without pairs, or with a pair of fewer than two candles.

    Example:
        >>> from dualwindow.backtest.trades import Trades
        >>> long = Trades(*map(np.atleast_1d, (1, 73, LONG, 100.0, 101.0, 0, 0.0, 0.01)))
        >>> short = Trades(*map(np.atleast_1d, (1, 73, SHORT, 100.0, 101.0, 1, 0.0, -0.01)))
        >>> pair = ComparedTrades(60 * np.arange(1440), chosen=long, other=short)
        >>> figures = after_fees([pair], TradeTerms(fee=0.0))
        >>> figures.trades, figures.held_pct, figures.sides.edge_pct.value
        (1, 5.0, 1.0)
    """
    if not pairs or min(len(pair.seconds) for pair in pairs) < 2:
        raise ValueError("figures after fees need a pair with at least two candles")
    trades = [pair.chosen for pair in pairs]
    side = np.concatenate([made.side for made in trades])
    reason = np.concatenate([made.reason for made in trades])
    held = sum(int((made.exit_row - made.entry_row).sum()) for made in trades)
    moved = sum(float((1.0 + made.exit_price / made.entry_price).sum()) for made in trades)
    turnover = moved * terms.leverage
    days = max(_days(pair.seconds) for pair in pairs)
    pooled = PooledTrades.from_pairs(pairs) if len(side) else None
    return AfterFees(
        pairs=len(pairs),
        trades=len(side),
        turned=sum(int(made.turned.sum()) for made in trades),
        days=days,
        by_side={CLASS_NAMES[code]: int((side == code).sum()) for code in (SHORT, LONG)},
        by_reason={name: int((reason == code).sum()) for code, name in enumerate(EXIT_REASONS)},
        held_pct=100.0 * held / sum(len(pair.seconds) for pair in pairs),
        turnover=turnover,
        turnover_a_day=turnover / days,
        fees_pct=100.0 * terms.fee * turnover,
        funding_pct=100.0 * sum(float(made.funding.sum()) for made in trades),
        fee_pct=100.0 * terms.fee,
        slippage_pct=100.0 * terms.slippage,
        leverage=terms.leverage,
        sides=_sides(pooled, _calendar(pairs), seed) if pooled is not None else None,
        price_step_share=max(
            (pair.step_share for pair in pairs if pair.step_share is not None), default=None
        ),
        with_turns=_with_turns(pairs),
        evidence=evidence_of(pooled) if pooled is not None else None,
    )


def _with_turns(pairs: Sequence[ComparedTrades]) -> WithTurns | None:
    known = [pair.with_turns for pair in pairs if pair.with_turns is not None]
    if len(known) < len(pairs):
        return None
    return WithTurns(sum(each.trades for each in known), sum(each.turned for each in known))


def _days(seconds: NDArray[np.int64]) -> float:
    """Time from the first candle's open to the last one's close."""
    return float(seconds[-1] - seconds[0]) / DAY_SECONDS * len(seconds) / (len(seconds) - 1)


def _calendar(pairs: Sequence[ComparedTrades]) -> tuple[int, int]:
    """The first and last day of all candles, days since 1970."""
    first = min(int(pair.seconds[0]) for pair in pairs)
    return first // DAY_SECONDS, max(int(pair.seconds[-1]) for pair in pairs) // DAY_SECONDS


def _sides(pooled: PooledTrades, calendar: tuple[int, int], seed: int) -> SideFigures:
    def figures(other: NDArray[np.bool_]) -> ProfitFigures:
        profit, left = pooled.taking(other)
        return ProfitFigures(
            hit_rate=_hit_rate(profit),
            mean_pct=_of_days(day_mean(profit, pooled.day)),
            total_pct=_of_days(day_total(profit, pooled.day, calendar)),
            drawdown_pct=_drawdown_pct(profit, left),
        )

    never = np.zeros(len(pooled.day), np.bool_)
    random, means = _random_sides(pooled, seed)
    return SideFigures(
        model=figures(never),
        always_long=figures(~pooled.is_long),
        always_short=figures(pooled.is_long),
        random=random,
        random_as_good_pct=100.0 * float(np.mean(means >= pooled.profit[~pooled.turned, 0].mean())),
        edge_pct=_of_days(_edge(pooled)),
    )


def _edge(pooled: PooledTrades) -> DayEstimate:
    """Mean profit beyond a fair coin's, over entries that were not turned."""
    fair = pooled.profit[~pooled.turned]
    return day_mean((fair[:, 0] - fair[:, 1]) / 2, pooled.day[~pooled.turned])


def evidence_of(pooled: PooledTrades) -> Evidence:
    """The verdict on one or more trades, in percent; without turned entries, which flatter."""
    fair = ~pooled.turned
    profit = day_mean(pooled.profit[fair, 0], pooled.day[fair])
    return Evidence.of(profit.times(100.0), _edge(pooled).times(100.0), int(fair.sum()))


def random_sides(count: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """The `RANDOM_SERIES` series of coin flips: (count,) true takes the opposite side."""
    random = np.random.default_rng(seed)
    for _ in range(RANDOM_SERIES):
        yield random.random(count) < 0.5


def _random_sides(pooled: PooledTrades, seed: int) -> tuple[ProfitFigures, NDArray[np.float64]]:
    """Figures of sides by coin flip, and (series,) mean profits without turned entries."""
    count = len(pooled.day)
    means, fair_means, hits, falls = np.empty((4, RANDOM_SERIES))
    for index, other in enumerate(random_sides(count, seed)):
        profit, left = pooled.taking(other)
        means[index], hits[index] = profit.mean(), _hit_rate(profit)
        fair_means[index] = profit[~pooled.turned].mean()
        falls[index] = _drawdown_pct(profit, left)
    low, high = (float(end) for end in np.quantile(means, CENTRAL_95))
    mean = Interval(float(means.mean()), low, high)
    total = Interval(mean.value * count, low * count, high * count)
    figures = ProfitFigures(
        hit_rate=float(hits.mean()),
        mean_pct=_percent(mean),
        total_pct=_percent(total),
        drawdown_pct=float(falls.mean()),
    )
    return figures, fair_means


def _hit_rate(profit: NDArray[np.float64]) -> float:
    return float(np.mean(profit > 0.0))


def _drawdown_pct(profit: NDArray[np.float64], left: NDArray[np.int64]) -> float:
    """Largest fall of the running sum, in percent, profits counted when trades end."""
    order = np.argsort(left, kind="stable")
    level = np.concatenate([[0.0], np.cumsum(profit[order])])
    return 100.0 * float((np.maximum.accumulate(level) - level).max())


def _percent(interval: Interval) -> Percent:
    return Percent(100.0 * interval.value, 100.0 * interval.low, 100.0 * interval.high)


def _of_days(estimate: DayEstimate) -> Percent:
    interval = estimate.interval()
    if interval is None:
        return Percent(100.0 * estimate.value, None, None)
    return _percent(interval)
