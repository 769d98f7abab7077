"""Exits of positions as in freqtrade's backtest: candle, price and reason.

The rules are those of freqtrade 2026.9 for `DualWindowStrategy`: an entry at a candle's open, the
barriers anchored on it, in every candle the time-out before the stop loss before the take profit.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.prices import (
    TradeCandles,
    nearest_tick,
    tick_at_or_above,
    tick_at_or_below,
)
from dualwindow.backtest.terms import TradeTerms
from dualwindow.settings import TrainingConfig

TAKE_PROFIT: Final = 0
STOP_LOSS: Final = 1
TIME_OUT: Final = 2
FORCE_EXIT: Final = 3

#: freqtrade's names of the reasons; index = reason code.
EXIT_REASONS: Final = ("roi", "stop_loss", "time_out", "force_exit")

#: The strategy asks for this much less than the take profit's ratio, which freqtrade rounds to
#: 1e-8 and requires to be exceeded.
HALF_A_STEP: Final = 5e-9


class Position(NamedTuple):
    """One position: its candles, prices, and the code of `EXIT_REASONS` for which it ended."""

    entry_row: int
    exit_row: int
    entry: float
    exit: float
    reason: int


def first_touch(
    highs: NDArray[np.float64],
    lows: NDArray[np.float64],
    *,
    is_short: bool,
    take_profit: float,
    stop_loss: float,
) -> tuple[int, bool]:
    """Place of the first of K candles that touches a barrier, and true for the stop loss.

    K and false when none is touched. Touching is >= for highs and <= for lows; both in one candle
    counts as the stop loss.
    """
    won = lows <= take_profit if is_short else highs >= take_profit
    lost = highs >= stop_loss if is_short else lows <= stop_loss
    ended = won | lost
    if not ended.any():
        return len(ended), False
    at = int(ended.argmax())
    return at, bool(lost[at])


def hold_position(
    candles: TradeCandles,
    entry_row: int,
    *,
    is_short: bool,
    config: TrainingConfig,
    terms: TradeTerms,
) -> Position:
    """Enter at the open of a candle and stay until an exit, at the latest in the last candle.

    Example:
        >>> price = np.array([100.0, 100.0, 100.2, 100.5, 100.5])
        >>> candles = TradeCandles(60 * np.arange(5), price, price + 0.3, price, np.full(5, 0.01))
        >>> config = TrainingConfig(long_tp_pct=0.004, long_sl_pct=0.002, future_window=3)
        >>> hold_position(candles, 1, is_short=False, config=config, terms=TradeTerms(fee=0.0))
        Position(entry_row=1, exit_row=2, entry=100.0, exit=100.4, reason=0)
    """
    worse = 1.0 - terms.slippage if is_short else 1.0 + terms.slippage
    entry = float(candles.open[entry_row]) * worse
    tick = float(candles.tick[entry_row])
    profit = roi_price(entry, is_short=is_short, config=config, terms=terms)
    loss = stop_price(entry, tick, is_short=is_short, config=config)
    end = entry_row + config.future_window
    at, is_loss = first_touch(
        candles.high[entry_row:end],
        candles.low[entry_row:end],
        is_short=is_short,
        take_profit=profit,
        stop_loss=loss,
    )
    row = entry_row + at
    if row < min(end, len(candles)):
        reason, barrier = (STOP_LOSS, loss) if is_loss else (TAKE_PROFIT, profit)
        at_open = _fills_at_open(candles, row, barrier, is_short=is_short, is_loss=is_loss)
        price = float(candles.open[row]) if at_open else barrier
    else:
        reason, row = (TIME_OUT, end) if end < len(candles) else (FORCE_EXIT, len(candles) - 1)
        price = float(candles.open[row])
    back = 1.0 + terms.slippage if is_short else 1.0 - terms.slippage
    return Position(entry_row, row, entry, nearest_tick(price, tick) * back, reason)


def _fills_at_open(
    candles: TradeCandles, row: int, barrier: float, *, is_short: bool, is_loss: bool
) -> bool:
    """Whether an exit fills at its candle's open, which lies beyond the barrier."""
    if is_loss:
        # A candle that opens beyond the stop loss and comes back to it fills at the stop loss.
        return bool(barrier < candles.low[row] if is_short else barrier > candles.high[row])
    return bool(candles.open[row] < barrier if is_short else candles.open[row] > barrier)


def roi_price(entry: float, *, is_short: bool, config: TrainingConfig, terms: TradeTerms) -> float:
    """The take profit after freqtrade has turned it into a ratio and back.

    The ratio is rounded to 1e-8; freqtrade exits where a price's rounded ratio exceeds half a step
    less, and at the price of that ratio.
    """
    side = -1.0 if is_short else 1.0
    target = take_profit_price(entry, is_short=is_short, config=config)
    opened, left = entry * (1.0 + side * terms.fee), 1.0 - side * terms.fee
    ratio = side * (target * left / opened - 1.0) * terms.leverage
    wanted = round(ratio, 8) - HALF_A_STEP
    return (1.0 + side * wanted / terms.leverage) * opened / left


def stop_price(entry: float, tick: float, *, is_short: bool, config: TrainingConfig) -> float:
    """The stop loss, on the price step (0 for none) at it or nearer to the entry."""
    stop = stop_loss_price(entry, is_short=is_short, config=config)
    return tick_at_or_below(stop, tick) if is_short else tick_at_or_above(stop, tick)


def take_profit_price(fill: float, *, is_short: bool, config: TrainingConfig) -> float:
    """Price at which the take profit of a position filled at `fill` lies."""
    return fill * (1.0 - config.short_tp_pct if is_short else 1.0 + config.long_tp_pct)


def stop_loss_price(fill: float, *, is_short: bool, config: TrainingConfig) -> float:
    """Price at which the stop loss of a position filled at `fill` lies."""
    return fill * (1.0 + config.short_sl_pct if is_short else 1.0 - config.long_sl_pct)


def time_out_at(filled: datetime, config: TrainingConfig, candle_seconds: int) -> datetime:
    """When a position times out: the open of the candle after its future window.

    The window's first candle is the one in which the position was filled, at whatever second.
    """
    since = filled.timestamp() % candle_seconds
    candle_open = filled - timedelta(seconds=since)
    return candle_open + timedelta(seconds=candle_seconds * config.future_window)
