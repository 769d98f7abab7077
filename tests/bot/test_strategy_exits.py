"""Exits lie at the barriers of the label; asked directly, as freqtrade swallows what they raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from freqtrade.enums import ExitType
from freqtrade.exceptions import OperationalException
from freqtrade.persistence import Order, Trade
from freqtrade.resolvers import StrategyResolver
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.makers.bot import Bot, freqtrade_config, make_bot

OPENED = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
BARRIERS = {
    "long_tp_pct": 0.012,
    "long_sl_pct": 0.004,
    "short_tp_pct": 0.009,
    "short_sl_pct": 0.006,
}

#: Both are market orders.
STOPS = (ExitType.STOP_LOSS, ExitType.TRAILING_STOP_LOSS)


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("strategy"), BARRIERS)


def trade_of(is_short: bool, leverage: float, price: float, filled: datetime = OPENED) -> Trade:
    trade = Trade(
        pair="BTC/USDT:USDT",
        open_rate=price,
        open_date=filled.replace(tzinfo=None),
        stake_amount=1000.0,
        amount=1000.0 * leverage / price,
        fee_open=0.0005,
        fee_close=0.0005,
        leverage=leverage,
        is_short=is_short,
        exchange="binance",
        trading_mode="futures",
        price_precision=0.1,
        precision_mode_price=4,
        is_open=True,
    )
    trade.recalc_open_trade_value()
    trade.adjust_stop_loss(price, -0.99, initial=True)
    return trade


def arguments(trade: Trade, rate: float, now: datetime = OPENED) -> dict[str, Any]:
    return {
        "pair": trade.pair,
        "trade": trade,
        "current_time": now,
        "current_rate": rate,
        "current_profit": trade.calc_profit_ratio(rate),
    }


def target_of(is_short: bool) -> float:
    return 1 - BARRIERS["short_tp_pct"] if is_short else 1 + BARRIERS["long_tp_pct"]


def stop_of(is_short: bool) -> float:
    return 1 + BARRIERS["short_sl_pct"] if is_short else 1 - BARRIERS["long_sl_pct"]


# --- prices and times -----------------------------------------------------------------------------


@given(
    is_short=st.booleans(),
    leverage=st.sampled_from([1.0, 2.0, 3.0, 10.0]),
    price=st.floats(10.0, 200_000.0),
)
@settings(max_examples=60)
def test_the_take_profit_is_reached_at_its_price_and_not_before(
    is_short: bool, leverage: float, price: float, bot: Bot
) -> None:
    trade = trade_of(is_short, leverage, price)
    roi = bot.strategy.custom_roi(
        pair=trade.pair,
        trade=trade,
        current_time=OPENED,
        trade_duration=5,
        entry_tag=None,
        side=trade.trade_direction,
    )
    target = price * target_of(is_short)
    assert trade.calc_profit_ratio(target) > roi
    almost = target * (1 + (1e-6 if is_short else -1e-6))
    assert trade.calc_profit_ratio(almost) < roi
    assert trade.calc_close_rate_for_roi(roi) == pytest.approx(target, rel=1e-7)


@given(
    is_short=st.booleans(),
    leverage=st.sampled_from([1.0, 2.0, 3.0, 10.0]),
    price=st.floats(10.0, 200_000.0),
    seen=st.floats(0.997, 1.003),
)
@settings(max_examples=60)
def test_the_stop_lies_at_its_price_after_the_fill_and_stays(
    is_short: bool, leverage: float, price: float, seen: float, bot: Bot
) -> None:
    trade = trade_of(is_short, leverage, price)
    strategy = bot.strategy

    def adjust(rate: float, after_fill: bool) -> None:
        strategy.ft_stoploss_adjust(
            rate, trade, OPENED, trade.calc_profit_ratio(rate), 0, after_fill=after_fill
        )

    adjust(price * seen, True)
    stop = trade.stop_loss
    assert stop == pytest.approx(price * stop_of(is_short), abs=0.1000001)
    assert not trade.is_stop_loss_trailing
    for later in (price * seen, price * target_of(is_short), price):
        adjust(later, False)
        assert trade.stop_loss == stop


@pytest.mark.parametrize("is_short", [False, True])
def test_a_stop_on_the_tick_never_creeps_and_never_counts_as_trailing(
    is_short: bool, bot: Bot
) -> None:
    # Reckoned anew from another rate, a price that lies on a tick often rounds to the next one,
    # and freqtrade then lets the take profit win where a candle touches both.
    price = 50_000.0
    trade = trade_of(is_short, 3.0, price)
    bot.strategy.ft_stoploss_adjust(price, trade, OPENED, 0.0, 0, after_fill=True)
    for rate in price * np.linspace(0.998, 1.002, 401):
        bot.strategy.ft_stoploss_adjust(
            rate, trade, OPENED, trade.calc_profit_ratio(rate), 0, low=rate, high=rate
        )
    assert trade.stop_loss == pytest.approx(price * stop_of(is_short), abs=0.1000001)
    assert not trade.is_stop_loss_trailing


@pytest.mark.parametrize("is_short", [False, True])
def test_a_stop_of_settings_before_stays_where_it_is(is_short: bool, bot: Bot) -> None:
    # A restart with nearer stops must neither move nor end the trades that are open.
    price = 50_000.0
    trade = trade_of(is_short, 1.0, price)
    trade.adjust_stop_loss(price, 0.02)
    trade.is_stop_loss_trailing = False
    stop = trade.stop_loss
    assert bot.strategy.should_exit(trade, price, OPENED, enter=False, exit_=False) == []
    assert trade.stop_loss == stop


def test_a_stop_that_was_never_set_is_set_late(bot: Bot) -> None:
    trade = trade_of(False, 1.0, 50_000.0)
    bot.strategy.ft_stoploss_adjust(50_010.0, trade, OPENED, 0.0002, 0)
    assert trade.stop_loss == pytest.approx(50_000.0 * stop_of(False), abs=0.1000001)


@given(
    is_short=st.booleans(),
    leverage=st.sampled_from([1.0, 3.0, 10.0]),
    price=st.floats(1_000.0, 200_000.0),
    passed=st.floats(0.0005, 0.05),
    next_seen=st.floats(-0.05, 0.005),
    learned_at_fill=st.booleans(),
)
@settings(max_examples=100)
def test_a_stop_that_the_price_has_passed_before_it_was_set_ends_the_trade_at_once(
    is_short: bool,
    leverage: float,
    price: float,
    passed: float,
    next_seen: float,
    learned_at_fill: bool,
    bot: Bot,
) -> None:
    # A stop beyond the price is one that freqtrade does not take, and without one the trade would
    # be left open while the price runs away, until it came back by itself.
    trade = trade_of(is_short, leverage, price)
    sign = -1 if is_short else 1

    def on_tick(rate: float) -> float:
        return round(rate, 1)

    at_fill = on_tick(price * (stop_of(is_short) - sign * passed))
    if learned_at_fill:
        bot.strategy.ft_stoploss_adjust(
            at_fill, trade, OPENED, trade.calc_profit_ratio(at_fill), 0, after_fill=True
        )
        assert not trade.is_stop_loss_trailing
        rate = on_tick(price * (1 + sign * next_seen))
    else:
        rate = at_fill
    exits = bot.strategy.should_exit(trade, rate, OPENED, enter=False, exit_=False)
    assert [each.exit_type in STOPS for each in exits] == [True]


@given(second=st.integers(0, 59), after=st.integers(0, 60 * 60))
def test_the_time_out_is_the_open_after_the_future_window(
    second: int, after: int, bot: Bot
) -> None:
    filled = OPENED + timedelta(seconds=second)
    trade = trade_of(False, 1.0, 100.0, filled)
    now = filled + timedelta(seconds=after)
    reason = bot.strategy.custom_exit(**arguments(trade, 100.0, now))
    over = now >= OPENED + timedelta(minutes=bot.strategy._settings.future_window)
    assert reason == ("time_out" if over else None)


def test_the_time_out_counts_from_the_fill_not_from_the_order(bot: Bot) -> None:
    trade = trade_of(False, 1.0, 100.0, OPENED)
    filled = OPENED + timedelta(minutes=7, seconds=3)
    order = Order(
        ft_order_side="buy",
        ft_pair=trade.pair,
        ft_is_open=False,
        side="buy",
        status="closed",
        filled=1.0,
        amount=1.0,
        price=100.0,
        order_filled_date=filled,
        order_date=OPENED,
    )
    trade.orders.append(order)
    window = timedelta(minutes=bot.strategy._settings.future_window)
    early = bot.strategy.custom_exit(**arguments(trade, 100.0, OPENED + window))
    late = bot.strategy.custom_exit(
        **arguments(trade, 100.0, OPENED + timedelta(minutes=7) + window)
    )
    assert (early, late) == (None, "time_out")


def test_a_stop_loss_is_never_left_behind_as_a_limit_order(bot: Bot) -> None:
    assert bot.strategy.order_types["stoploss"] == "market"


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("minimal_roi", {"0": 0.01}),
        ("stoploss", -0.02),
        ("trailing_stop", True),
        ("use_exit_signal", False),
        ("ignore_roi_if_entry_signal", True),
    ],
)
def test_a_configuration_that_replaces_the_exits_is_refused(
    key: str, value: object, tmp_path: Path
) -> None:
    config = freqtrade_config(tmp_path)
    config[key] = value
    with pytest.raises(OperationalException, match=f"{key} .*replaces the strategy's own exit"):
        StrategyResolver.load_strategy(config)


def test_a_configuration_that_says_the_same_exits_is_taken(tmp_path: Path) -> None:
    config = freqtrade_config(tmp_path)
    config |= {"minimal_roi": {"0": 100}, "stoploss": -0.99, "use_exit_signal": True}
    StrategyResolver.load_strategy(config)


def test_a_leverage_that_would_liquidate_before_the_stop_is_refused(tmp_path: Path) -> None:
    config = freqtrade_config(tmp_path)
    config["dualwindow"] = {"leverage": 100.0}
    StrategyResolver.load_strategy(config)
    config["dualwindow"] = {"leverage": 101.0}
    with pytest.raises(OperationalException, match=r"leverage 101\.0 .*use at most 100"):
        StrategyResolver.load_strategy(config)
