"""The strategy's callbacks, asked directly: freqtrade swallows what they raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.persistence import Order, Trade
from freqtrade.resolvers import StrategyResolver
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.errors import SettingsError
from dualwindow.fingerprint import bind_features, code_fingerprint
from tests.bot import Bot, freqtrade_config, make_bot

OPENED = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
BARRIERS = {
    "long_tp_pct": 0.012,
    "long_sl_pct": 0.004,
    "short_tp_pct": 0.009,
    "short_sl_pct": 0.006,
}


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("strategy"), BARRIERS)


@pytest.fixture(scope="module")
def spot_bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("spot"), spot=True)


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


def test_a_stop_that_was_never_set_is_set_late(bot: Bot) -> None:
    trade = trade_of(False, 1.0, 50_000.0)
    bot.strategy.ft_stoploss_adjust(50_010.0, trade, OPENED, 0.0002, 0)
    assert trade.stop_loss == pytest.approx(50_000.0 * stop_of(False), abs=0.1000001)


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


@pytest.mark.parametrize(("most", "expected"), [(125.0, 1.0), (0.5, 0.5)])
def test_leverage_is_the_settings_but_at_most_the_exchanges(
    most: float, expected: float, bot: Bot
) -> None:
    got = bot.strategy.leverage("BTC/USDT:USDT", OPENED, 1.0, 1.0, most, None, "long")
    assert got == expected


def predicted(**columns: Any) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"do_predict": np.ones(rows, dtype=int), **columns})


def entered(bot: Bot, frame: pd.DataFrame) -> pd.DataFrame:
    return bot.strategy.populate_entry_trend(frame, {"pair": "BTC/USDT:USDT"})


def test_entries_follow_the_probabilities_and_carry_side_and_bucket(bot: Bot) -> None:
    frame = entered(
        bot,
        predicted(
            SHORT=[0.78, 0.10, 0.20, 0.449], HOLD=[0.1, 0.15, 0.6, 0.2], LONG=[0.12, 0.75, 0.2, 0.3]
        ),
    )
    assert frame["enter_tag"].fillna("").tolist() == ["short_0.75", "long_0.75", "", ""]
    assert frame["enter_short"].fillna(0).tolist() == [1, 0, 0, 0]
    assert frame["enter_long"].fillna(0).tolist() == [0, 1, 0, 0]
    assert frame["decision"].tolist() == [-1, 1, 0, 0]


@pytest.mark.parametrize("do_predict", [0, 2])
def test_no_entry_without_a_current_model_or_a_valid_window(do_predict: int, bot: Bot) -> None:
    frame = predicted(SHORT=[0.9], HOLD=[0.05], LONG=[0.05])
    frame["do_predict"] = do_predict
    frame = entered(bot, frame)
    assert frame["enter_short"].fillna(0).sum() == 0


def test_null_frames_without_class_columns_enter_nothing(bot: Bot) -> None:
    # What FreqAI returns before the first model: label 0, do_predict 0, unseen classes missing.
    frame = pd.DataFrame({"&-side": [0, 0], "HOLD": [0, 0], "do_predict": [0, 0]})
    frame = entered(bot, frame)
    assert frame["enter_long"].fillna(0).sum() == 0
    assert frame["decision"].tolist() == [0, 0]


def test_thresholds_change_without_a_new_model(tmp_path: Path) -> None:
    low = make_bot(tmp_path, {"confidence_threshold_long": 0.2, "confidence_threshold_short": 0.9})
    high = make_bot(tmp_path, {"confidence_mode": "conservative"})
    columns = {"SHORT": [0.3], "HOLD": [0.3], "LONG": [0.4]}
    assert entered(low, predicted(**columns))["decision"].tolist() == [1]
    assert entered(high, predicted(**columns))["decision"].tolist() == [0]


def test_spot_never_goes_short(spot_bot: Bot) -> None:
    assert spot_bot.strategy.can_short is False
    frame = entered(spot_bot, predicted(SHORT=[0.9], HOLD=[0.05], LONG=[0.05]))
    assert "enter_short" not in frame


def test_futures_may_go_short(bot: Bot) -> None:
    assert bot.strategy.can_short is True


def test_averages_are_made_once_for_the_base_pair_and_changes_for_all(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    candles = btc_futures.iloc[:2000].reset_index(drop=True)
    hourly = (
        candles.set_index("date")
        .resample("5min")
        .agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
    )
    frames = {
        ("BTC/USDT:USDT", "5m"): hourly.reset_index(),
        ("ETH/USDT:USDT", "1m"): candles,
        ("ETH/USDT:USDT", "5m"): hourly.reset_index(),
    }
    bot = make_bot(
        tmp_path,
        features={
            "include_timeframes": ["1m", "5m"],
            "include_corr_pairlist": ["ETH/USDT:USDT"],
        },
    )

    class Provider:
        def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
            return frames[pair, timeframe].copy()

    bot.strategy.dp = Provider()
    featured = bot.features(candles)
    model = bot.train(featured.iloc[:1800])
    changes = ["high_change", "low_change", "close_change", "volume_change"]
    averages = ["price_to_ma30", "volume_to_ma30", "price_to_ma240", "volume_to_ma240"]
    origins = ["", "_5m", "_ETH/USDTUSDT_1m", "_ETH/USDTUSDT_5m"]
    expected = [name + origin for origin in origins for name in changes] + averages
    assert sorted(model.feature_names) == sorted(expected)
    # Every one of them has a mirror image, so training mirrors.
    assert model._network.mirrors
    _, _, usable = bot.predict(featured.iloc[1800:])
    assert usable.all()


def test_own_features_train_and_predict(tmp_path: Path, btc_futures: pd.DataFrame) -> None:
    candles = btc_futures.iloc[:2000].reset_index(drop=True)
    bot = make_bot(tmp_path)
    standard = bot.strategy.feature_engineering_standard

    def with_hour(frame: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any) -> pd.DataFrame:
        frame = standard(frame, metadata, **kwargs)
        frame["%-hour"] = frame["date"].dt.hour / 23
        return frame

    bot.strategy.feature_engineering_standard = with_hour
    featured = bot.features(candles)
    model = bot.train(featured.iloc[:1800])
    assert "hour" in model.feature_names
    # Nobody knows the mirror image of somebody else's feature.
    assert not model._network.mirrors
    _, _, usable = bot.predict(featured.iloc[1800:])
    assert usable.all()
    with pytest.raises(OperationalException, match="unexpected rsi"):
        bot.predict(featured.assign(**{"%-rsi": 0.5}))


def test_the_plot_shows_probabilities_and_decision(bot: Bot) -> None:
    subplots = bot.strategy.plot_config["subplots"]
    assert set(subplots["probability"]) == {"SHORT", "HOLD", "LONG"}
    assert set(subplots["decision"]) == {"decision"}


def test_protections_are_there_and_off(bot: Bot) -> None:
    strategy = bot.strategy
    assert strategy.protections == []
    switched_on = type("WithProtections", (type(strategy),), {"use_protections": True})
    assert switched_on(bot.config).protections[0]["method"] == "StoplossGuard"


def test_a_wrong_leverage_is_refused_at_the_start(tmp_path: Path) -> None:
    config = freqtrade_config(tmp_path)
    config["dualwindow"] = {"leverage": 0.5, "margin": 2}
    with pytest.raises(OperationalException) as refusal:
        StrategyResolver.load_strategy(config)
    assert "leverage 0.5" in str(refusal.value)
    assert "'margin' is not a setting" in str(refusal.value)


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


def test_changed_feature_code_is_refused_under_the_same_identifier(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    folder = tmp_path / "models" / "dualwindow"
    make_bot(tmp_path)

    def first(frame: pd.DataFrame) -> pd.DataFrame:
        return frame * 2

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame * 3

    bind_features(folder, code_fingerprint([first]))
    bind_features(folder, code_fingerprint([first]))
    make_bot(tmp_path)
    with pytest.raises(SettingsError, match="have changed since its models were made"):
        bind_features(folder, code_fingerprint([changed]))


def test_an_entry_says_what_it_rests_on(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame(
        {"date": [OPENED], "SHORT": [0.11], "HOLD": [0.27], "LONG": [0.62], "do_predict": [1]}
    )

    class Analyzed:
        def get_analyzed_dataframe(self, _pair: str, _timeframe: str) -> tuple[Any, datetime]:
            return frame, OPENED

    def enter() -> bool:
        return bool(
            bot.strategy.confirm_trade_entry(
                "BTC/USDT:USDT", "limit", 1.0, 50_000.0, "GTC", OPENED, "long_0.60", "long"
            )
        )

    monkeypatch.setattr(bot.strategy, "dp", Analyzed(), raising=False)
    caplog.set_level("INFO")
    assert enter()
    assert "entering" not in caplog.text
    monkeypatch.setitem(bot.strategy.config, "runmode", RunMode.DRY_RUN)
    assert enter()
    (line,) = [each for each in caplog.messages if "entering" in each]
    for part in ("BTC/USDT:USDT", "long", "0.110", "0.270", "0.620", "0.45", "0.40"):
        assert part in line


def test_a_stop_loss_is_never_left_behind_as_a_limit_order(bot: Bot) -> None:
    assert bot.strategy.order_types["stoploss"] == "market"
