"""Edge: what the preferred side earns beyond a coin flip at the same entries, after fees.

Log loss is no measure of direction, because knowing when the market is calm already lowers it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.figures import AfterFees, SideFigures
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, trade_decisions
from dualwindow.data.candles.pairs import FUTURES
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import USUAL_FEES

TERMS: Final = TradeTerms(fee=USUAL_FEES[FUTURES])


def traded(
    candles: pd.DataFrame,
    decisions: NDArray[np.integer],
    config: TrainingConfig,
    terms: TradeTerms = TERMS,
) -> AfterFees:
    """What decisions earn, one position at a time, filled at the next open.

    Args:
        candles: N rows with freqtrade's columns, none missing.
        decisions: (N,) class codes; anything but SHORT and LONG is no signal.
        config: barriers and future window.
        terms: of the trades.
    """
    prices = TradeCandles.from_frame(candles)
    trades = trade_decisions(prices, decisions, config, terms, turns=False)
    return after_fees([ComparedTrades.from_trades(prices, trades, config, terms)], terms)


def sides_of(figures: AfterFees) -> SideFigures:
    """Profits of trades that there are.

    Raises:
        ValueError: when there is no trade.
    """
    if figures.sides is None:
        raise ValueError("an edge needs at least one trade")
    return figures.sides


def edge_figures(figures: AfterFees) -> dict[str, Any]:
    """How many trades, their profit and their edge, percent a trade, as plain JSON types."""
    sides = sides_of(figures)
    return {
        "trades": figures.trades,
        "profit_pct": sides.model.mean_pct.value,
        "edge_pct": asdict(sides.edge_pct),
    }


def interval_text(figure: dict[str, float]) -> str:
    """A percentage with its interval, for a table."""
    return f"{figure['value']:+.3f} [{figure['low']:+.3f}, {figure['high']:+.3f}]"
