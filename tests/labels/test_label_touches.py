"""What counts as a touch, to the last bit, and which of two touches decides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.labels import BothTouched, label_candles, label_candles_counted
from tests.makers.labelled import barriers, label

# --- exactness ------------------------------------------------------------------------------------

prices = st.floats(1e-7, 1e6)
fractions = st.sampled_from([0.01, 0.005, 0.0075, 0.003, 0.02]) | st.floats(0.001, 0.2)


def one_candle(close: float, high: float, low: float, **pct: float) -> int:
    found = label_candles(
        [close, high],
        [close, low],
        [close, close],
        future_window=1,
        rule="hybrid",
        **pct,  # type: ignore[arg-type]
    )
    return int(found[0])


@given(close=prices, profit=fractions)
@example(close=100.0, profit=0.01)
@settings(max_examples=200)
def test_a_price_on_the_take_profit_counts_and_the_next_float_before_it_does_not(
    close: float, profit: float
) -> None:
    up, down = close * (1 + profit), close * (1 - profit)
    # The stops are out of the way of a price that stays at the entry.
    pct = barriers(profit, 0.5, profit, 0.5)
    assert one_candle(close, up, close, **pct) == LONG
    assert one_candle(close, np.nextafter(up, 0), close, **pct) == HOLD
    assert one_candle(close, close, down, **pct) == SHORT
    assert one_candle(close, close, np.nextafter(down, np.inf), **pct) == HOLD


@given(close=prices, loss=fractions)
@settings(max_examples=200)
def test_a_price_on_the_stop_loss_counts_and_the_next_float_before_it_does_not(
    close: float, loss: float
) -> None:
    up, down = close * (1 + loss), close * (1 - loss)
    far_up, far_down = close * 1.5, close * 0.5
    long_only = barriers(0.3, loss, 0.9, 0.9)
    assert one_candle(close, far_up, down, **long_only) == HOLD
    assert one_candle(close, far_up, np.nextafter(down, np.inf), **long_only) == LONG
    short_only = barriers(0.9, 0.9, 0.3, loss)
    assert one_candle(close, up, far_down, **short_only) == HOLD
    assert one_candle(close, np.nextafter(up, 0), far_down, **short_only) == SHORT


def test_prices_of_single_precision_are_compared_in_double() -> None:
    close = np.float32(30_000.1)
    barrier = float(close) * 1.01
    below = np.nextafter(np.float32(barrier), np.float32(0))
    assert float(below) < barrier
    found = label_candles(
        np.array([close, below]),
        np.array([close, close]),
        np.array([close, close]),
        future_window=1,
        **barriers(),  # type: ignore[arg-type]
    )
    assert found[0] == HOLD


# --- the rules apart ------------------------------------------------------------------------------


def after(*candles: tuple[float, float]) -> pd.DataFrame:
    """An entry at 100 and the (high, low) of the candles that follow."""
    highs, lows = zip(*candles, strict=True)
    return pd.DataFrame({"high": [100.0, *highs], "low": [100.0, *lows], "close": 100.0})


UP, DOWN, CALM, BOTH = (101.0, 100.0), (100.0, 99.0), (100.0, 100.0), (101.0, 99.0)


@pytest.mark.parametrize(
    ("candles", "hybrid", "first_touch"),
    [
        ([CALM, UP], LONG, LONG),
        ([CALM, DOWN], SHORT, SHORT),
        ([UP, DOWN], HOLD, LONG),
        ([DOWN, UP], HOLD, SHORT),
        ([BOTH, CALM], HOLD, HOLD),
        ([UP, BOTH], HOLD, LONG),
        ([BOTH, UP], HOLD, HOLD),
        ([CALM, CALM], HOLD, HOLD),
    ],
)
def test_the_rules_differ_only_in_what_came_first(
    candles: list[tuple[float, float]], hybrid: int, first_touch: int
) -> None:
    frame = after(*candles)
    assert label(frame, 2, "hybrid")[0] == hybrid
    assert label(frame, 2, "first_touch")[0] == first_touch


def test_long_wins_when_both_sides_do() -> None:
    # Stops so wide that neither is hit: both sides reach their profit.
    found = label(after(UP, DOWN), 2, "hybrid", **barriers(0.01, 0.02, 0.01, 0.02))
    assert found[0] == LONG


@pytest.mark.parametrize(
    ("candles", "pct", "counts"),
    [
        ([BOTH, CALM], barriers(), BothTouched(1, 1)),
        ([CALM, BOTH], barriers(), BothTouched(1, 1)),
        ([UP, BOTH], barriers(), BothTouched(0, 0)),
        ([BOTH, CALM], barriers(long_tp=0.02), BothTouched(0, 1)),
        ([BOTH, CALM], barriers(short_sl=0.02), BothTouched(1, 0)),
        ([BOTH, (math.nan, 100.0)], barriers(), BothTouched(0, 0)),
    ],
)
def test_a_first_touch_of_both_in_one_candle_is_counted_by_side(
    candles: list[tuple[float, float]], pct: dict[str, float], counts: BothTouched
) -> None:
    frame = after(*candles)
    arguments: dict[str, Any] = {"future_window": 2, **pct}
    columns = [frame["high"], frame["low"], frame["close"]]
    assert label_candles_counted(*columns, rule="first_touch", **arguments)[1] == counts
    assert label_candles_counted(*columns, rule="hybrid", **arguments)[1] == BothTouched(0, 0)


def test_hybrid_is_the_rule_unless_another_is_asked_for() -> None:
    frame = after(UP, DOWN)
    columns = [frame["high"], frame["low"], frame["close"]]
    found = label_candles(*columns, future_window=2, **barriers())  # type: ignore[arg-type]
    assert found[0] == HOLD


def test_counts_of_two_stretches_add_up_by_side() -> None:
    assert BothTouched(long=5, short=2) + BothTouched(long=1, short=7) == BothTouched(6, 9)
