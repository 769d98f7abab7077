"""A minute without a trade is believed once the exchange delivered it; a missing one is awaited."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.newest_candle import PATIENCE, CandleWatch
from dualwindow.data.candles.frames import utc_seconds
from tests.makers.markets import random_candles

PAIR = "BTC/USDT:USDT"


class Exchange:
    """What an exchange has delivered so far, and what a bot makes of it."""

    def __init__(self, candles: pd.DataFrame) -> None:
        self.candles = candles
        self.withheld: set[int] = set()
        self.answers = True
        self.asked = 0
        self.renewed = 0
        self.watch = CandleWatch(self.delivered, self.renew)

    def delivered(self, pair: str, since: int) -> pd.DataFrame:
        assert pair == PAIR
        self.asked += 1
        dates = utc_seconds(self.candles["date"])
        there = (dates >= since) & ~np.isin(dates, list(self.withheld))
        return self.candles[there] if self.answers else pd.DataFrame()

    def renew(self, pair: str) -> None:
        assert pair == PAIR
        self.renewed += 1

    def frame(self, rows: int) -> pd.DataFrame:
        """The first rows as freqtrade hands them over: filled, except at the end."""
        frame = self.candles.iloc[:rows].copy()
        gone = np.isin(utc_seconds(frame["date"]), list(self.withheld))
        end = int(np.flatnonzero(~gone)[-1]) + 1
        frame, gone = frame.iloc[:end], gone[:end]
        close = frame["close"].mask(gone).ffill()
        for column in ("open", "high", "low", "close"):
            frame[column] = frame[column].mask(gone, close)
        frame["volume"] = frame["volume"].mask(gone, 0.0)
        return frame

    def looks(self, rows: Sequence[int]) -> list[bool]:
        return [self.watch.is_complete(PAIR, self.frame(row)) for row in rows]


def test_ordinary_candles_are_complete_without_a_question() -> None:
    exchange = Exchange(random_candles(40))
    assert all(exchange.looks(range(20, 41)))
    assert (exchange.asked, exchange.renewed) == (0, 0)


def test_a_quiet_minute_is_asked_for_once_and_believed() -> None:
    exchange = Exchange(random_candles(40, flat=[(25, 3)]))
    assert all(exchange.looks(range(20, 41)))
    assert exchange.asked == 3
    assert exchange.renewed == 0


@pytest.mark.parametrize("place", range(1, PATIENCE))
def test_a_candle_that_comes_between_the_load_and_the_question_is_not_taken_for_a_quiet_one(
    place: int,
) -> None:
    """The bot's own candle in its place is a filled one, until all are loaded again."""
    exchange = Exchange(random_candles(60))
    assert all(exchange.looks(range(20, 40)))
    exchange.withheld = {int(utc_seconds(exchange.candles["date"])[40 - place + 1])}
    frame = exchange.frame(42)
    exchange.withheld = set()
    assert not exchange.watch.is_complete(PAIR, frame)
    assert (exchange.watch.has_arrived, exchange.renewed) == (True, 1)
    # The load failed: the candle is still none that is believed.
    assert not exchange.watch.is_complete(PAIR, frame)
    assert (exchange.watch.has_arrived, exchange.renewed) == (True, 2)
    assert all(exchange.looks(range(43, 50)))


@pytest.mark.parametrize("delay", [1, 2, 4])
def test_a_late_candle_is_waited_for_and_its_candles_loaded_anew(
    delay: int, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = Exchange(random_candles(60))
    late = int(utc_seconds(exchange.candles["date"])[30])
    exchange.withheld = {late}
    # The frame of 32 rows is the first with the hole inside: one candle follows it.
    assert not any(exchange.looks(range(32, 32 + delay)))
    assert exchange.renewed == 0
    exchange.withheld = set()
    # With it freqtrade has merged the candle with what stood in for it: one candle more is lost.
    assert exchange.looks(range(32 + delay, 50)) == [False] + [True] * (17 - delay)
    assert exchange.renewed == 1
    assert "has left out the candle of 00:30; waiting" in caplog.text


def test_a_candle_that_never_comes_is_waited_for_only_so_long() -> None:
    exchange = Exchange(random_candles(60))
    exchange.withheld = {int(utc_seconds(exchange.candles["date"])[30])}
    looks = exchange.looks(range(32, 60))
    # It is among the newest until PATIENCE - 1 candles have followed it.
    assert looks == [False] * (PATIENCE - 1) + [True] * (29 - PATIENCE)
    assert exchange.asked == PATIENCE - 1


def test_one_that_comes_after_that_still_renews_the_candles() -> None:
    exchange = Exchange(random_candles(80))
    exchange.withheld = {int(utc_seconds(exchange.candles["date"])[30])}
    exchange.looks(range(32, 50))
    exchange.withheld = set()
    assert exchange.looks([50, 51]) == [False, True]
    assert exchange.renewed == 1


def test_an_exchange_that_does_not_answer_is_not_trusted_until_it_does() -> None:
    exchange = Exchange(random_candles(40, flat=[(25, 1)]))
    exchange.answers = False
    assert exchange.looks([26, 27]) == [False, False]
    exchange.answers = True
    assert exchange.looks([28, 29]) == [True, True]
    assert exchange.renewed == 0


def test_one_that_is_missing_behind_several_that_came_at_once_is_noticed() -> None:
    exchange = Exchange(random_candles(60))
    dates = utc_seconds(exchange.candles["date"]).tolist()
    exchange.looks([30])
    # Nothing came for ten minutes, then all but the first of them.
    exchange.withheld = {dates[30]}
    assert exchange.looks([40]) == [True]
    exchange.withheld = set()
    assert exchange.looks([41, 42]) == [False, True]
    assert exchange.renewed == 1


def test_nothing_older_than_the_frame_is_remembered() -> None:
    exchange = Exchange(random_candles(400, flat=[(first, 2) for first in range(5, 395, 7)]))
    dates = utc_seconds(exchange.candles["date"])
    exchange.withheld = {int(date) for date in dates[10::13]}
    for rows in range(50, 400):
        exchange.watch.is_complete(PAIR, exchange.frame(rows).iloc[-40:])
    remembered = exchange.watch._missing[PAIR] | exchange.watch._silent[PAIR]
    assert min(remembered) >= dates[400 - 1 - 40]


@given(
    holes=st.lists(
        st.tuples(st.integers(20, 90), st.integers(1, 4), st.integers(1, 12)), max_size=4
    ),
    quiet=st.lists(st.tuples(st.integers(20, 90), st.integers(1, 3)), max_size=2),
)
def test_what_counts_as_complete_has_no_stand_in_among_the_newest(
    holes: list[tuple[int, int, int]], quiet: list[tuple[int, int]]
) -> None:
    """Any mixture of late candles (first, how many, how long) and quiet minutes."""
    exchange = Exchange(random_candles(110, flat=quiet))
    dates = utc_seconds(exchange.candles["date"])
    held_before: set[int] = set()
    filled: set[int] = set()
    for rows in range(15, 110):
        exchange.withheld = {
            int(dates[row])
            for first, count, delay in holes
            for row in range(first, first + count)
            if rows < first + count + delay
        }
        frame = exchange.frame(rows)
        complete = exchange.watch.is_complete(PAIR, frame)
        newest = set(utc_seconds(frame["date"])[-PATIENCE:].tolist())
        if complete:
            assert not exchange.withheld & newest
            came = (held_before - exchange.withheld) & filled
            traded = exchange.candles["volume"].to_numpy()[np.isin(dates, list(came))] > 0
            assert not traded.any(), "a candle that has just come was merged with a stand-in"
        held_before = exchange.withheld
        filled = set(utc_seconds(frame["date"]).tolist()) & exchange.withheld
