from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.columns import CHANGE_FEATURES, EXTENDED_FEATURES, average_features
from dualwindow.data.features.base import change_features, moving_average_features
from dualwindow.data.features.extended import extended_features
from dualwindow.models.mirror import Mirror, mirror_of
from tests.makers.markets import random_candles

EIGHT = (*CHANGE_FEATURES, *average_features(1440), *average_features(43200))
ORIGINS = ["", "_5m", "_1h", "_ETH/USDTUSDT_1m", "_ETH/USDT_15m", "_1000PEPE/USDTUSDT_5m"]


def mirrored(mirror: Mirror, features: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(features[:, list(mirror.source)] * np.array(mirror.sign))


def test_the_eight_features_mirror_as_the_design_says() -> None:
    mirror = mirror_of(EIGHT)
    assert mirror is not None
    images = {
        name: ("-" if sign < 0 else "") + EIGHT[source]
        for name, source, sign in zip(EIGHT, mirror.source, mirror.sign, strict=True)
    }
    assert images == {
        "high_change": "-low_change",
        "low_change": "-high_change",
        "close_change": "-close_change",
        "volume_change": "volume_change",
        "price_to_ma1440": "-price_to_ma1440",
        "volume_to_ma1440": "volume_to_ma1440",
        "price_to_ma43200": "-price_to_ma43200",
        "volume_to_ma43200": "volume_to_ma43200",
    }


def test_volatility_volume_and_time_of_day_are_kept() -> None:
    mirror = mirror_of([*EIGHT, *EXTENDED_FEATURES])
    assert mirror is not None
    kept = range(len(EIGHT), len(EIGHT) + len(EXTENDED_FEATURES))
    assert mirror.source[len(EIGHT) :] == tuple(kept)
    assert set(mirror.sign[len(EIGHT) :]) == {1.0}


mirrorable = (
    st.lists(st.sampled_from(ORIGINS), unique=True)
    .map(lambda origins: [f"{kind}{origin}" for origin in origins for kind in CHANGE_FEATURES])
    .map(lambda names: [*names, "price_to_ma50", "volume_to_ma50", *EXTENDED_FEATURES])
    .flatmap(st.permutations)
)


@given(names=mirrorable)
def test_mirroring_twice_is_the_identity_in_any_order_of_features(names: list[str]) -> None:
    mirror = mirror_of(names)
    assert mirror is not None
    values = np.random.default_rng(0).normal(size=(5, len(names)))
    np.testing.assert_array_equal(mirrored(mirror, mirrored(mirror, values)), values)


@given(names=mirrorable)
def test_highs_and_lows_trade_places_within_their_own_origin(names: list[str]) -> None:
    mirror = mirror_of(names)
    assert mirror is not None
    for name, source in zip(names, mirror.source, strict=True):
        swapped = name.replace("high_change", "?").replace("low_change", "high_change")
        assert names[source] == swapped.replace("?", "low_change")


@pytest.mark.parametrize(
    "unknown",
    [
        "rsi_14",
        "day_of_week",
        "high_change_squared",
        "my_high_change",
        "price_to_ma",
        "price_to_ma1440_5m",
        "rms_change31",
        "rms_change30_5m",
        "price_to_ma1440_ETH/USDTUSDT_1m",
        "high_change_shift-1",
        "high_change_5x",
        "",
    ],
)
def test_one_feature_without_a_known_image_means_no_mirror(unknown: str) -> None:
    assert mirror_of([*EIGHT, unknown]) is None
    assert mirror_of([unknown, *EIGHT]) is None


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_high_without_its_low_means_no_mirror(origin: str) -> None:
    assert mirror_of([*EIGHT[2:], f"high_change{origin}"]) is None
    # The low of another origin is no partner.
    assert mirror_of([f"high_change{origin}", "low_change_3d"]) is None
    assert mirror_of([f"high_change{origin}", f"low_change{origin}"]) is not None


def test_features_of_a_mirrored_market_are_the_mirrored_features_for_small_moves() -> None:
    candles = random_candles(1800, 7, volatility=1e-4)
    square = 100.0**2
    other: pd.DataFrame = candles.copy()
    other["open"], other["close"] = square / candles["open"], square / candles["close"]
    # Rises become falls, so the highest price of a candle becomes its lowest.
    other["high"], other["low"] = square / candles["low"], square / candles["high"]

    def features(market: pd.DataFrame) -> tuple[list[str], NDArray[np.float64]]:
        found = change_features(market) | moving_average_features(market, 50)
        found |= extended_features(market)
        return list(found), np.column_stack(list(found.values()))[1440:]

    names, here = features(candles)
    _, there = features(other)
    mirror = mirror_of(names)
    assert mirror is not None
    spread = np.abs(there - mirrored(mirror, here)).max(axis=0)
    size = np.abs(here).max(axis=0)
    # What is left is of second order: the square of moves of a thousandth and less.
    assert (spread < 0.01 * size).all(), dict(zip(names, spread / size, strict=True))
    assert (np.abs(there - here).max(axis=0)[:3] > 0.5 * size[:3]).all()
