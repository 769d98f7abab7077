"""Edge: what the preferred side earns beyond a coin flip at the same entries.

Log loss is no measure of direction, because knowing when the market is calm already lowers it.
The edge is: of trades filled at the next open, one position at a time, the mean outcome after fees
of the side that the model prefers, minus that of a side drawn by coin flip at the same entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.barriers import stop_loss_price, take_profit_price
from dualwindow.columns import LONG, SHORT
from dualwindow.day_bootstrap import day_mean
from dualwindow.exits import first_touch
from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class Trade:
    """One simulated trade.

    Attributes:
        row: the signal's row; the fill is at the open of the next.
        exit_row: the candle in which the position closes.
        chosen: net outcome of the side taken, as a fraction of the entry price.
        other: net outcome of the opposite side from the same fill.
    """

    row: int
    exit_row: int
    chosen: float
    other: float


@dataclass(frozen=True)
class Edge:
    """Mean edge of a series of trades with its 95 % interval.

    Attributes:
        mean: mean edge, fraction of the entry price a trade.
        low: lower end of the interval.
        high: upper end of the interval.
        profit: mean net outcome of the chosen side.
        trades: how many trades.
    """

    mean: float
    low: float
    high: float
    profit: float
    trades: int


def _outcome(
    candles: NDArray[np.float64], row: int, side: int, config: TrainingConfig, fee: float
) -> tuple[float, int]:
    """Net outcome and exit row of one side filled at the open of `row` + 1.

    Args:
        candles: (N, 3) open, high, low.
        row: row of the signal; at least F + 1 rows must follow.
        side: SHORT or LONG.
        config: barriers and future window.
        fee: fraction of the price paid at entry and again at exit.
    """
    first, last = row + 1, row + 1 + config.future_window
    entry = float(candles[first, 0])
    is_short = side == SHORT
    profit = take_profit_price(entry, is_short=is_short, config=config)
    loss = stop_loss_price(entry, is_short=is_short, config=config)
    held, is_loss = first_touch(
        candles[first:last, 1],
        candles[first:last, 2],
        is_short=is_short,
        take_profit=profit,
        stop_loss=loss,
    )
    touched = held < config.future_window
    left = (loss if is_loss else profit) if touched else float(candles[last, 0])
    gain = (entry - left if is_short else left - entry) / entry
    return gain - fee * (1.0 + left / entry), first + held


def simulate(
    candles: pd.DataFrame, sides: NDArray[np.integer], config: TrainingConfig, fee: float = 0.0005
) -> list[Trade]:
    """Trade every signal that comes while no position is open.

    Args:
        candles: N rows with open, high, low.
        sides: (N,) SHORT or LONG where the row asks for a trade, anything else where not.
        config: barriers and future window.
        fee: fraction paid at entry and again at exit.

    Returns:
        Trades in time order. When both barriers lie in one candle the stop loss counts.
    """
    prices = np.ascontiguousarray(candles[["open", "high", "low"]].to_numpy(np.float64))
    trades: list[Trade] = []
    free_from = 0
    for row in np.flatnonzero(np.isin(sides, (SHORT, LONG))):
        if row < free_from or row + 1 + config.future_window >= len(prices):
            continue
        side = int(sides[row])
        chosen, exit_row = _outcome(prices, int(row), side, config, fee)
        other, _ = _outcome(prices, int(row), SHORT + LONG - side, config, fee)
        trades.append(Trade(int(row), exit_row, chosen, other))
        free_from = exit_row
    return trades


def preferred_sides(
    probabilities: NDArray[np.floating], prior: NDArray[np.floating]
) -> NDArray[np.int8]:
    """The side with the higher probability over its class prior, for each row.

    Args:
        probabilities: (N, 3); rows with NaN prefer no side.
        prior: (3,) class shares that the probabilities are compared with.

    Returns:
        (N,) int8 SHORT or LONG, -1 where there is no prediction.
    """
    lift = probabilities / prior
    side = np.where(lift[:, LONG] >= lift[:, SHORT], LONG, SHORT)
    return np.where(np.isnan(lift).any(axis=1), -1, side).astype(np.int8)


def edge_of(
    trades: list[Trade],
    seconds: NDArray[np.int64],
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Edge:
    """Mean edge of trades with a 95 % interval from a bootstrap over whole days.

    A fair coin at the same entries earns half of each side's outcome, so the edge of one trade is
    half of the difference between the chosen side and the other.

    Args:
        trades: from `simulate`.
        seconds: (N,) dates of the candles in seconds since 1970.
        draws: bootstrap samples.
        seed: of the bootstrap.

    Raises:
        ValueError: when there are no trades.
    """
    if not trades:
        raise ValueError("an edge needs at least one trade")
    values = np.array([(trade.chosen - trade.other) / 2 for trade in trades])
    day = seconds[[trade.row for trade in trades]] // 86_400
    edge = day_mean(values, day, draws=draws, seed=seed)
    profit = float(np.mean([trade.chosen for trade in trades]))
    return Edge(edge.value, edge.low, edge.high, profit, len(trades))
