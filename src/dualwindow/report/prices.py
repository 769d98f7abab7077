"""Prices and trades of a backtest as the page's chart needs them."""

from __future__ import annotations

import base64
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.exits import EXIT_REASONS
from dualwindow.backtest.prices import TradeCandles
from dualwindow.columns import CLASS_NAMES
from dualwindow.model_selection.walk_forward import PairWalk
from dualwindow.report.schema import PackedPrices, TradeMark

_STEPS: Final = 2**16 - 1


def packed_prices(
    candles: TradeCandles, close: NDArray[np.float64], most: int
) -> PackedPrices | None:
    """Thin N candles at equal distances to at most `most` stretches, and pack them.

    Of every stretch the lowest low, the highest high and the last close are kept, to a 65,535th of
    the range of all prices. None for fewer than two candles.
    """
    count = len(candles)
    if count < 2:
        return None
    length = -(-count // most)
    first = np.arange(0, count, length)
    low = np.minimum.reduceat(candles.low, first)
    high = np.maximum.reduceat(candles.high, first)
    last = close[np.minimum(first + length, count) - 1]
    base = float(low.min())
    step = float(high.max() - base) / _STEPS
    packed = [
        base64.b64encode(
            np.clip(np.rint((values - base) / (step or 1.0)), 0, _STEPS).astype("<u2").tobytes()
        ).decode()
        for values in (low, high, last)
    ]
    seconds = length * int(candles.seconds[1] - candles.seconds[0])
    return PackedPrices(int(candles.seconds[0]), seconds, base, step, *packed)


def unpacked_prices(prices: PackedPrices) -> dict[str, NDArray[np.float64]]:
    """Name to the (K,) prices that were packed."""
    return {
        name: prices.base
        + prices.step * np.frombuffer(base64.b64decode(getattr(prices, name)), "<u2")
        for name in ("low", "high", "close")
    }


def trade_marks(walk: PairWalk) -> list[TradeMark]:
    """The trades of a pair in time order."""
    trades, seconds = walk.trades, walk.candles.seconds
    return [
        TradeMark(
            side=CLASS_NAMES[trades.side[number]],
            entered=int(seconds[trades.entry_row[number]]),
            entry_price=float(trades.entry_price[number]),
            left=int(seconds[trades.exit_row[number]]),
            exit_price=float(trades.exit_price[number]),
            reason=EXIT_REASONS[trades.reason[number]],
            profit_pct=100.0 * float(trades.profit[number]),
            tag=walk.compared.tags[number],
        )
        for number in range(len(trades))
    ]
