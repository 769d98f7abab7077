"""What the adapter does in a running bot, asked directly: which candles may be traded upon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dualwindow.models.freqai_folders import checkpoint_path
from dualwindow.models.manifest import bound_to
from tests.makers.bot import PAIR, make_bot
from tests.makers.live_bot import ROWS, Live, live, trained, trained_bot

__all__ = ["live", "trained"]


def side_said_from(live: Live, first: int) -> int:
    """Number of the first candle from `first` on at which the bot takes a side."""
    for number in range(first, first + 200):
        if live.decision(number)["decision"] != 0:
            return number
    raise AssertionError("the model never takes a side")


def test_the_first_candle_after_a_start_is_not_traded_and_the_next_are(live: Live) -> None:
    first = live.candle(0)
    assert (first["do_predict"] == 0).all()
    assert live.decision(1)["do_predict"] == 1
    assert side_said_from(live, 2)


def test_a_restart_within_a_candle_does_not_trade_it_again(live: Live) -> None:
    live.candle(0)
    number = side_said_from(live, 1)
    again = Live(live.bot, live.candles)  # its predictions are there, as from the saved file
    row = again.decision(number)
    assert (row["do_predict"], row["decision"]) == (0, 0)


@pytest.mark.parametrize("from_start", [True, False])
def test_an_expired_model_is_never_traded_upon(from_start: bool, live: Live) -> None:
    if not from_start:
        live.candle(0)
        side_said_from(live, 1)
    live.bot.config["freqai"]["expiration_hours"] = 24
    for number in range(300, 303):
        row = live.decision(number)
        assert row["decision"] == 0
        assert row["do_predict"] in (0, 2)
    assert row["do_predict"] == 2


def test_the_age_that_counts_is_the_models_not_freqais_note_of_it(live: Live) -> None:
    """FreqAI notes that a training ended before the new model can be predicted with."""
    live.candle(0)
    live.bot.config["freqai"]["expiration_hours"] = 24
    entry = live.bot.model.dd.pair_dict[PAIR]
    before = entry["trained_timestamp"]
    entry["trained_timestamp"] = int(pd.Timestamp.now("UTC").timestamp())
    try:
        row = live.decision(1)
    finally:
        entry["trained_timestamp"] = before
    assert (row["do_predict"], row["decision"]) == (2, 0)


def fill(frame: pd.DataFrame, row: int) -> None:
    """Put in what freqtrade puts in for a minute that it was not given."""
    frame.loc[row, ["open", "high", "low", "close"]] = frame.loc[row - 1, "close"]
    frame.loc[row, "volume"] = 0.0


def test_nothing_is_traded_while_a_candle_is_missing(live: Live) -> None:
    live.candle(0)
    number = side_said_from(live, 1)
    dates = live.candles["date"].iloc[number : number + ROWS].reset_index(drop=True)
    live.exchange.missing = [dates.iloc[ROWS - 2]]
    row = live.decision(number, change=lambda frame: fill(frame, ROWS - 2))
    assert (row["do_predict"], row["decision"]) == (0, 0)
    live.exchange.missing, live.exchange.fails = [], True
    row = live.decision(number, change=lambda frame: fill(frame, ROWS - 3))
    assert row["do_predict"] == 0


def test_a_minute_without_a_trade_changes_nothing(live: Live) -> None:
    live.candle(0)
    # The exchange has delivered it so.
    live.exchange.candles = live.candles.copy()
    fill(live.exchange.candles, 1 + ROWS - 2)
    row = live.decision(1, change=lambda frame: fill(frame, ROWS - 2))
    assert row["do_predict"] == 1


def test_a_late_candle_makes_freqtrade_load_the_candles_anew(live: Live) -> None:
    live.candle(0)
    key = (PAIR, "1m", live.bot.model._newest._candle_type)
    live.exchange._klines = {key: "kept"}
    live.exchange.missing = [live.candles["date"].iloc[1 + ROWS - 2]]
    live.decision(1, change=lambda frame: fill(frame, ROWS - 2))
    assert key in live.exchange._klines
    row = live.decision(2)
    assert row["do_predict"] == 0
    assert key not in live.exchange._klines
    assert live.decision(3)["do_predict"] == 1


def test_an_outage_in_the_window_is_not_traded(live: Live) -> None:
    live.candle(0)

    def outage(frame: pd.DataFrame) -> None:
        for row in range(ROWS - 50, ROWS - 10):
            fill(frame, row)

    row = live.decision(1, change=outage)
    assert (row["do_predict"], row["decision"]) == (0, 0)


def test_without_a_model_nothing_is_traded(tmp_path: Path, btc_futures: pd.DataFrame) -> None:
    live = Live(make_bot(tmp_path), btc_futures.iloc[:1000].reset_index(drop=True))
    for number in range(3):
        assert live.decision(number)["decision"] == 0


def test_a_pair_that_has_left_the_whitelist_is_not_traded_and_not_fatal(live: Live) -> None:
    live.candle(0)
    frame = live.candles.iloc[:ROWS].reset_index(drop=True)
    other = "XRP/USDT:USDT"
    result = live.bot.model.start(frame, {"pair": other}, live.bot.strategy)
    assert (live.bot.strategy._decisions(result) == 1).all()


def test_predictions_of_a_running_bot_equal_the_backtests(live: Live) -> None:
    """Frames of 499 candles against the whole, candle by candle."""
    whole = live.bot.features(live.candles)
    live.bot.model._live = False
    live.bot.model.model = live.bot.model.dd.model_dictionary[PAIR]
    expected, _, do_predict = live.bot.predict(whole)
    live.bot.model._live = True
    live.candle(0)
    for number in range(1, 40):
        row = live.candle(number).iloc[-1]
        probabilities = row[["SHORT", "HOLD", "LONG"]].to_numpy(np.float64)
        at = number + ROWS - 1
        assert row["do_predict"] == do_predict[at] == 1
        np.testing.assert_allclose(probabilities, expected[at], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("feature_set", "first"), [("extended", 3000), ("summary", 22_000)])
def test_a_running_bots_features_take_what_they_look_at_from_freqais_history(
    feature_set: str, first: int, tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    bot = trained_bot(tmp_path, btc_futures, feature_set=feature_set)
    # FreqAI keeps as much history as it trains on, reckoned from today.
    bot.config["freqai"]["train_period_days"] = 10_000
    before, candles = (
        part.reset_index(drop=True)
        for part in (btc_futures.iloc[1000:first], btc_futures.iloc[first : first + 1000])
    )
    live = Live(bot, candles, before)
    bot.model._live, bot.model.model = False, bot.model.dd.model_dictionary[PAIR]
    whole = bot.features(pd.concat([before, candles], ignore_index=True))
    expected, _, do_predict = (each[len(before) :] for each in bot.predict(whole))
    bot.model._live = True
    live.candle(0)
    for number in range(1, 6):
        row = live.candle(number).iloc[-1]
        at = number + ROWS - 1
        assert row["do_predict"] == do_predict[at] == 1
        found = row[["SHORT", "HOLD", "LONG"]].to_numpy(np.float64)
        np.testing.assert_allclose(found, expected[at], rtol=0, atol=1e-5)


def test_a_saved_model_says_what_it_was_made_with(live: Live) -> None:
    live.candle(0)  # the first candle binds the folder to the strategy's code
    drawer, kitchen = live.bot.model.dd, live.bot.kitchen()
    kitchen.set_new_model_names(PAIR, 1_700_000_600)
    kitchen.training_features_list, kitchen.label_list = [], []
    kitchen.data_dictionary = {"train_features": pd.DataFrame(), "train_dates": pd.DataFrame()}
    before = dict(drawer.pair_dict[PAIR])
    leftover = checkpoint_path(kitchen.data_path, 1_700_000_000)
    kitchen.data_path.mkdir()
    leftover.touch()
    drawer.save_data(drawer.model_dictionary[PAIR], PAIR, kitchen)
    drawer.pair_dict[PAIR] |= before
    binding = bound_to(kitchen.data_path)
    assert binding == {**drawer.binding, "pair": PAIR}
    assert set(binding) == {"settings", "features", "pair"}
    # It is saved, so nobody goes on with its training.
    assert not leftover.exists()
