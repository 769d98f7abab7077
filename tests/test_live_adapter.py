"""What the adapter does in a running bot, asked directly: which candles may be traded upon."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange
from freqtrade.enums import CandleType, RunMode
from freqtrade.exceptions import TemporaryError
from freqtrade.freqai.freqai_interface import IFreqaiModel

from dualwindow.bot.backtest_history import BacktestHistory
from dualwindow.errors import DataError, TrainingStoppedError
from dualwindow.manifest import bound_to
from dualwindow.model_folders import checkpoint_path
from tests.bot import PAIR, Bot, make_bot

ROWS = 499
#: The candles are from 2025, so a model of them is older than any usual limit.
NEVER_EXPIRES = 10**6


class Exchange:
    """Answers as freqtrade's exchange does; the minutes in `missing` it has never had."""

    def __init__(self, candles: pd.DataFrame) -> None:
        self.candles = candles
        self.missing: list[pd.Timestamp] = []
        self.fails = False
        self._klines: dict[Any, Any] = {}

    def get_historic_ohlcv(
        self, _pair: str, _timeframe: str, *, since_ms: int, candle_type: Any
    ) -> pd.DataFrame:
        assert candle_type == CandleType.FUTURES
        if self.fails:
            raise TemporaryError("no answer")
        since = pd.Timestamp(since_ms, unit="ms", tz="UTC")
        there = (self.candles["date"] >= since) & ~self.candles["date"].isin(self.missing)
        return self.candles[there]


class Provider:
    """freqtrade's data provider as the adapter sees it."""

    runmode = RunMode.DRY_RUN

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.frame = exchange.candles

    def get_pair_dataframe(self, _pair: str, _timeframe: str) -> pd.DataFrame:
        return self.frame

    def current_whitelist(self) -> list[str]:
        return [PAIR]


class Live:
    """A started bot that is handed one candle after another; `before` is in FreqAI's history."""

    def __init__(self, bot: Bot, candles: pd.DataFrame, before: pd.DataFrame | None = None) -> None:
        self.bot, self.candles = bot, candles
        self.exchange = Exchange(candles)
        self.provider = Provider(self.exchange)
        bot.strategy.dp = self.provider
        model = bot.model
        model._live, model._newest, model.scanning = True, None, True
        history = pd.concat([before, candles.iloc[: ROWS + 1]], ignore_index=True)
        model.dd.historic_data = {PAIR: {"1m": history}}
        model.dd.model_return_values.clear()

    def candle(self, number: int, change: Callable[[pd.DataFrame], None] | None = None) -> Any:
        """What the strategy gets back when candle `number` after the first frame has closed."""
        frame = self.candles.iloc[number : number + ROWS].reset_index(drop=True)
        if change is not None:
            change(frame)
        self.provider.frame = frame
        return self.bot.model.start(frame, {"pair": PAIR}, self.bot.strategy)

    def decision(self, number: int, **kwargs: Any) -> pd.Series:
        frame = self.candle(number, **kwargs)
        frame["decision"] = self.bot.strategy._decisions(frame) - 1
        return frame.iloc[-1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, btc_futures: pd.DataFrame) -> Bot:
    """A bot with one saved model that says a side for nearly every candle."""
    return trained_bot(tmp_path_factory.mktemp("live"), btc_futures)


def trained_bot(folder: Path, btc_futures: pd.DataFrame, **parameters: Any) -> Bot:
    bot = make_bot(folder, {"use_confidence_thresholding": False, **parameters})
    freqai = bot.config["freqai"]
    freqai |= {"expiration_hours": NEVER_EXPIRES, "live_retrain_hours": NEVER_EXPIRES}
    model = bot.train(bot.features(btc_futures.iloc[:3000].reset_index(drop=True)))
    kitchen = bot.kitchen()
    kitchen.set_new_model_names(PAIR, 1_700_000_000)
    kitchen.training_features_list = list(bot.features(btc_futures.iloc[:300]).filter(like="%-"))
    kitchen.label_list = ["&-side"]
    kitchen.data_dictionary = {"train_features": pd.DataFrame(), "train_dates": pd.DataFrame()}
    bot.model._describe_labels(kitchen)
    bot.model.dd.get_pair_dict_info(PAIR)
    bot.model.dd.pair_dict[PAIR]["trained_timestamp"] = 1_700_000_000
    bot.model.dd.save_data(model, PAIR, kitchen)
    return bot


@pytest.fixture
def live(trained: Bot, btc_futures: pd.DataFrame) -> Live:
    trained.model.dd.historic_predictions.clear()
    trained.config["freqai"]["expiration_hours"] = NEVER_EXPIRES
    return Live(trained, btc_futures.iloc[3000:4000].reset_index(drop=True))


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


class Recorder:
    """A stop event that never lets a test wait."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def pause(self) -> None:
        self.event.set()


@pytest.mark.parametrize(
    ("error", "level", "said"),
    [
        (DataError("too few candles"), "ERROR", "the training failed: too few candles"),
        (TrainingStoppedError("asked to"), "INFO", "the training was stopped before its end"),
        (OSError(28, "No space left on device"), None, None),
    ],
)
def test_a_training_that_ends_without_a_model_leaves_the_last_one_as_old_as_it_is(
    error: Exception,
    level: str | None,
    said: str | None,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = live.bot.model
    recorder = Recorder()
    entry = model.dd.pair_dict[PAIR]

    def fails(_self: Any, *_arguments: Any) -> None:
        entry["trained_timestamp"] = 1_800_000_000  # as FreqAI does before it saves
        raise error

    monkeypatch.setattr(IFreqaiModel, "extract_data_and_train_model", fails)
    monkeypatch.setattr(model, "_pause", recorder.pause)
    before = entry["trained_timestamp"]
    caplog.set_level("INFO")
    arguments = (TimeRange(), PAIR, live.bot.strategy, live.bot.kitchen(), None)
    if level is None:
        with pytest.raises(OSError, match="No space"):
            model.extract_data_and_train_model(*arguments)
    else:
        model.extract_data_and_train_model(*arguments)
        (record,) = [each for each in caplog.records if said in each.getMessage()]
        assert record.levelname == level
        assert PAIR in record.getMessage()
    assert entry["trained_timestamp"] == before
    # Who asked for the stop is not kept waiting.
    assert recorder.event.is_set() == (not isinstance(error, TrainingStoppedError))


def test_the_training_thread_outlives_what_freqais_would_not(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = live.bot.model
    rounds: list[int] = []

    def scan(_self: Any, _strategy: Any) -> None:
        rounds.append(len(rounds))
        if len(rounds) < 3:
            raise OSError(28, "No space left on device")
        model._stop_event.set()

    monkeypatch.setattr(IFreqaiModel, "_start_scanning", scan)
    monkeypatch.setattr(model, "_pause", lambda: None)
    try:
        model._start_scanning(live.bot.strategy)
    finally:
        model._stop_event.clear()
    assert rounds == [0, 1, 2]
    assert caplog.text.count("retraining was interrupted") == 2


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


def test_a_running_bots_extended_features_take_a_day_from_freqais_history(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    bot = trained_bot(tmp_path, btc_futures, feature_set="extended")
    # FreqAI keeps as much history as it trains on, reckoned from today.
    bot.config["freqai"]["train_period_days"] = 10_000
    before, candles = (
        part.reset_index(drop=True)
        for part in (btc_futures.iloc[1000:3000], btc_futures.iloc[3000:4000])
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


def test_a_backtest_with_an_older_model_predicts_from_its_first_candle(live: Live) -> None:
    """As with a model of a running bot, which ends before the candle it is first asked about."""
    bot, candles = live.bot, live.candles
    bot.model._live = False
    bot.model.model = bot.model.dd.model_dictionary[PAIR]
    whole = bot.features(candles)
    expected, _, usable = bot.predict(whole)
    part = whole.iloc[500:560].reset_index(drop=True)
    _, _, lost = bot.predict(part)
    assert not lost[:59].any()
    bot.model._history = BacktestHistory(candles, PAIR, bot.strategy)
    try:
        found, _, do_predict = bot.predict(part)
    finally:
        bot.model._history = None
    assert do_predict.all()
    assert usable[500:560].all()
    np.testing.assert_allclose(found, expected[500:560], rtol=0, atol=1e-6)


def test_what_lies_before_a_slice_is_only_made_when_the_model_does_not_hold_it(live: Live) -> None:
    bot = live.bot
    bot.model._live = False
    bot.model.model = bot.model.dd.model_dictionary[PAIR]
    history = BacktestHistory(live.candles, PAIR, bot.strategy)
    bot.model._history = history
    try:
        # The module's model was trained on the 3,000 candles right before these.
        bot.predict(bot.features(live.candles).iloc[240:].reset_index(drop=True))
        assert history._featured is not None
        nearest = live.candles["date"].iloc[0].timestamp() - 60
        assert bot.model.model.trained_until == nearest
        history._featured = None
        bot.predict(bot.features(live.candles))
    finally:
        bot.model._history = None
    assert history._featured is None


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
