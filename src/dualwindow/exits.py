"""Where, why and at what price a position ends, as freqtrade's backtest has it end.

The rules are those of freqtrade 2026.9 for `DualWindowStrategy`: an entry at a candle's open, the
barriers anchored on it, in every candle the time-out before the stop loss before the take profit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualwindow.barriers import stop_loss_price, take_profit_price
from dualwindow.settings import TrainingConfig
from dualwindow.ticks import nearest_tick, tick_at_or_above, tick_at_or_below
from dualwindow.trade_candles import TradeCandles

TAKE_PROFIT: Final = 0
STOP_LOSS: Final = 1
TIME_OUT: Final = 2
FORCE_EXIT: Final = 3

#: What freqtrade calls the reasons; index = reason code.
EXIT_REASONS: Final = ("roi", "stop_loss", "time_out", "force_exit")

#: The strategy asks for this much less than the take profit's ratio, which freqtrade rounds to
#: 1e-8 and wants more than.
_HALF_A_STEP: Final = 5e-9


@dataclass(frozen=True)
class TradeTerms:
    """What a trade costs and how it may be made.

    Attributes:
        fee: fraction of the price paid at entry and again at exit.
        slippage: fraction by which every fill is worse than the price that freqtrade reckons
            with, at entry and at exit; the barriers are anchored on the worse entry.
        leverage: factor on the profit. The exits must lie before the liquidation.
        can_short: false on spot, where a SHORT is no signal.

    Raises:
        ValueError: when a fraction is not in [0, 1) or leverage is below 1.
    """

    fee: float
    slippage: float = 0.0
    leverage: float = 1.0
    can_short: bool = True

    def __post_init__(self) -> None:
        for name in ("fee", "slippage"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise ValueError(f"{name} must be a fraction from 0 to below 1, not {value}")
        if not self.leverage >= 1.0:
            raise ValueError(f"leverage must be at least 1, not {self.leverage}")


class Position(NamedTuple):
    """One position from fill to fill.

    Attributes:
        entry_row: candle at whose open it was entered.
        exit_row: candle in which it ended.
        entry: price of the entry.
        exit: price of the exit.
        reason: code, index into `EXIT_REASONS`.
    """

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
    """The first of K candles that touches a barrier, and whether that is the stop loss.

    Touching is >= for highs and <= for lows; both in one candle counts as the stop loss.

    Returns:
        Its position and true for the stop loss; K and false when none is touched.
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
    """Enter at the open of a candle and stay until an exit, at the latest the last candle.

    Args:
        candles: N candles.
        entry_row: 0 to N - 1.
        is_short: the side.
        config: barriers and future window.
        terms: fee, slippage and leverage.
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
        # A candle that opens beyond the stop loss and comes back to it is left at the stop loss.
        beyond = _whole_candle_beyond if is_loss else _opened_beyond
        at_open = beyond(candles, row, barrier, is_short)
        price = float(candles.open[row]) if at_open else barrier
    else:
        reason, row = (TIME_OUT, end) if end < len(candles) else (FORCE_EXIT, len(candles) - 1)
        price = float(candles.open[row])
    back = 1.0 + terms.slippage if is_short else 1.0 - terms.slippage
    return Position(entry_row, row, entry, nearest_tick(price, tick) * back, reason)


def _whole_candle_beyond(candles: TradeCandles, row: int, stop: float, is_short: bool) -> bool:
    return bool(stop < candles.low[row] if is_short else stop > candles.high[row])


def _opened_beyond(candles: TradeCandles, row: int, target: float, is_short: bool) -> bool:
    return bool(candles.open[row] < target if is_short else candles.open[row] > target)


def roi_price(entry: float, *, is_short: bool, config: TrainingConfig, terms: TradeTerms) -> float:
    """The take profit after freqtrade has turned it into a ratio and back.

    The ratio is rounded to 1e-8; freqtrade exits where a price's rounded ratio exceeds half a step
    less, and at the price of that ratio.

    Args:
        entry: price of the entry.
        is_short: the side.
        config: barriers.
        terms: fee and leverage.
    """
    side = -1.0 if is_short else 1.0
    target = take_profit_price(entry, is_short=is_short, config=config)
    opened, left = entry * (1.0 + side * terms.fee), 1.0 - side * terms.fee
    ratio = side * (target * left / opened - 1.0) * terms.leverage
    wanted = round(ratio, 8) - _HALF_A_STEP
    return (1.0 + side * wanted / terms.leverage) * opened / left


def stop_price(entry: float, tick: float, *, is_short: bool, config: TrainingConfig) -> float:
    """The stop loss, on the step at it or nearer to the entry.

    Args:
        entry: price of the entry.
        tick: price step, 0 for none.
        is_short: the side.
        config: barriers.
    """
    stop = stop_loss_price(entry, is_short=is_short, config=config)
    return tick_at_or_below(stop, tick) if is_short else tick_at_or_above(stop, tick)
