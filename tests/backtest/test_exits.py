"""A position ends where, when and at the price at which freqtrade has it end."""

from __future__ import annotations

import numpy as np
import pytest
from freqtrade.enums import TradingMode
from freqtrade.exchange.exchange_utils import TICK_SIZE
from freqtrade.persistence import LocalTrade
from freqtrade.strategy import stoploss_from_absolute
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.backtest.exits import (
    FORCE_EXIT,
    STOP_LOSS,
    TAKE_PROFIT,
    TIME_OUT,
    Position,
    first_touch,
    hold_position,
    roi_price,
    stop_loss_price,
    stop_price,
    take_profit_price,
)
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.settings import TrainingConfig

FUTURE = 3
CONFIG = TrainingConfig(future_window=FUTURE)
FREE = TradeTerms(fee=0.0)


# --- the barriers are freqtrade's ----------------------------------------------------------------


def trade_of(entry: float, tick: float, is_short: bool, terms: TradeTerms) -> LocalTrade:
    trade = LocalTrade(
        pair="BTC/USDT:USDT",
        open_rate=entry,
        amount=0.037,
        stake_amount=0.037 * entry / terms.leverage,
        fee_open=terms.fee,
        fee_close=terms.fee,
        is_short=is_short,
        leverage=terms.leverage,
        trading_mode=TradingMode.FUTURES,
        price_precision=tick,
        precision_mode_price=TICK_SIZE,
    )
    trade.recalc_open_trade_value()
    return trade


entries = st.tuples(st.integers(2_000, 2_000_000), st.sampled_from([1.0, 0.1, 0.01, 0.0001]))
pct = st.sampled_from([0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.05])
terms_of = st.builds(
    TradeTerms,
    fee=st.sampled_from([0.0, 0.0005, 0.001]),
    leverage=st.sampled_from([1.0, 2.0, 3.0, 7.5]),
)


@given(place=entries, is_short=st.booleans(), tp=pct, terms=terms_of)
def test_the_take_profit_is_freqtrades_to_less_than_a_step_of_its_ratio(
    place: tuple[int, float], is_short: bool, tp: float, terms: TradeTerms
) -> None:
    steps, tick = place
    entry = round(steps * tick, 8)
    config = TrainingConfig(long_tp_pct=tp, short_tp_pct=tp)
    trade = trade_of(entry, tick, is_short, terms)
    target = take_profit_price(entry, is_short=is_short, config=config)
    # What DualWindowStrategy.custom_roi asks for.
    roi = trade.calc_profit_ratio(target) - 5e-9
    found = roi_price(entry, is_short=is_short, config=config, terms=terms)
    assert found == pytest.approx(trade.calc_close_rate_for_roi(roi), rel=1e-12)
    beyond, short_of = found * (1 + 1e-11), found * (1 - 1e-11)
    if is_short:
        beyond, short_of = short_of, beyond
    assert trade.calc_profit_ratio(beyond) > roi
    assert not trade.calc_profit_ratio(short_of) > roi


@given(place=entries, is_short=st.booleans(), sl=pct, terms=terms_of)
def test_the_stop_loss_is_freqtrades_to_the_last_bit(
    place: tuple[int, float], is_short: bool, sl: float, terms: TradeTerms
) -> None:
    steps, tick = place
    entry = round(steps * tick, 8)
    config = TrainingConfig(long_sl_pct=sl, short_sl_pct=sl)
    trade = trade_of(entry, tick, is_short, terms)
    trade.adjust_stop_loss(entry, -0.99, initial=True)
    price = stop_loss_price(entry, is_short=is_short, config=config)
    kept = stoploss_from_absolute(price, entry, is_short=is_short, leverage=terms.leverage)
    trade.adjust_stop_loss(entry, kept, allow_refresh=True)
    found = stop_price(entry, tick, is_short=is_short, config=config)
    assert found == trade.stop_loss


# --- by hand -------------------------------------------------------------------------------------

CALM = (100.0, 100.0, 100.0)


def market(*candles: tuple[float, float, float], rows: int = 8, tick: float = 0.0) -> TradeCandles:
    """Calm candles at 100, of which (open, high, low) of the first ones are given."""
    table = np.array([*candles, *[CALM] * (rows - len(candles))])
    return TradeCandles(np.arange(rows) * 60, *table.T, tick=np.full(rows, tick))


def held(
    *candles: tuple[float, float, float],
    is_short: bool = False,
    rows: int = 8,
    tick: float = 0.0,
    terms: TradeTerms = FREE,
) -> Position:
    chart = market(*candles, rows=rows, tick=tick)
    return hold_position(chart, 0, is_short=is_short, config=CONFIG, terms=terms)


@pytest.mark.parametrize(
    ("candles", "is_short", "row", "price", "reason"),
    [
        # The candle of the entry counts, for both barriers.
        ([(100, 101, 100)], False, 0, 101.0, TAKE_PROFIT),
        ([(100, 100, 99.5)], False, 0, 99.5, STOP_LOSS),
        ([(100, 100, 99)], True, 0, 99.0, TAKE_PROFIT),
        ([(100, 100.5, 100)], True, 0, 100.5, STOP_LOSS),
        # Both in one candle: the stop loss.
        ([CALM, (100, 101, 99)], False, 1, 99.5, STOP_LOSS),
        ([CALM, (100, 101, 99)], True, 1, 100.5, STOP_LOSS),
        # A candle that opens beyond the take profit is left at its open.
        ([CALM, (101.5, 101.7, 101.2)], False, 1, 101.5, TAKE_PROFIT),
        ([CALM, (98.5, 98.8, 98.3)], True, 1, 98.5, TAKE_PROFIT),
        # One that opens beyond the stop and comes back fills at the stop,
        ([CALM, (99.0, 99.7, 98.8)], False, 1, 99.5, STOP_LOSS),
        ([CALM, (101.0, 101.2, 100.4)], True, 1, 100.5, STOP_LOSS),
        # one that does not come back at its open.
        ([CALM, (99.0, 99.2, 98.8)], False, 1, 99.0, STOP_LOSS),
        ([CALM, (101.0, 101.2, 100.8)], True, 1, 101.0, STOP_LOSS),
        # Time-out at the open after the future window, before any barrier of that candle.
        ([CALM] * 3 + [(100.2, 105, 95)], False, 3, 100.2, TIME_OUT),
        ([CALM] * 3 + [(100.2, 105, 95)], True, 3, 100.2, TIME_OUT),
    ],
)
def test_where_a_position_ends(
    candles: list[tuple[float, float, float]], is_short: bool, row: int, price: float, reason: int
) -> None:
    position = held(*candles, is_short=is_short)
    assert (position.entry_row, position.exit_row, position.reason) == (0, row, reason)
    assert position.entry == 100.0
    assert position.exit == pytest.approx(price, rel=2e-8)


@pytest.mark.parametrize(
    ("last", "price", "reason"),
    [((100.1, 100.2, 100.0), 100.1, FORCE_EXIT), ((100.1, 100.2, 99.4), 99.5, STOP_LOSS)],
)
def test_what_is_open_in_the_last_candle_ends_there(
    last: tuple[float, float, float], price: float, reason: int
) -> None:
    position = held(CALM, CALM, last, rows=3)
    assert (position.exit_row, position.reason) == (2, reason)
    assert position.exit == pytest.approx(price, rel=2e-8)


def test_a_time_out_in_the_last_candle_is_no_forced_exit() -> None:
    assert held(rows=4).reason == TIME_OUT
    assert held(rows=3).reason == FORCE_EXIT


def test_the_stop_moves_to_the_step_nearer_to_the_entry() -> None:
    # 99.5 is no step of 0.2: a long stops at 99.6 already, a short (100.5) at 100.4.
    assert held((100.0, 100.0, 99.6), tick=0.2).exit == pytest.approx(99.6)
    assert held((100.0, 100.4, 100.0), is_short=True, tick=0.2).exit == pytest.approx(100.4)


@pytest.mark.parametrize("is_short", [False, True])
def test_slippage_makes_both_fills_worse_and_moves_the_barriers_with_the_entry(
    is_short: bool,
) -> None:
    side = -1 if is_short else 1
    terms = TradeTerms(fee=0.0005, slippage=0.001)
    position = held(*[CALM] * 3, (100, 100, 100), is_short=is_short, terms=terms)
    assert position.reason == TIME_OUT
    assert position.entry == pytest.approx(100 * (1 + side * 0.001))
    assert position.exit == pytest.approx(100 * (1 - side * 0.001))
    # The stop loss lies half a percent from the worse entry.
    stop = 100 * (1 + side * 0.001) * (1 - side * 0.005)
    touching = (100.0, max(100.0, stop), min(100.0, stop))
    stopped = held(touching, is_short=is_short, terms=terms)
    assert stopped.reason == STOP_LOSS
    assert stopped.exit == pytest.approx(stop * (1 - side * 0.001))


@given(
    moves=st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), max_size=12),
    is_short=st.booleans(),
    barriers=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_the_first_touch_is_found_as_one_looks_candle_by_candle(
    moves: list[tuple[int, int]], is_short: bool, barriers: tuple[int, int]
) -> None:
    side = -1 if is_short else 1
    profit, loss = side * barriers[0], -side * barriers[1]
    expected = (len(moves), False)
    for row, (one, two) in enumerate(moves):
        high, low = max(one, two), min(one, two)
        if (high >= loss) if is_short else (low <= loss):
            expected = (row, True)
            break
        if (low <= profit) if is_short else (high >= profit):
            expected = (row, False)
            break
    table = np.array(moves, np.float64).reshape(-1, 2)
    found = first_touch(
        table.max(axis=1), table.min(axis=1), is_short=is_short, take_profit=profit, stop_loss=loss
    )
    assert found == expected


@pytest.mark.parametrize(
    "bad", [{"fee": 1.0}, {"fee": -0.1}, {"slippage": 1.0}, {"leverage": 0.5}, {"fee": np.nan}]
)
def test_terms_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    ((name, value),) = bad.items()
    with pytest.raises(ValueError, match=f"{name} must be .*{value}"):
        TradeTerms(**{"fee": 0.0, **bad})
