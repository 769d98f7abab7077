"""Features that know the future are refused before anything is trained on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException

from dualwindow.data.features.lookahead import changed_features, require_no_lookahead
from dualwindow.errors import DataError
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.markets import random_candles

LEAKS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "next": lambda close: close.shift(-1) / close - 1,
    "centred": lambda close: close.rolling(21, center=True).mean() / close - 1,
    "normalised": lambda close: (close - close.mean()) / close.std(),
}
HONEST: dict[str, Callable[[pd.Series], pd.Series]] = {
    "past": lambda close: close / close.shift(3) - 1,
    "rolling": lambda close: (close - close.rolling(50).mean()) / close.rolling(50).std(),
    "ewm": lambda close: close.ewm(span=30).mean() / close - 1,
    "expanding": lambda close: close / close.expanding().max() - 1,
}


@pytest.fixture(scope="module")
def candles() -> pd.DataFrame:
    return random_candles(1200)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("lookahead"))


@pytest.fixture
def bot(loaded: Bot) -> Bot:
    loaded.model._require_no_lookahead._passed.clear()
    return loaded


def derive(
    bot: Bot, feature: Callable[[pd.Series], pd.Series], hook: str, patch: pytest.MonkeyPatch
) -> None:
    """Add a column of the user's own to one of the strategy's methods."""
    shipped = getattr(bot.strategy, hook)

    def own(dataframe: pd.DataFrame, *args: Any, **kwargs: Any) -> pd.DataFrame:
        result = shipped(dataframe, *args, **kwargs)
        result["%-own"] = feature(result["close"])
        return result

    patch.setattr(bot.strategy, hook, own)


@pytest.mark.parametrize(
    "hook", ["feature_engineering_standard", "feature_engineering_expand_basic"]
)
@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_ends_the_start(
    name: str, hook: str, bot: Bot, candles: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    derive(bot, LEAKS[name], hook, monkeypatch)
    # Twice: what was refused is not forgotten, as a running bot asks again at every candle.
    for _ in range(2):
        with pytest.raises(OperationalException, match=f"{PAIR}: features look ahead: %-own"):
            bot.model.start(candles, {"pair": PAIR}, bot.strategy)


@pytest.mark.parametrize("name", HONEST)
def test_honest_features_pass(
    name: str, bot: Bot, candles: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    derive(bot, HONEST[name], "feature_engineering_standard", monkeypatch)
    bot.model._require_no_lookahead(candles, PAIR, bot.strategy)


def test_shipped_features_pass_with_gaps_outages_and_long_averages(
    tmp_path: Path, candles: pd.DataFrame
) -> None:
    bot = make_bot(tmp_path, periods=(30, 1440, 43200))
    worn = random_candles(6000, missing=[(5600, 30)], flat=[(5300, 200)], nan=[(5500, 3)])
    for frame in (worn, candles, candles.tail(499), candles.head(1), candles.head(0)):
        bot.model._require_no_lookahead._passed.clear()
        bot.model._require_no_lookahead(frame, PAIR, bot.strategy)


def test_other_timeframes_and_correlated_pairs_raise_no_alarm(
    tmp_path: Path, candles: pd.DataFrame
) -> None:
    features = {"include_timeframes": ["1m", "5m"], "include_corr_pairlist": ["ETH/USDT:USDT"]}
    bot = make_bot(tmp_path, features=features)

    class Provider:
        """Hands over whole frames, as freqtrade's does in a backtest."""

        def get_pair_dataframe(self, *, pair: str, timeframe: str) -> pd.DataFrame:
            assert pair == PAIR
            step = int(timeframe.removesuffix("m"))
            return candles.iloc[::step].reset_index(drop=True)

    bot.strategy.dp = Provider()
    bot.model._require_no_lookahead(candles, PAIR, bot.strategy)


def test_a_pair_is_asked_once(
    bot: Bot, candles: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.model._require_no_lookahead(candles, PAIR, bot.strategy)
    derive(bot, LEAKS["next"], "feature_engineering_standard", monkeypatch)
    bot.model._require_no_lookahead(candles, PAIR, bot.strategy)


def test_a_feature_says_the_first_candle_that_differs(candles: pd.DataFrame) -> None:
    whole = candles.assign(**{"%-next": candles["close"].shift(-3), "%-now": candles["close"]})
    part = candles.head(900)
    cut = part.assign(**{"%-next": part["close"].shift(-3), "%-now": part["close"]})
    (changed,) = changed_features(whole, cut)
    assert (changed.name, changed.date) == ("%-next", candles["date"][897])
    with pytest.raises(DataError, match=r"%-next \(first at 2025-01-01 14:57\) change"):
        require_no_lookahead(whole, cut, PAIR)
    with pytest.raises(DataError, match="%-now"):
        require_no_lookahead(whole, cut.drop(columns="%-now"), PAIR)
