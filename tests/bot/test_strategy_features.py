"""The strategy's features, FreqAI's and the user's own, train and predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException

from dualwindow.data.features.feature_code import code_fingerprint
from dualwindow.errors import SettingsError
from dualwindow.models.fingerprint import bind_features
from tests.makers.bot import make_bot


def test_averages_are_made_once_for_the_base_pair_and_changes_for_all(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    candles = btc_futures.iloc[:2000].reset_index(drop=True)
    hourly = (
        candles.set_index("date")
        .resample("5min")
        .agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
    )
    frames = {
        ("BTC/USDT:USDT", "5m"): hourly.reset_index(),
        ("ETH/USDT:USDT", "1m"): candles,
        ("ETH/USDT:USDT", "5m"): hourly.reset_index(),
    }
    bot = make_bot(
        tmp_path,
        features={
            "include_timeframes": ["1m", "5m"],
            "include_corr_pairlist": ["ETH/USDT:USDT"],
        },
    )

    class Provider:
        def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
            return frames[pair, timeframe].copy()

    bot.strategy.dp = Provider()
    featured = bot.features(candles)
    model = bot.train(featured.iloc[:1800])
    changes = ["high_change", "low_change", "close_change", "volume_change"]
    averages = ["price_to_ma30", "volume_to_ma30", "price_to_ma240", "volume_to_ma240"]
    origins = ["", "_5m", "_ETH/USDTUSDT_1m", "_ETH/USDTUSDT_5m"]
    expected = [name + origin for origin in origins for name in changes] + averages
    assert sorted(model.feature_names) == sorted(expected)
    # Every one of them has a mirror image, so training mirrors.
    assert model._network.mirrors
    _, _, usable = bot.predict(featured.iloc[1800:])
    assert usable.all()


def test_own_features_train_and_predict(tmp_path: Path, btc_futures: pd.DataFrame) -> None:
    candles = btc_futures.iloc[:2000].reset_index(drop=True)
    bot = make_bot(tmp_path)
    standard = bot.strategy.feature_engineering_standard

    def with_hour(frame: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any) -> pd.DataFrame:
        frame = standard(frame, metadata, **kwargs)
        frame["%-hour"] = frame["date"].dt.hour / 23
        return frame

    bot.strategy.feature_engineering_standard = with_hour
    featured = bot.features(candles)
    model = bot.train(featured.iloc[:1800])
    assert "hour" in model.feature_names
    # Nobody knows the mirror image of somebody else's feature.
    assert not model._network.mirrors
    _, _, usable = bot.predict(featured.iloc[1800:])
    assert usable.all()
    with pytest.raises(OperationalException, match="unexpected rsi"):
        bot.predict(featured.assign(**{"%-rsi": 0.5}))


def test_changed_feature_code_is_refused_under_the_same_identifier(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    folder = tmp_path / "models" / "dualwindow"
    make_bot(tmp_path)

    def first(frame: pd.DataFrame) -> pd.DataFrame:
        return frame * 2

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame * 3

    bind_features(folder, code_fingerprint([first]))
    bind_features(folder, code_fingerprint([first]))
    make_bot(tmp_path)
    with pytest.raises(SettingsError, match="have changed since its models were made"):
        bind_features(folder, code_fingerprint([changed]))
