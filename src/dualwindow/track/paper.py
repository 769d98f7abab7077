"""Paper trades: a period's decisions, scored by the barriers of the label.

They are a score, not orders: a decision enters at the open of the next candle, one position at a
time a pair, and ends at the take profit, the stop loss or the time-out, at exactly that price. A
running bot and a backtest score the same candles alike, whatever an order book did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.exits import first_touch, stop_loss_price, take_profit_price
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.settings import TrainingConfig
from dualwindow.track.evidence import Bounds

#: Candles between a decision and the first one after its trade, beside the future window.
AFTER: Final = 2


@dataclass(frozen=True)
class PaperTrade:
    """A scored decision: its place in the period, its side and its profit after costs."""

    row: int
    side: int
    profit: float


@dataclass(frozen=True)
class PeriodPrices:
    """(M,) prices of the candles of one pair and period, NaN where there is none."""

    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]


def profit_bounds(config: TrainingConfig, cost: float) -> Bounds:
    """The largest loss and profit of a trade; `cost` is that of one side, a fraction."""
    ends = [
        after_costs(gross, side, cost)
        for side, taken, lost in (
            (LONG, config.long_tp_pct, config.long_sl_pct),
            (SHORT, config.short_tp_pct, config.short_sl_pct),
        )
        for gross in (taken, -lost)
    ]
    return Bounds(loss=-min(ends), profit=max(ends))


def after_costs(gross: float, side: int, cost: float) -> float:
    """Profit of a trade after costs on both sides, as freqtrade's ratio without leverage.

    Example:
        >>> round(after_costs(0.01, LONG, 0.0005), 5)
        0.00899
    """
    sign = 1.0 if side == LONG else -1.0
    left = (1.0 + sign * gross) * (1.0 - sign * cost) / (1.0 + sign * cost)
    return sign * (left - 1.0)


def last_decision(candles: int, config: TrainingConfig) -> int:
    """Candles at the beginning of a period whose trades have ended when it is over."""
    return max(candles - config.future_window - AFTER + 1, 0)


def paper_trades(
    sides: NDArray[np.integer], prices: PeriodPrices, config: TrainingConfig, cost: float
) -> list[PaperTrade]:
    """Score the decisions of a period.

    Args:
        sides: (M,) class codes, HOLD where nothing is entered.
        prices: of the same candles.
        config: barriers and future window.
        cost: fee and slippage of one side, a fraction of the price.
    """
    trades, free = [], 0
    for row in np.flatnonzero(sides[: last_decision(len(sides), config)] != HOLD).tolist():
        entry = float(prices.open[row + 1])
        if row < free or not entry > 0.0:
            continue
        side = int(sides[row])
        gross, free = _held(row + 1, entry, side == SHORT, prices, config)
        trades.append(PaperTrade(row, side, after_costs(gross, side, cost)))
    return trades


def _held(
    first: int, entry: float, is_short: bool, prices: PeriodPrices, config: TrainingConfig
) -> tuple[float, int]:
    """Profit before costs of a position from a candle's open on, and the candle of its end."""
    end = first + config.future_window
    taken, lost = (
        (config.short_tp_pct, config.short_sl_pct)
        if is_short
        else (config.long_tp_pct, config.long_sl_pct)
    )
    at, is_loss = first_touch(
        prices.high[first:end],
        prices.low[first:end],
        is_short=is_short,
        take_profit=take_profit_price(entry, is_short=is_short, config=config),
        stop_loss=stop_loss_price(entry, is_short=is_short, config=config),
    )
    if first + at < end:
        return (-lost if is_loss else taken), first + at
    moved = float(prices.open[end]) / entry - 1.0
    gross = -moved if is_short else moved
    return min(max(gross, -lost), taken), end
