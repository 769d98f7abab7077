"""Price steps, found and rounded to as freqtrade's backtest does."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: freqtrade writes a price with this many significant digits before it counts decimals.
_DIGITS: Final = 14


def tick_sizes(prices: NDArray[np.float64], seconds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Price step of each candle: of the most decimals that any price of its month has.

    freqtrade reckons it so because an exchange tells only today's step. In a month of whole prices
    freqtrade asks the exchange; here the step is then 1.

    Args:
        prices: (N, K) prices of the candles (open, high, low, close), finite and above 0.
        seconds: (N,) dates of the candles in seconds since 1970.

    Returns:
        (N,) steps, 10 to the power of minus the decimals.
    """
    months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    _, month = np.unique(months, return_inverse=True)
    steps = np.empty(len(seconds))
    for index in range(month.max(initial=-1) + 1):
        rows = month == index
        # As text and back, so that a step is the number that freqtrade reads.
        steps[rows] = float(f"1e-{_decimals(prices[rows].ravel())}")
    return steps


def _decimals(prices: NDArray[np.float64]) -> int:
    """Most decimals of any price."""
    # Half a unit of the last significant digit.
    blur = 0.5 * 10.0 ** (np.floor(np.log10(prices)) - _DIGITS + 1)
    left, count = prices, 0
    while True:
        unlike = np.abs(left - np.round(left, count)) > blur
        left, blur = left[unlike], blur[unlike]
        if not len(left):
            return count
        count += 1


def nearest_tick(price: float, tick: float) -> float:
    """The step nearest to a price, the upper one from halfway on; the price itself for tick 0."""
    if not tick:
        return price
    exact, step = _exact(price), _step(tick)
    over = exact % step
    return float(exact - over + (step if over >= step / 2 else 0))


def tick_at_or_above(price: float, tick: float) -> float:
    """The lowest step that is not below a price; the price itself for tick 0."""
    if not tick:
        return price
    exact, step = _exact(price), _step(tick)
    over = exact % step
    return float(exact - over + step) if over else price


def tick_at_or_below(price: float, tick: float) -> float:
    """The highest step that is not above a price; the price itself for tick 0."""
    if not tick:
        return price
    exact = _exact(price)
    over = exact % _step(tick)
    return float(exact - over) if over else price


def _exact(price: float) -> Decimal:
    """A price as it is written; numpy writes its numbers in another way."""
    return Decimal(repr(float(price)))


@lru_cache(maxsize=64)
def _step(tick: float) -> Decimal:
    return _exact(tick)
