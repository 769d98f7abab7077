from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.columns import (
    CHANGE_FEATURES,
    EXTENDED_FEATURES,
    ODD_SUMMARY_FEATURES,
    SUMMARY_FEATURES,
    average_features,
)
from dualwindow.data.features.base import change_features, moving_average_features
from dualwindow.data.features.extended import extended_features
from dualwindow.data.features.feature_sets import standard_features
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


def test_a_summarys_returns_positions_and_distances_change_sign() -> None:
    mirror = mirror_of([*EIGHT, *SUMMARY_FEATURES])
    assert mirror is not None
    assert mirror.source[len(EIGHT) :] == tuple(range(8, 8 + len(SUMMARY_FEATURES)))
    signs = dict(zip(SUMMARY_FEATURES, mirror.sign[len(EIGHT) :], strict=True))
    for name, sign in signs.items():
        odd = name.startswith(("scaled_return", "range_position", "scaled_log_price"))
        assert sign == (-1.0 if odd else 1.0), name


mirrorable = (
    st.lists(st.sampled_from(ORIGINS), unique=True)
    .map(lambda origins: [f"{kind}{origin}" for origin in origins for kind in CHANGE_FEATURES])
    .map(lambda names: [*names, "price_to_ma50", "volume_to_ma50", *SUMMARY_FEATURES])
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
        "log_rms_change6",
        "log_rms_change5_5m",
        "scaled_return5_ETH/USDTUSDT_1m",
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


@given(
    seed=st.integers(0, 99),
    volatility=st.sampled_from([1e-4, 1e-3, 0.05]),
    price=st.sampled_from([1e-8, 1.0, 6e4]),
    silent=st.tuples(st.integers(1, 1500), st.integers(1, 200)),
)
@settings(max_examples=20)
def test_a_summary_of_mirrored_log_prices_is_the_mirrored_summary(
    seed: int, volatility: float, price: float, silent: tuple[int, int]
) -> None:
    candles = random_candles(20_500, seed, price=price, volatility=volatility, flat=[silent])
    other: pd.DataFrame = candles.copy()
    other["open"], other["close"] = 1.0 / candles["open"], 1.0 / candles["close"]
    other["high"], other["low"] = 1.0 / candles["low"], 1.0 / candles["high"]
    here, there = (standard_features(market, (), "summary") for market in (candles, other))
    mirror = mirror_of(SUMMARY_FEATURES)
    assert mirror is not None
    image = mirrored(mirror, np.column_stack(list(here.values())))
    np.testing.assert_allclose(np.column_stack(list(there.values())), image, rtol=0, atol=1e-7)
    moved = {name for name in here if np.nanmax(np.abs(here[name] - there[name])) > 0.01}
    assert moved == set(ODD_SUMMARY_FEATURES)


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
