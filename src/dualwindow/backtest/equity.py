"""Profits of trades over time and by group, as the report draws them.

As in `after_fees` every trade has the same stake and profits are added, not compounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.after_fees import RANDOM_SERIES, random_sides
from dualwindow.backtest.equity_figures import Equity, ProfitGroup
from dualwindow.backtest.exits import EXIT_REASONS
from dualwindow.backtest.figures import AfterFees
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, PooledTrades, Trades
from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.thresholds import confidence_tags
from dualwindow.data.candles.timerange import utc_text
from dualwindow.evaluation.bootstrap import CENTRAL_95

#: Stretches of time that a curve has at most.
STRETCHES: Final = 400
#: Groups of one kind at most; of more, the newest days.
_MOST_GROUPS: Final = 400
_DECIMALS: Final = 4
_HOUR: Final = 3600


def with_equity(
    figures: AfterFees, pairs: Sequence[ComparedTrades], terms: TradeTerms, *, seed: int = 0
) -> AfterFees:
    """Figures with the curves and groups of their trades; unchanged without a trade.

    Pairs, terms and seed are those of `after_fees`.
    """
    if figures.sides is None:
        return figures
    return replace(figures, equity=equity_of(pairs, terms, seed=seed), groups=profit_groups(pairs))


def equity_of(
    pairs: Sequence[ComparedTrades],
    terms: TradeTerms,
    *,
    seed: int = 0,
    stretches: int = STRETCHES,
) -> Equity:
    """The sum of profits over time beside coin flips and buy-and-hold.

    Args:
        pairs: at least one trade, and at least two candles each.
        terms: of the trades.
        seed: of the coin flips, as in `after_fees`: the band ends where its interval does.
        stretches: G at most.

    Example:
        >>> from dualwindow.backtest.trades import Trades
        >>> from dualwindow.columns import LONG, SHORT
        >>> long = Trades(*map(np.atleast_1d, (1, 3, LONG, 100.0, 101.0, 0, 0.0, 0.01)))
        >>> short = Trades(*map(np.atleast_1d, (1, 2, SHORT, 100.0, 101.0, 1, 0.0, -0.01)))
        >>> pair = ComparedTrades(60 * np.arange(5), chosen=long, other=short)
        >>> found = equity_of([pair], TradeTerms(fee=0.0), stretches=5)
        >>> found.model, found.flip_low[-1], found.flip_high[-1]
        ([0.0, 0.0, 0.0, 1.0, 1.0], -1.0, 1.0)
    """
    pooled = PooledTrades.from_pairs(pairs)
    first = min(int(pair.seconds[0]) for pair in pairs)
    last = max(int(pair.seconds[-1]) for pair in pairs)
    # One second more, so that the last candle does not begin another stretch.
    length = max(-(-(last - first + 1) // stretches), 1)
    count = (last - first) // length + 1
    never = np.zeros(len(pooled.day), np.bool_)
    profit, left = pooled.taking(never)
    order = np.argsort(left, kind="stable")
    level = np.cumsum(profit[order])
    fall = np.maximum(np.maximum.accumulate(level), 0.0) - level
    place = (left[order] - first) // length
    # What a stretch begins with, it has.
    drawdown = np.r_[0.0, _last_known(np.r_[0.0, fall], place, count)[:-1]]
    np.maximum.at(drawdown, place, fall)
    series = np.empty((RANDOM_SERIES, count))
    for row, other in zip(series, random_sides(len(never), seed), strict=True):
        flipped, ended = pooled.taking(other)
        row[:] = np.bincount((ended - first) // length, flipped, count).cumsum()
    low, high = np.quantile(series, CENTRAL_95, axis=0)
    ends = first + length * np.arange(1, count + 1)
    return Equity(
        seconds=np.minimum(ends, last + 1).tolist(),
        model=_percent(_last_known(np.r_[0.0, level], place, count)),
        drawdown=_percent(drawdown),
        flip=_percent(series.mean(axis=0)),
        flip_low=_percent(low),
        flip_high=_percent(high),
        hold=_percent(_held(pairs, ends, terms)),
    )


def _last_known(
    levels: NDArray[np.float64], place: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """(count,) level at the end of every stretch: after (T,) ascending places, T + 1 levels."""
    return levels[np.searchsorted(place, np.arange(count), side="right")]


def _held(
    pairs: Sequence[ComparedTrades], ends: NDArray[np.int64], terms: TradeTerms
) -> NDArray[np.float64]:
    """(G,) profit of one stake of every pair, bought at its first open and sold at each end.

    Fees are paid on both sides; without leverage. Empty where prices are not known.
    """
    total = np.zeros(len(ends))
    for pair in pairs:
        if pair.prices is None:
            return np.empty(0)
        row = np.maximum(np.searchsorted(pair.seconds, ends) - 1, 0)
        paid = pair.prices[0] * (1.0 + terms.fee)
        own = pair.prices[row] * (1.0 - terms.fee) / paid - 1.0
        # A pair that begins later is bought then.
        total += np.where(ends > pair.seconds[0], own, 0.0)
    return total


def profit_groups(pairs: Sequence[ComparedTrades]) -> dict[str, list[ProfitGroup]]:
    """Kind of group to its groups: day, hour and pair, and what else is known of the trades.

    Days and hours (UTC) are those of the entry; pairs, sides, tags and exits are sorted by their
    totals, the worst first.
    """
    profit = np.concatenate([pair.chosen.profit for pair in pairs])
    entered = np.concatenate([pair.seconds[pair.chosen.entry_row] for pair in pairs])
    kinds: dict[str, Sequence[str]] = {
        "day": [utc_text(int(seconds))[:10] for seconds in entered],
        "hour": [f"{seconds // _HOUR % 24:02d}" for seconds in entered.tolist()],
        "pair": _texts(pairs, lambda pair: [pair.pair] * len(pair.chosen)),
        "side": _texts(pairs, lambda pair: [CLASS_NAMES[code] for code in pair.chosen.side]),
        "tag": _texts(pairs, lambda pair: pair.tags or [""] * len(pair.chosen)),
        "exit reason": _texts(
            pairs, lambda pair: [EXIT_REASONS[code] for code in pair.chosen.reason]
        ),
    }
    found: dict[str, list[ProfitGroup]] = {}
    for kind, names in kinds.items():
        if not all(names):
            continue
        groups = _groups(names, profit)
        if kind not in {"day", "hour"}:
            groups.sort(key=lambda group: group.total_pct)
        found[kind] = groups[-_MOST_GROUPS:] if kind == "day" else groups[:_MOST_GROUPS]
    return found


def entry_tags(trades: Trades, probabilities: NDArray[np.floating]) -> list[str]:
    """(T,) tags as the strategy gives them, by (N, 3) probabilities of the traded candles."""
    signals = trades.entry_row - 1
    return [
        confidence_tags(CLASS_NAMES[side].lower(), probabilities[row : row + 1, side])[0]
        for row, side in zip(signals.tolist(), trades.side.tolist(), strict=True)
    ]


def _texts(
    pairs: Sequence[ComparedTrades], of: Callable[[ComparedTrades], Sequence[str]]
) -> list[str]:
    return [text for pair in pairs for text in of(pair)]


def _groups(names: Sequence[str], profit: NDArray[np.float64]) -> list[ProfitGroup]:
    """Groups of (T,) trades by the order of their names."""
    known, index = np.unique(np.array(names, dtype=str), return_inverse=True)
    counts = np.bincount(index)
    totals = np.bincount(index, profit)
    hits = np.bincount(index, profit > 0.0)
    return [
        ProfitGroup(
            name=str(name),
            trades=int(count),
            hit_rate=round(float(hit / count), _DECIMALS),
            mean_pct=round(100.0 * float(total / count), _DECIMALS),
            total_pct=round(100.0 * float(total), _DECIMALS),
        )
        for name, count, total, hit in zip(known, counts, totals, hits, strict=True)
    ]


def _percent(values: NDArray[np.float64]) -> list[float]:
    # Zero added, so that no -0.0 is shown.
    return [round(100.0 * value, _DECIMALS) + 0.0 for value in values.tolist()]
