"""Labels: the side that reaches its take profit without its stop loss within the future window.

Entry is the close of row r; the highs and lows of rows r+1 ... r+F decide. An order that follows
the signal of row r fills at the open of row r+1, so that row counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dualwindow.columns import HOLD, UNKNOWN

LabelRule = Literal["hybrid", "first_touch"]
PriceStepRule = Literal["none", "candles"]

#: freqtrade writes a price with this many significant digits before it counts decimals.
_DIGITS: Final = 14

#: Rows labelled at a time: the pyramids of one block stay in the processor's cache.
BLOCK_ROWS: Final = 16_384


#: Running extremes: item k holds, for every row, the extreme over the 2**k values from it on.
_Pyramid = list[NDArray[np.float64]]


def _pyramid(values: NDArray[np.float64], span: int, extreme: np.ufunc) -> _Pyramid:
    levels = [values]
    while 2 ** len(levels) <= span:
        last, half = levels[-1], 2 ** (len(levels) - 1)
        levels.append(extreme(last[:-half], last[half:]))
    return levels


def _over_span(levels: _Pyramid, rows: int, span: int, extreme: np.ufunc) -> NDArray[np.float64]:
    """(rows,) extremes over the `span` values from each row on: two overlapping levels."""
    top = levels[-1]
    shift = span - 2 ** (len(levels) - 1)
    return np.asarray(extreme(top[:rows], top[shift : shift + rows]))


def _touch_offsets(
    levels: _Pyramid, starts: NDArray[np.intp], barrier: NDArray[np.float64], upward: bool
) -> NDArray[np.intp]:
    """(N,) offsets from (N,) starts to the first value that touches the (N,) barriers.

    Every barrier must be touched within the pyramid's span: the descent skips every level whose
    extreme does not touch.
    """
    position = starts.copy()
    for level, values in reversed(list(enumerate(levels))):
        inside = position < len(values)
        extreme = values[np.minimum(position, len(values) - 1)]
        touched = extreme >= barrier if upward else extreme <= barrier
        position = np.where(inside & ~touched, position + 2**level, position)
    return position - starts


def decimal_places(prices: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) decimals of prices, counted as freqtrade's backtest counts them; 0 where none is usable.

    Example:
        >>> decimal_places(np.array([100.0, 0.25, 1.8e-06])).tolist()
        [0, 2, 7]
    """
    places = np.zeros(len(prices), dtype=np.int64)
    rows = np.flatnonzero(np.isfinite(prices) & (prices > 0.0))
    left = prices[rows]
    # Half a unit of the last significant digit.
    blur = 0.5 * 10.0 ** (np.floor(np.log10(left)) - _DIGITS + 1)
    count = 0
    while len(rows):
        # A price below every step that a float can hold has no such decimals: rounding gives NaN.
        with np.errstate(over="ignore", invalid="ignore"):
            longer = np.abs(left - np.round(left, count)) > blur
        rows, left, blur = rows[longer], left[longer], blur[longer]
        count += 1
        places[rows] = count
    return places


@dataclass(frozen=True)
class BothTouched:
    """Rows, by side, whose barriers were first touched in one candle (it counts as a stop loss)."""

    long: int
    short: int

    def __add__(self, other: BothTouched) -> BothTouched:
        return BothTouched(long=self.long + other.long, short=self.short + other.short)


def label_candles(
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    *,
    future_window: int,
    long_tp_pct: float,
    long_sl_pct: float,
    short_tp_pct: float,
    short_sl_pct: float,
    rule: LabelRule = "hybrid",
) -> NDArray[np.int8]:
    """Label each row from the F candles after it.

    LONG when a long wins, else SHORT when a short wins, else HOLD. Under the rule `hybrid` a side
    wins when its take profit is touched and its stop loss is not, anywhere in the future window.
    Under `first_touch` it wins when its take profit is touched in an earlier candle than its stop
    loss, or its stop loss is not touched at all; both in one candle count as the stop loss.
    Touching is >= for highs and <= for lows.

    Args:
        high: (N,) highest prices.
        low: (N,) lowest prices.
        close: (N,) closing prices.
        future_window: candles F that decide, at least 1.
        long_tp_pct: take profit of a long (fraction of the entry).
        long_sl_pct: stop loss of a long (fraction).
        short_tp_pct: take profit of a short (fraction).
        short_sl_pct: stop loss of a short (fraction).
        rule: when a side wins.

    Returns:
        (N,) int8: 0 SHORT, 1 HOLD, 2 LONG, -1 unknown (fewer than F candles follow, or one of
        them or the entry is NaN or infinite).

    Raises:
        ValueError: when lengths differ, the window is below 1 or the rule is unknown.

    Example:
        >>> prices = [100, 100.5, 101.2], [100, 99.8, 100.4], [100, 100.4, 101]
        >>> sides = dict(long_tp_pct=0.01, long_sl_pct=0.005, short_tp_pct=0.01, short_sl_pct=0.005)
        >>> label_candles(*prices, future_window=2, **sides).tolist()
        [2, -1, -1]
    """
    labels, _ = label_candles_counted(
        high,
        low,
        close,
        future_window=future_window,
        long_tp_pct=long_tp_pct,
        long_sl_pct=long_sl_pct,
        short_tp_pct=short_tp_pct,
        short_sl_pct=short_sl_pct,
        rule=rule,
    )
    return labels


def label_candles_counted(
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    *,
    future_window: int,
    long_tp_pct: float,
    long_sl_pct: float,
    short_tp_pct: float,
    short_sl_pct: float,
    rule: LabelRule = "hybrid",
    price_step: PriceStepRule = "none",
    known: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int8], BothTouched]:
    """`label_candles`, and how often both barriers lay in one candle (`first_touch` only).

    With `price_step` "candles" stop losses lie where freqtrade puts those of trades: on the price
    step at the barrier or nearer to the entry. The step has as many decimals as the price with the
    most among the entry and the highs and lows of the future window. A row whose `known`, (N,), is
    false has an unknown future for another reason: its label is unknown and it is not counted.
    """
    # float64 throughout: barriers in float32 round to another side of a price.
    highs, lows, closes = (np.asarray(prices, dtype=np.float64) for prices in (high, low, close))
    if not len(highs) == len(lows) == len(closes):
        raise ValueError(
            f"high, low and close differ in length: {len(highs)}, {len(lows)}, {len(closes)}"
        )
    if future_window < 1:
        raise ValueError(f"future_window must be at least 1 candle, not {future_window}")
    if rule not in ("hybrid", "first_touch"):
        raise ValueError(f"rule must be 'hybrid' or 'first_touch', not {rule!r}")
    labels = np.full(len(closes), UNKNOWN, dtype=np.int8)
    long_both = short_both = 0
    for start in range(0, max(len(closes) - future_window, 0), BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, len(closes) - future_window)
        block = _FutureBlock(
            _finite_or_nan(highs[start + 1 : stop + future_window]),
            _finite_or_nan(lows[start + 1 : stop + future_window]),
            closes[start:stop],
            future_window,
            price_step,
        )
        if known is not None:
            block.known &= known[start:stop]
        is_long, both = block.wins(1.0 + long_tp_pct, 1.0 - long_sl_pct, rule)
        long_both += both
        is_short, both = block.wins(1.0 - short_tp_pct, 1.0 + short_sl_pct, rule)
        short_both += both
        # The class codes lie one apart; int8 arithmetic takes a fraction of np.where's time.
        side = labels[start:stop]
        np.add(is_long.view(np.int8), HOLD, out=side)
        side -= (is_short & ~is_long).view(np.int8)
        if not block.known.all():
            side[~block.known] = UNKNOWN
    return labels, BothTouched(long=long_both, short=short_both)


def _finite_or_nan(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace infinities by NaN: a maximum would hide a high of minus infinity."""
    finite = np.isfinite(prices)
    return prices if finite.all() else np.where(finite, prices, np.nan)


class _FutureBlock:
    """Extremes over the future windows of one block of rows.

    Args:
        high: (B + F - 1,) highs from the candle after the block's first row.
        low: the same for lows.
        entry: (B,) closes of the block's rows.
        span: F.
        price_step: whether stop losses are rounded.
    """

    def __init__(
        self,
        high: NDArray[np.float64],
        low: NDArray[np.float64],
        entry: NDArray[np.float64],
        span: int,
        price_step: PriceStepRule,
    ) -> None:
        self._entry = entry
        #: (B,) steps in one, 10 to the power of the decimals; None where stops are not rounded.
        self._steps = None if price_step == "none" else _steps_in_one(high, low, entry, span)
        self._highs = _pyramid(high, span, np.maximum)
        self._lows = _pyramid(low, span, np.minimum)
        self._highest = _over_span(self._highs, len(entry), span, np.maximum)
        self._lowest = _over_span(self._lows, len(entry), span, np.minimum)
        # maximum and minimum propagate NaN, so an extreme is finite only if its prices are.
        self.known = np.isfinite(self._highest) & np.isfinite(self._lowest) & np.isfinite(entry)

    def wins(
        self, profit_factor: float, loss_factor: float, rule: LabelRule
    ) -> tuple[NDArray[np.bool_], int]:
        """Rows whose side wins, and how many first touched both barriers in one candle."""
        profit, loss = self._entry * profit_factor, self._entry * loss_factor
        upward = profit_factor > loss_factor
        if self._steps is not None:
            loss = _toward_entry(loss, self._steps, from_below=upward)
        if upward:
            profit_touched, loss_touched = self._highest >= profit, self._lowest <= loss
        else:
            profit_touched, loss_touched = self._lowest <= profit, self._highest >= loss
        winning = profit_touched & ~loss_touched
        if rule == "hybrid":
            return winning, 0
        rows = np.flatnonzero(profit_touched & loss_touched & self.known)
        ahead, behind = (self._highs, self._lows) if upward else (self._lows, self._highs)
        profit_at = _touch_offsets(ahead, rows, profit[rows], upward)
        loss_at = _touch_offsets(behind, rows, loss[rows], not upward)
        winning[rows] = profit_at < loss_at
        return winning, int(np.count_nonzero(profit_at == loss_at))


def _steps_in_one(
    high: NDArray[np.float64], low: NDArray[np.float64], entry: NDArray[np.float64], span: int
) -> NDArray[np.float64]:
    """(B,) price steps in a price of one, from the entry and the candles of its future window."""
    places = np.maximum(decimal_places(high), decimal_places(low)).astype(np.float64)
    most = _over_span(_pyramid(places, span, np.maximum), len(entry), span, np.maximum)
    return np.asarray(10.0 ** np.maximum(most, decimal_places(entry)))


def _toward_entry(
    loss: NDArray[np.float64], steps: NDArray[np.float64], *, from_below: bool
) -> NDArray[np.float64]:
    """The step at each stop loss, or else the next one on the side of the entry.

    A step divided by its power of ten is the float that the exchange's decimal number is read as.
    """
    number = np.ceil(loss * steps) if from_below else np.floor(loss * steps)
    back = -1.0 if from_below else 1.0
    # The product may have been rounded across a step.
    nearer, farther = number - back, number + back
    misses = number / steps < loss if from_below else number / steps > loss
    reached = farther / steps >= loss if from_below else farther / steps <= loss
    return np.asarray(np.where(misses, nearer, np.where(reached, farther, number)) / steps)
