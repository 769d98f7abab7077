"""A pair that a running bot refuses is left alone, with a line whenever its pause has grown."""

from __future__ import annotations

import logging

import pytest
from freqtrade.exceptions import OperationalException

from dualwindow.bot.exits import LivePriceSteps
from dualwindow.bot.live.refused_pairs import RefusedPairs
from tests.makers.bot import PAIR
from tests.makers.live_bot import Live, live, trained

__all__ = ["live", "trained"]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def looks_ahead(*_: object) -> None:
    raise OperationalException("features look ahead: %-next")


def other_features(*_: object) -> None:
    raise OperationalException("models of other features")


#: Each is a reason to refuse a pair: how it comes, and how it goes.
REASONS = {
    "price step": (
        lambda live: setattr(live.exchange, "price_precision", 10_000.0),
        lambda live: setattr(live.exchange, "price_precision", 0.1),
    ),
    "look-ahead": (
        lambda live: setattr(live.bot.model, "_require_no_lookahead", looks_ahead),
        lambda live: setattr(live.bot.model, "_require_no_lookahead", lambda *_: None),
    ),
    "features": (
        lambda live: setattr(live.bot.model.dd, "bind", other_features),
        lambda live: delattr(live.bot.model.dd, "bind"),
    ),
}


@pytest.fixture
def clock(live: Live, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Of the pauses of a bot that knows no pair yet; what a test does to the bot is undone."""
    model, clock = live.bot.model, Clock()
    for name in ("_require_no_lookahead", "_price_steps", "_refused"):
        monkeypatch.setattr(model, name, getattr(model, name))
    model._refused = RefusedPairs(clock)
    model._price_steps = LivePriceSteps(model._settings)
    model._pairs.follow([])
    return clock


@pytest.mark.parametrize("reason", REASONS)
def test_a_refused_pair_is_neither_traded_nor_trained_and_told_of_once(
    reason: str, live: Live, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    come, go = REASONS[reason]
    come(live)
    with caplog.at_level(logging.ERROR):
        for number in range(5):
            row = live.decision(number)
            assert (row["do_predict"], row["decision"]) == (0, 0)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(PAIR)
    assert line.endswith("it is looked at again in 1 minute")
    assert PAIR not in live.bot.model._pairs.now
    go(live)
    assert live.decision(5)["do_predict"] == 0  # The pause is not over.
    clock.now = 60.0
    live.candle(6)
    assert live.decision(7)["do_predict"] == 1
    assert PAIR in live.bot.model._pairs.now


def test_the_pause_grows_and_every_look_gives_one_line(
    live: Live, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    REASONS["price step"][0](live)
    with caplog.at_level(logging.ERROR):
        for minute in range(8):
            clock.now = 60.0 * minute
            live.candle(minute)
    pauses = [record.getMessage().rpartition(" in ")[2] for record in caplog.records]
    assert pauses == ["1 minute", "2 minutes", "4 minutes", "8 minutes"]


def test_other_pairs_are_checked_and_trained(live: Live, clock: Clock) -> None:
    def refuse() -> None:
        raise OperationalException("no")

    model = live.bot.model
    assert model._refused.refuses("XRP/USDT:USDT", refuse)
    live.provider.current_whitelist = lambda: ["XRP/USDT:USDT", PAIR]  # type: ignore[method-assign]
    live.candle(0)
    assert model._pairs.now == (PAIR,)
    assert live.decision(1)["do_predict"] == 1


def test_errors_of_the_code_are_not_hidden() -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        RefusedPairs().refuses(PAIR, broken)
