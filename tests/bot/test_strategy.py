"""Whom the strategy lets enter, and what else freqtrade asks of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.resolvers import StrategyResolver

from tests.makers.bot import Bot, freqtrade_config, make_bot

OPENED = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("strategy"))


@pytest.fixture(scope="module")
def spot_bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("spot"), spot=True)


# --- entries --------------------------------------------------------------------------------------


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


def test_an_entry_says_what_it_rests_on(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame(
        {"date": [OPENED], "SHORT": [0.11], "HOLD": [0.27], "LONG": [0.62], "do_predict": [1]}
    )
    frame["calibration_sharpness"] = 0.5

    def enter() -> bool:
        return bool(
            bot.strategy.confirm_trade_entry(
                "BTC/USDT:USDT", "limit", 1.0, 50_000.0, "GTC", OPENED, "long_0.60", "long"
            )
        )

    monkeypatch.setattr(bot.strategy, "populate_indicators", lambda frame, _: frame)
    shown = bot.strategy.analyze_ticker(frame, {"pair": "BTC/USDT:USDT"})
    assert "calibration_sharpness" not in shown
    caplog.set_level("INFO")
    assert enter()
    assert "entering" not in caplog.text
    monkeypatch.setitem(bot.strategy.config, "runmode", RunMode.DRY_RUN)
    assert enter()
    (line,) = [each for each in caplog.messages if "entering" in each]
    for part in ("BTC/USDT:USDT", "long", "0.110", "0.270", "0.620", "0.45 none 0.45"):
        assert part in line


# --- start, leverage, plot, protections -----------------------------------------------------------


@pytest.mark.parametrize(("most", "expected"), [(125.0, 1.0), (0.5, 0.5)])
def test_leverage_is_the_settings_but_at_most_the_exchanges(
    most: float, expected: float, bot: Bot
) -> None:
    got = bot.strategy.leverage("BTC/USDT:USDT", OPENED, 1.0, 1.0, most, None, "long")
    assert got == expected


def test_a_wrong_leverage_is_refused_at_the_start(tmp_path: Path) -> None:
    config = freqtrade_config(tmp_path)
    config["dualwindow"] = {"leverage": 0.5, "margin": 2}
    with pytest.raises(OperationalException) as refusal:
        StrategyResolver.load_strategy(config)
    assert "leverage 0.5" in str(refusal.value)
    assert "'margin' is not a setting" in str(refusal.value)


def test_an_entry_of_a_pair_that_was_not_analysed_is_confirmed(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As freqtrade's force_entry asks for it."""
    monkeypatch.setitem(bot.strategy.config, "runmode", RunMode.DRY_RUN)
    assert bot.strategy.confirm_trade_entry(
        "ETH/USDT:USDT", "limit", 1.0, 3_000.0, "GTC", OPENED, None, "long"
    )


def test_the_plot_shows_probabilities_thresholds_and_decision(bot: Bot) -> None:
    subplots = bot.strategy.plot_config["subplots"]
    sides = {"SHORT", "HOLD", "LONG"}
    assert set(subplots["probability"]) == sides | {"SHORT_threshold", "LONG_threshold"}
    assert set(subplots["decision"]) == {"decision"}


def test_protections_are_there_and_off(bot: Bot) -> None:
    strategy = bot.strategy
    assert strategy.protections == []
    switched_on = type("WithProtections", (type(strategy),), {"use_protections": True})
    assert switched_on(bot.config).protections[0]["method"] == "StoplossGuard"
