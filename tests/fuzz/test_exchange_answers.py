"""Wild answers of the exchange: the bot goes on, and never decides on what cannot be."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import CandleType
from freqtrade.exceptions import FreqtradeException
from freqtrade.exchange.binance import Binance

from dualwindow.bot.candles.delivered import delivered_candles
from dualwindow.bot.live.histories import PairHistories
from dualwindow.bot.newest_candle import NewestCandle
from dualwindow.data.candles.impossible import impossible_candles
from dualwindow.errors import DataError
from tests.fuzz.damage import found_before
from tests.fuzz.wild_exchange import PAIR, Answer, WildSession, wild_answer, wild_exchange
from tests.makers.bot import Bot
from tests.makers.live_bot import ROWS, Live, trained

__all__ = ["trained"]

COUNT: Final = 100
MINUTE: Final = 60_000


@pytest.fixture
def wild(trained: Bot, monkeypatch: pytest.MonkeyPatch) -> tuple[Binance, WildSession]:
    """An exchange two days after the first candle; nothing waits between two attempts."""
    exchange, session = wild_exchange(trained.config)
    session.now += 2 * 1440 * MINUTE

    def clock(moment: Any = None) -> int:
        return session.now if moment is None else int(moment.timestamp() * 1000)

    monkeypatch.setattr("freqtrade.exchange.exchange.dt_ts", clock)
    monkeypatch.setattr("freqtrade.exchange.common.calculate_backoff", lambda *_: 0)
    return exchange, session


def candles_of(exchange: Binance, session: WildSession, rows: int) -> pd.DataFrame:
    """The newest candles as a bot's frame holds them."""
    since = session.now - (rows + 1) * MINUTE
    candles = delivered_candles(
        exchange, PAIR, "1m", since_ms=since, candle_type=CandleType.FUTURES
    )
    return candles.tail(rows)


def test_a_look_at_the_newest_candle_ends_with_an_answer(
    wild: tuple[Binance, WildSession], trained: Bot
) -> None:
    exchange, session = wild
    frame = candles_of(exchange, session, 60).reset_index(drop=True)
    quiet = frame.copy()
    quiet.loc[57, ["open", "high", "low", "close"]] = quiet.loc[56, "close"]
    quiet.loc[57, "volume"] = 0.0
    for number in range(COUNT):
        newest = NewestCandle(DataProvider(trained.config, exchange), trained.config)
        session.damage = wild_answer(random.Random(f"newest {number}"))
        assert newest.is_complete(PAIR, quiet) in (True, False)
        session.damage = None
        # The exchange has traded in that minute: the bot's candle is a filled one.
        assert newest.is_complete(PAIR, quiet) is False


def test_candles_that_are_downloaded_are_whole_or_asked_for_again(
    wild: tuple[Binance, WildSession], trained: Bot, tmp_path: Path
) -> None:
    exchange, session = wild
    needed = TimeRange("date", "date", session.now // 1000 - 7200, session.now // 1000)
    for number in range(COUNT):
        drawer = trained.model.dd
        datadir = tmp_path / str(number)
        (datadir / "futures").mkdir(parents=True)
        config = {**trained.config, "datadir": datadir, "candle_type_def": CandleType.FUTURES}
        histories = PairHistories(drawer, config, exchange, lambda: False)
        drawer.historic_data.pop(PAIR, None)
        session.damage = wild_answer(random.Random(f"history {number}"))
        try:
            histories.load(PAIR, needed)
        except (DataError, FreqtradeException):
            assert not histories.is_loaded(PAIR)
        session.damage = None
        drawer.incomplete.add(PAIR)
        assert not histories.is_loaded(PAIR)
        histories.load(PAIR, needed)
        assert histories.is_loaded(PAIR)
        held = drawer.historic_data[PAIR]["1m"]
        assert held["date"].is_monotonic_increasing
        assert held["date"].is_unique


def test_nothing_is_decided_on_candles_that_cannot_be(
    wild: tuple[Binance, WildSession], trained: Bot
) -> None:
    exchange, session = wild
    before = candles_of(exchange, session, 1400).reset_index(drop=True)
    decided = 0
    for number in range(COUNT):
        drawn = random.Random(f"frame {number}")
        trained.model.dd.historic_predictions.clear()
        live = Live(trained, before.tail(ROWS + 1).reset_index(drop=True), before.head(800))
        live.exchange = exchange
        live.candle(0)
        session.damage = wild_answer(drawn)
        try:
            frame = candles_of(exchange, session, ROWS).reset_index(drop=True)
        except FreqtradeException:
            continue
        finally:
            session.damage = None
        if not len(frame):
            continue
        live.provider.frame = frame
        row = decision(live, frame)
        if impossible_candles(frame.tail(1)).any():
            assert row["decision"] == 0
        decided += row["decision"] != 0
    assert decided


def test_what_once_showed_a_fault_is_no_answer(
    wild: tuple[Binance, WildSession], trained: Bot
) -> None:
    exchange, session = wild
    frame = candles_of(exchange, session, 60).reset_index(drop=True)
    frame.loc[57, ["open", "high", "low", "close"]] = frame.loc[56, "close"]
    frame.loc[57, "volume"] = 0.0
    bodies = found_before("answers")
    assert bodies
    for body in bodies:
        session.damage = partial(replaced, body)
        with pytest.raises(FreqtradeException, match="cannot be read"):
            candles_of(exchange, session, 60)
        newest = NewestCandle(DataProvider(trained.config, exchange), trained.config)
        assert newest.is_complete(PAIR, frame) in (True, False)


def replaced(body: bytes, answer: Answer) -> Answer:
    """Another body in the place of an answer's."""
    return replace(answer, body=body)


def decision(live: Live, frame: pd.DataFrame) -> pd.Series:
    """The bot's answer to the newest candle of a frame."""
    answer = live.bot.model.start(frame, {"pair": PAIR}, live.bot.strategy)
    answer["decision"] = live.bot.strategy._decisions(answer).astype(np.int64) - 1
    return answer.iloc[-1]
