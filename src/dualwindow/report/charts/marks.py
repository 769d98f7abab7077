"""Marks of trades that thin out: how near one must look to see a trade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from dualwindow.columns import CLASS_NAMES
from dualwindow.report.schema import TradeMark

#: Trades that a chart shows all at once.
ALL_AT_ONCE: Final = 150
#: Cells of the whole chart at level 0; every level has twice as many.
CELLS: Final = 40
#: The last level, at which every trade is shown.
LAST_LEVEL: Final = 16


def mark_levels(trades: Sequence[TradeMark], begin: int, seconds: int) -> list[int]:
    """Level from which on each trade is shown on a chart of so many seconds from `begin` on.

    At level k the chart has `CELLS` times 2 to the power of k cells; of every side each shows its
    best and its worst trade, whatever their number, and what a level shows the next one shows.
    Zoomed to a share of 2 to the power of -k, a chart shows level k.

    Example:
        >>> marks = [TradeMark("LONG", 60 * n, 1.0, 60 * n, 1.0, "roi", n) for n in range(1000)]
        >>> levels = mark_levels(marks, 0, 60_000)
        >>> levels.count(0), max(levels) < 8
        (80, True)
    """
    if len(trades) <= ALL_AT_ONCE:
        return [0] * len(trades)
    entered = np.array([trade.entered for trade in trades], np.int64) - begin
    profit = np.array([trade.profit_pct for trade in trades])
    side = np.array([CLASS_NAMES.index(trade.side) for trade in trades], np.int64)
    levels = np.full(len(trades), LAST_LEVEL)
    order = np.argsort(profit, kind="stable")
    for level in range(LAST_LEVEL):
        cells = CELLS << level
        place = np.clip(entered * cells // max(seconds, 1), 0, cells - 1)
        cell = (place * len(CLASS_NAMES) + side)[order]
        # Of each cell the first and the last in the order of profits.
        _, worst = np.unique(cell, return_index=True)
        _, best = np.unique(cell[::-1], return_index=True)
        shown = np.r_[order[worst], order[::-1][best]]
        levels[shown] = np.minimum(levels[shown], level)
        if levels.max() <= level:
            break
    found: list[int] = levels.tolist()
    return found
