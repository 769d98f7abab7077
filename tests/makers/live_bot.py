"""A running bot in one process, handed one candle after another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import CandleType, RunMode
from freqtrade.exceptions import TemporaryError

from dualwindow.columns import SUMMARY, candles_looked_at
from tests.makers.bot import PAIR, Bot, make_bot

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
        self.price_precision: float | None = None
        self.precision_mode_price = 4

    def get_precision_price(self, _pair: str) -> float | None:
        return self.price_precision

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
    # More candles where the features of the first ones are not known.
    rows = 3000 if bot.model._settings.feature_set != SUMMARY else candles_looked_at(SUMMARY) + 1500
    model = bot.train(bot.features(btc_futures.iloc[:rows].reset_index(drop=True)))
    save_model(bot, model, bot.features(btc_futures.iloc[:300]))
    return bot


def save_model(
    bot: Bot, model: Any, featured: pd.DataFrame, trained_until: int = 1_700_000_000
) -> None:
    """Save a model of the bot as FreqAI does after a training."""
    kitchen = bot.kitchen()
    kitchen.set_paths(PAIR, trained_until)
    kitchen.set_new_model_names(PAIR, trained_until)
    kitchen.training_features_list = list(featured.filter(like="%-"))
    kitchen.label_list = ["&-side"]
    kitchen.data_dictionary = {"train_features": pd.DataFrame(), "train_dates": pd.DataFrame()}
    bot.model._describe_labels(kitchen)
    bot.model.dd.get_pair_dict_info(PAIR)
    bot.model.dd.pair_dict[PAIR]["trained_timestamp"] = trained_until
    bot.model.dd.save_data(model, PAIR, kitchen)


@pytest.fixture
def live(trained: Bot, btc_futures: pd.DataFrame) -> Live:
    trained.model.dd.historic_predictions.clear()
    trained.config["freqai"]["expiration_hours"] = NEVER_EXPIRES
    return Live(trained, btc_futures.iloc[3000:4000].reset_index(drop=True))
