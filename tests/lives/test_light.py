"""The quick versions of freqtrade's functions give what freqtrade's own give."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.converter.converter import clean_ohlcv_dataframe
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from tests.lives.light import clean, merge_features
from tests.makers.impossible import IMPOSSIBLE, planted
from tests.makers.markets import random_candles


def odd_candles(seed: int) -> pd.DataFrame:
    """Candles with holes, doubles, wrong order and impossible values."""
    own = random.Random(seed)
    kinds = {row: own.choice(list(IMPOSSIBLE)) for row in own.sample(range(40), 6)}
    candles = planted(random_candles(40, seed), kinds)
    candles["date"] = pd.date_range("2026-01-05", periods=40, freq="h", tz="UTC", unit="ms")
    rows = own.sample(range(40), 30) + own.sample(range(40), 5)
    return candles.iloc[rows].reset_index(drop=True)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("fills", [True, False])
@pytest.mark.parametrize("drops", [True, False])
def test_candles_are_cleaned_as_freqtrade_does(seed: int, fills: bool, drops: bool) -> None:
    candles = odd_candles(seed)
    wanted, found = (
        function(candles.copy(), "1h", "BTC/USDT", fill_missing=fills, drop_incomplete=drops)
        for function in (clean_ohlcv_dataframe, clean)
    )
    pd.testing.assert_frame_equal(found, wanted, check_freq=False)


def test_features_of_the_same_candles_are_merged_as_freqtrade_does() -> None:
    candles = random_candles(30, 1)
    candles["date"] = pd.date_range("2026-01-05", periods=30, freq="h", tz="UTC", unit="ms")
    features = candles.assign(**{"%-a": np.arange(30.0), "%-b": np.nan})
    arguments = (candles.copy(), features, "1h", "1h", "gen")
    wanted = FreqaiDataKitchen.merge_features(None, *arguments)
    pd.testing.assert_frame_equal(merge_features(None, *arguments), wanted)
