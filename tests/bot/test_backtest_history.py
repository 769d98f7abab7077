"""Candles before a slice are there for a model that does not hold them, and only for that."""

from __future__ import annotations

import numpy as np

from dualwindow.bot.history import BacktestHistory
from tests.makers.bot import PAIR
from tests.makers.live_bot import Live, live, trained

__all__ = ["live", "trained"]


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
