"""Labels with rounded stop losses end where freqtrade's trades end, whatever the price step."""

from __future__ import annotations

import re
import warnings
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dualwindow.backtest.exits import TAKE_PROFIT, hold_position, stop_price
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.columns import LONG, SHORT
from dualwindow.data.features.windows import label_frame
from dualwindow.labels import decimal_places, label_candles_counted
from dualwindow.settings import TrainingConfig
from tests.makers.markets import random_candles, stepped

#: Price and step; a step is from a fiftieth to nine tenths of the stop loss of a half percent.
STEPS = [(1.8e-06, 1e-08), (0.00231, 1e-05), (0.5012, 1e-04), (8.1, 0.01), (61_000.0, 10.0)]
CONFIG = TrainingConfig(
    future_window=40,
    label_rule="first_touch",
    label_price_step="candles",
    long_tp_pct=0.013,
    long_sl_pct=0.006,
    short_tp_pct=0.013,
    short_sl_pct=0.006,
)


@pytest.mark.parametrize(("price", "step"), STEPS)
def test_a_label_is_the_side_whose_trade_takes_its_profit(price: float, step: float) -> None:
    frame = stepped(random_candles(1500, seed=3, volatility=0.002, price=price), step)
    frame["open"] = frame["close"].shift(fill_value=frame["open"].iloc[0])
    candles = TradeCandles.from_frame(frame)
    terms = TradeTerms(fee=0.0)
    rows = range(len(frame) - CONFIG.future_window - 1)

    def won(row: int, *, is_short: bool) -> bool:
        position = hold_position(candles, row + 1, is_short=is_short, config=CONFIG, terms=terms)
        return position.reason == TAKE_PROFIT

    longs = np.array([won(row, is_short=False) for row in rows])
    shorts = np.array([won(row, is_short=True) for row in rows])
    rounded, _ = label_frame(frame, CONFIG)
    exact, _ = label_frame(frame, CONFIG.replace(label_price_step="none"))
    assert longs.any()
    assert shorts.any()
    np.testing.assert_array_equal(rounded[rows] == LONG, longs)
    np.testing.assert_array_equal(rounded[rows] == SHORT, shorts & ~longs)
    if step / price > 0.001:
        assert np.count_nonzero(exact[rows] != rounded[rows]) > 10


@given(
    entry=st.integers(1, 10**7),
    places=st.integers(0, 12),
    fraction=st.floats(1e-4, 0.4),
    is_short=st.booleans(),
)
def test_a_rounded_stop_loss_is_that_of_the_backtest_to_the_last_bit(
    entry: int, places: int, fraction: float, is_short: bool
) -> None:
    # Its last decimal is not 0, so that one price shows the step.
    price, step = Decimal(10 * entry + 1).scaleb(-places), Decimal(1).scaleb(-places)
    config = TrainingConfig(long_sl_pct=fraction, short_sl_pct=fraction)
    stop = stop_price(float(price), float(step), is_short=is_short, config=config)
    toward = -step if is_short else step

    def is_stopped(touched: Decimal) -> bool:
        low, high = sorted([touched, price + toward])
        labels, _ = label_candles_counted(
            [float(price), float(high)],
            [float(price), float(low)],
            [float(price)] * 2,
            future_window=1,
            long_tp_pct=0.99 if is_short else 1e-10,
            short_tp_pct=1e-10 if is_short else 0.99,
            long_sl_pct=fraction,
            short_sl_pct=fraction,
            price_step="candles",
        )
        return int(labels[0]) != (SHORT if is_short else LONG)

    assert is_stopped(Decimal(repr(stop)))
    if stop != float(price):
        assert not is_stopped(Decimal(repr(stop)) + toward)


def test_a_price_has_as_many_decimals_as_freqtrade_counts() -> None:
    prices = [1.8e-06, 0.1 + 0.2, 100.0, 61_000.5, 1e300, 5e-324, np.inf, np.nan, 0.0, -1.5]
    counted = decimal_places(np.array(prices))
    assert counted[:5].tolist() == [7, 1, 0, 1, 0]
    assert counted[6:].tolist() == [0, 0, 0, 0]


def counted_by_freqtrade(price: float) -> int:
    """As `get_tick_size_over_time` counts them."""
    text = np.format_float_positional(price, 14, unique=False, fractional=False, trim="-")
    found = re.search(r"\.(\d*[1-9])", text)
    return len(found[1]) if found else 0


@given(
    first=st.integers(1, 9),
    digits=st.lists(st.integers(0, 9), min_size=11, max_size=15),
    exponent=st.integers(-10, 6),
)
@settings(max_examples=300)
def test_decimals_end_at_freqtrades_last_digit(
    first: int, digits: list[int], exponent: int
) -> None:
    # The last digits lie on both sides of the fourteenth, behind which freqtrade does not look. A
    # float does not tell on which side of half a unit of it a price lies.
    assume(digits[13:14] not in ([4], [5]))
    price = float(f"{first}.{''.join(map(str, digits))}e{exponent}")
    assert decimal_places(np.array([price])).tolist() == [counted_by_freqtrade(price)]


@pytest.mark.parametrize("digit", [4, 6])
@pytest.mark.parametrize("price", [1.0, 3.0, 9.0])
def test_half_a_unit_of_the_last_digit_decides(price: float, digit: int) -> None:
    # Digits 14 and 15 behind the first one: 4 is rounded away, 6 is rounded up.
    price += digit * 1e-14
    assert decimal_places(np.array([price])).tolist() == [counted_by_freqtrade(price)]


def test_prices_that_are_none_are_counted_without_a_warning() -> None:
    odd = np.array([0.0, -1.5, np.nan, np.inf, -np.inf, 5e-324, 1e-310, 1.8e-06])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decimal_places(odd)[-1] == 7


@pytest.mark.parametrize("places", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("is_short", [False, True])
def test_a_stop_loss_on_a_step_or_a_float_beside_it_lies_on_the_nearest_step_toward_the_entry(
    is_short: bool, places: int
) -> None:
    # Around half and one and a half of an entry of 1 every float is a stop loss that can be asked
    # for. Its product with the steps is rounded across a step for some of them.
    steps = 10**places
    for number in range(steps // 2 + 1, min(steps, steps // 2 + 60)):
        on_step = (number + steps if is_short else number) / steps
        for loss in (on_step, np.nextafter(on_step, 0.0), np.nextafter(on_step, 3.0)):
            fraction = abs(loss - 1.0)
            at = round(loss * steps)
            if is_short:
                at = max(each for each in (at - 1, at, at + 1) if each / steps <= loss)
            else:
                at = min(each for each in (at - 1, at, at + 1) if each / steps >= loss)
            toward = -1 if is_short else 1
            reached = [
                stopped_at((at + by) / steps, fraction, steps, is_short) for by in (0, toward)
            ]
            assert reached == [True, False], (loss, at)


def stopped_at(touched: float, fraction: float, steps: int, is_short: bool) -> bool:
    """Whether a trade from 1 is stopped in a candle that reaches a price and its take profit."""
    profit = 1.0 - 1.0 / steps if is_short else 1.0 + 1.0 / steps
    low, high = sorted([touched, profit])
    labels, _ = label_candles_counted(
        [1.0, high],
        [1.0, low],
        [1.0, 1.0],
        future_window=1,
        long_tp_pct=0.99 if is_short else 1e-10,
        short_tp_pct=1e-10 if is_short else 0.99,
        long_sl_pct=fraction,
        short_sl_pct=fraction,
        price_step="candles",
    )
    return int(labels[0]) != (SHORT if is_short else LONG)
