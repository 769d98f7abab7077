"""A bot's features and labels never come from an impossible, absent or future candle."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import CandleType, RunMode

from dualwindow.bot.candles.future import FutureCandles
from dualwindow.bot.candles.kitchen import CandleKitchen, other_candles
from dualwindow.bot.candles.notices import CandleNotices
from dualwindow.bot.freqai_frames import training_data
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.features.candle_arrays import read_candles
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.impossible import IMPOSSIBLE, as_missing, planted
from tests.makers.live_bot import ROWS, Live, live, trained
from tests.makers.markets import PRICES, START, random_candles

__all__ = ["live", "trained"]

ETH = "ETH/USDT:USDT"
VALUES = [*PRICES, "volume"]
WINDOW, MOST_FLAT, FUTURE = 60, 30, 30


class Provider:
    """Candles of other pairs and timeframes, as freqtrade's provider hands them out."""

    runmode = RunMode.BACKTEST

    def __init__(self, frames: dict[tuple[str, str], pd.DataFrame]) -> None:
        self.frames = frames

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        return self.frames[pair, timeframe].copy()


def of_minutes(minutes: int, rows: int, seed: int) -> pd.DataFrame:
    candles = random_candles(rows // minutes, seed)
    candles["date"] = START + pd.to_timedelta(minutes * np.arange(len(candles)), unit="min")
    return candles


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """A bot whose features also come from a correlated pair and another timeframe."""
    features = {"include_timeframes": ["1m", "5m"], "include_corr_pairlist": [ETH]}
    return make_bot(tmp_path_factory.mktemp("joined"), features=features)


def frames(rows: int = 800) -> dict[tuple[str, str], pd.DataFrame]:
    of = {PAIR: 1, ETH: 2}
    return {
        (pair, f"{minutes}m"): of_minutes(minutes, rows, seed + minutes)
        for pair, seed in of.items()
        for minutes in (1, 5)
    }


def populated(bot: Bot, candles: dict[tuple[str, str], pd.DataFrame]) -> tuple[Any, pd.DataFrame]:
    """FreqAI's kitchen, and the pair's candles with all features."""
    bot.strategy.dp = Provider(candles)
    kitchen = CandleKitchen.instead_of(bot.kitchen(), bot.model._seen)
    frame = kitchen.use_strategy_to_populate_indicators(
        bot.strategy, prediction_dataframe=candles[PAIR, "1m"], pair=PAIR
    )
    return kitchen, kitchen.remove_special_chars_from_feature_names(frame)


def invalid(bot: Bot, candles: dict[tuple[str, str], pd.DataFrame]) -> list[int]:
    """Rows without a valid window, after those that averages need."""
    kitchen, frame = populated(bot, candles)
    kitchen.find_features(frame)
    names, others = kitchen.training_features_list, other_candles(kitchen)
    arrays = read_candles(frame, names, PAIR, "1m", others)
    rows = np.flatnonzero(~arrays.valid_windows(bot.model._settings))
    return [int(row) for row in rows if row >= 300]


# --- correlated pairs and other timeframes --------------------------------------------------------


def test_whole_candles_leave_every_window_valid(joined: Bot) -> None:
    assert invalid(joined, frames()) == []


@pytest.mark.parametrize("source", [(ETH, "1m"), (ETH, "5m"), (PAIR, "5m")])
def test_a_hole_elsewhere_is_an_outage_as_in_the_pair_itself(
    joined: Bot, source: tuple[str, str]
) -> None:
    minutes = int(source[1][:-1])
    candles = frames()
    first, filled = 400 // minutes, candles[source]
    candles[source] = as_missing(filled, list(range(first, first + MOST_FLAT // minutes)))
    assert invalid(joined, candles) == []
    hole = range(first, first + 60 // minutes)
    candles[source] = as_missing(filled, list(hole))
    begin, end = first * minutes + MOST_FLAT, (first * minutes + 60) + WINDOW - 1
    lag = minutes - 1  # a row knows the candle that closed last
    assert invalid(joined, candles) == list(range(begin + lag, end + lag))


@pytest.mark.parametrize("source", [(ETH, "1m"), (ETH, "5m"), (PAIR, "5m")])
def test_candles_that_end_early_elsewhere_are_not_carried_on(
    joined: Bot, source: tuple[str, str]
) -> None:
    candles = frames()
    candles[source] = candles[source].iloc[:-2]
    minutes = int(source[1][:-1])
    # The last 5-minute candle has just closed at the last row.
    missing = 2 if minutes == 1 else minutes + 1
    assert invalid(joined, candles) == list(range(800 - missing, 800))


@pytest.mark.parametrize("kind", ["prices of -5", "high below low", "an infinite volume"])
@pytest.mark.parametrize("source", [(ETH, "1m"), (ETH, "5m"), (PAIR, "5m"), (PAIR, "1m")])
def test_an_impossible_candle_anywhere_is_in_no_window(
    joined: Bot, source: tuple[str, str], kind: str
) -> None:
    minutes = int(source[1][:-1])
    candles = frames()
    candles[source] = planted(candles[source], {400 // minutes: kind})
    first = 400 + minutes - 1
    # The candle's own rows, and those of the one that changes from it.
    assert invalid(joined, candles) == list(range(first, first + 2 * minutes + WINDOW - 1))


# --- the strategy's own features and labels -------------------------------------------------------


def test_a_strategys_own_features_see_an_impossible_candle_as_a_missing_one(
    joined: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def own(dataframe: pd.DataFrame, metadata: dict[str, Any], **_: Any) -> pd.DataFrame:
        return dataframe.assign(**{"%-mean": dataframe["close"].rolling(40).mean()})

    monkeypatch.setattr(joined.strategy, "feature_engineering_standard", own)
    candles = frames()
    raw = planted(candles[PAIR, "1m"], {400: "prices of -5", 410: "infinite prices"})
    _, found = populated(joined, candles | {(PAIR, "1m"): raw})
    _, wanted = populated(joined, candles | {(PAIR, "1m"): as_missing(raw, [400, 410])})
    unknown = [400, 401, 410, 411]
    features = list(found.filter(like="%-"))
    assert found.loc[unknown, features].isna().all(axis=None)
    pd.testing.assert_frame_equal(found.drop(unknown)[features], wanted.drop(unknown)[features])
    pd.testing.assert_frame_equal(found[VALUES], raw[VALUES])


def test_labels_of_a_strategys_own_do_not_reach_over_an_impossible_candle(joined: Bot) -> None:
    frame = planted(random_candles(200), {100: "high below low"})
    frame["&-side"] = "LONG"
    frame["%-one"] = 1.0
    content = training_data(frame, ["%-one"], PAIR, "1m", joined.model._settings)
    assert np.flatnonzero(content["labels"] < 0).tolist() == list(range(100 - FUTURE, 101))


# --- prediction -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_a_running_bot_does_not_trade_upon_an_impossible_candle(live: Live, kind: str) -> None:
    def change(frame: pd.DataFrame) -> None:
        frame[VALUES] = planted(frame, {len(frame) - 1: kind})[VALUES]

    assert live.candle(0)["do_predict"].iloc[-1] == 0  # the first one after a start
    assert live.candle(1)["do_predict"].iloc[-1] == 1
    assert live.candle(2, change)["do_predict"].iloc[-1] == 0


@pytest.mark.parametrize("kind", ["prices of -5", "high below low"])
def test_backtest_and_running_bot_agree_around_an_impossible_candle(live: Live, kind: str) -> None:
    bot = live.bot
    live.candles = planted(live.candles, {ROWS + 3: kind})
    live.exchange.candles = live.candles
    shown = {number: live.candle(number).iloc[-1] for number in (0, 2, 4, 5, 63, 64, 65, 66)}
    bot.model._live = False
    bot.model.model = bot.model.dd.model_dictionary[PAIR]
    probabilities, _, do_predict = bot.predict(bot.features(live.candles))
    for number, row in list(shown.items())[1:]:
        at = number + ROWS - 1
        assert row["do_predict"] == do_predict[at], number
        if do_predict[at]:
            np.testing.assert_allclose(
                row[["SHORT", "HOLD", "LONG"]].astype(float), probabilities[at], atol=1e-5
            )
    assert [do_predict[number + ROWS - 1] for number in shown] == [1, 1, 0, 0, 0, 0, 1, 1]


def test_a_backtest_trades_at_the_last_price_where_a_candle_is_impossible(
    joined: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    candles = planted(random_candles(700), {650: "prices of -5"})
    parent = type(joined.model).__mro__[2]
    monkeypatch.setattr(parent, "start", lambda _self, frame, _metadata, _strategy: frame)
    monkeypatch.setattr(joined.model, "_require_no_lookahead", lambda *_: None)
    returned = joined.model.start(candles, {"pair": PAIR}, joined.strategy)
    pd.testing.assert_frame_equal(returned, as_missing(candles, [650]))
    pd.testing.assert_frame_equal(returned, known_frame(candles))


# --- warnings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda c: planted(c, {30: "prices of -5", 31: "prices of 0"}), ["2 candles are impossible",
            "2025-01-01 00:30 (open -5, high -5, low -5, close -5"]),
        (lambda c: c.assign(close=c["close"].where(c.index < 40, c["close"] * 1000),
            high=c["high"].where(c.index < 40, c["high"] * 1000),
            low=c["low"].where(c.index < 40, c["low"] * 1000),
            open=c["open"].where(c.index < 40, c["open"] * 1000)), ["within 1 candle,", "00:40"]),
        (lambda c: c.assign(low=c["low"].where(c.index != 50, 1e-9)), ["1 candle,", "low 1e-09"]),
        (lambda c: c.assign(date=c["date"] + pd.Timedelta(days=36_500)),
            ["dated in the future of this machine's clock", "the first 2124-12-08"]),
        (lambda c: c.assign(volume=0.0), ["no candle has a volume"]),
    ],
)  # fmt: skip
def test_one_warning_names_what_is_wrong_and_is_not_repeated(
    change: Any, parts: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    notices, candles = CandleNotices(), change(random_candles(600))
    with caplog.at_level(logging.WARNING):
        for end in (300, 400, 600):
            notices.look_at(PAIR, "1m", candles[:end])
    (record,) = caplog.records
    for part in [f"{PAIR} 1m: ", *parts]:
        assert part in record.getMessage()


def test_good_candles_are_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    CandleNotices().look_at(PAIR, "1m", random_candles(600, flat=[(100, 200)]))
    assert not caplog.records


def test_every_source_of_features_is_looked_at(
    joined: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    candles = {key: planted(frame, {50: "prices of 0"}) for key, frame in frames().items()}
    joined.model.watch_candles()
    for _ in range(2):
        populated(joined, candles)
    named = [record.getMessage().split(": ")[0] for record in caplog.records]
    assert sorted(named) == sorted(f"{pair} {timeframe}" for pair, timeframe in candles)


# --- candles of the future ------------------------------------------------------------------------


class Exchange:
    """freqtrade's exchange as far as it holds candles."""

    def __init__(self, candles: dict[Any, pd.DataFrame]) -> None:
        self._klines = candles
        self._pairs_last_refresh_time = dict.fromkeys(candles, 2**60)


def held(timeframe: str, last: float, now: float) -> pd.DataFrame:
    """100 candles up to the last closed one, and one more that many seconds after now."""
    step = pd.Timedelta(timeframe.replace("m", "min"))
    closed = pd.Timestamp(now, unit="s", tz="UTC").floor(step) - step
    candles = random_candles(101)
    dates = pd.date_range(end=closed, periods=100, freq=step)
    candles["date"] = dates.append(pd.DatetimeIndex([dates[-1] + pd.Timedelta(seconds=last)]))
    return candles


@pytest.mark.parametrize("ahead", [120, 3600, 86_400 * 30])
@pytest.mark.parametrize("timeframe", ["1m", "5m", "1h"])
def test_a_candle_of_the_future_is_set_aside_and_the_next_ones_are_asked_for(
    ahead: int, timeframe: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1_750_000_005.0
    monkeypatch.setattr(time, "time", lambda: now)
    key, good = (PAIR, timeframe, CandleType.FUTURES), (ETH, timeframe, CandleType.FUTURES)
    whole = held(timeframe, ahead + 3600, now)
    exchange = Exchange({key: whole, good: whole.iloc[:-1]})
    future = FutureCandles()
    for _ in range(3):
        exchange._klines[key] = whole
        future.set_aside(exchange)
        pd.testing.assert_frame_equal(exchange._klines[key], whole.iloc[:-1])
        future.load_again(exchange)
        assert key not in exchange._klines
        assert key not in exchange._pairs_last_refresh_time
    assert exchange._klines[good] is not None
    assert exchange._pairs_last_refresh_time == {good: 2**60}
    (record,) = caplog.records
    assert PAIR in record.getMessage()
    assert "has not closed at 2025-06-15 15:06:45" in record.getMessage()


def test_the_candle_that_is_forming_is_set_aside_with_one_of_the_future(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_750_000_005.0
    monkeypatch.setattr(time, "time", lambda: now)
    key = (PAIR, "1m", CandleType.FUTURES)
    forming, ahead = held("1m", 60, now), held("1m", 3600, now)
    exchange = Exchange({key: pd.concat([forming, ahead.iloc[-1:]], ignore_index=True)})
    FutureCandles().set_aside(exchange)
    assert len(exchange._klines[key]) == 100


def test_a_strategy_analyses_what_is_left(joined: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    key = (PAIR, "1m", CandleType.FUTURES)
    exchange = Exchange({key: held("1m", 3600, time.time())})
    seen: list[int] = []
    joined.strategy.dp = type("Provider", (), {"_exchange": exchange})()
    monkeypatch.setattr(
        joined.strategy, "analyze_pair", lambda _pair: seen.append(len(exchange._klines[key]))
    )
    monkeypatch.setitem(joined.strategy.config, "runmode", RunMode.DRY_RUN)
    joined.strategy.analyze([PAIR])
    assert seen == [100]
    assert not exchange._klines


def test_a_late_candle_of_another_timeframe_is_awaited(joined: Bot, tmp_path: Path) -> None:
    from dualwindow.bot.newest_candle import NewestCandle

    candles = frames()
    provider = Provider(candles)
    delivered = {key: frame.copy() for key, frame in candles.items()}
    candles[ETH, "5m"] = as_missing(candles[ETH, "5m"], [len(candles[ETH, "5m"]) - 2])
    delivered[ETH, "5m"] = delivered[ETH, "5m"].drop(index=len(candles[ETH, "5m"]) - 2)

    class Asked:
        def __init__(self) -> None:
            self._klines: dict[Any, Any] = {}

        def get_historic_ohlcv(
            self, pair: str, timeframe: str, *, since_ms: int, **_kwargs: Any
        ) -> pd.DataFrame:
            since = pd.Timestamp(since_ms, unit="ms", tz="UTC")
            return delivered[pair, timeframe][delivered[pair, timeframe]["date"] >= since]

    provider._exchange = Asked()  # type: ignore[attr-defined]
    newest = NewestCandle(provider, joined.config)  # type: ignore[arg-type]
    assert not newest.is_complete(PAIR, candles[PAIR, "1m"])
    candles[ETH, "5m"] = delivered[ETH, "5m"]
    assert newest.is_complete(PAIR, candles[PAIR, "1m"])
