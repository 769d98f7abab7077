"""Every feature follows its formula, stays in its bounds and knows no later candle."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.data.features.base import change_features, moving_average_features
from dualwindow.data.features.extended import extended_features
from tests.makers.markets import candle_frames, random_candles
from tests.makers.slow_features import CHANGES, EXTENDED, slow_features


def all_features(candles: pd.DataFrame, periods: tuple[int, ...]) -> dict[str, NDArray[np.float64]]:
    features = change_features(candles)
    for period in periods:
        features |= moving_average_features(candles, period)
    return features | extended_features(candles)


def assert_same(found: dict[str, NDArray[np.float64]], wanted: dict[str, list[float]]) -> None:
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-12, err_msg=name)


# --- formulas -------------------------------------------------------------------------------------


@given(candles=candle_frames(), period=st.integers(1, 9))
def test_every_feature_follows_its_formula(candles: pd.DataFrame, period: int) -> None:
    assert_same(all_features(candles, (period,)), slow_features(candles, period))


def test_every_feature_follows_its_formula_on_a_long_market() -> None:
    candles = random_candles(700, 3, nan=[(200, 3)], flat=[(400, 60)])
    assert_same(all_features(candles, (50,)), slow_features(candles, 50))


@given(
    seed=st.integers(0, 99),
    nan=st.integers(0, 1500),
    silent=st.tuples(st.integers(0, 1500), st.integers(0, 1600)),
    rows=st.lists(st.integers(1300, 1599), min_size=8, max_size=8),
)
@settings(max_examples=15)
def test_every_feature_follows_its_formula_over_more_than_a_day(
    seed: int, nan: int, silent: tuple[int, int], rows: list[int]
) -> None:
    candles = random_candles(1600, seed, nan=[(nan, 1)], flat=[silent])
    found = all_features(candles, (50,))
    for row in rows:
        # The last row of a frame that begins just early enough.
        part = candles.iloc[max(0, row - 1440) : row + 1].reset_index(drop=True)
        wanted = slow_features(part, 50, first=len(part) - 1)
        assert_same({name: values[row : row + 1] for name, values in found.items()}, wanted)


def test_every_feature_follows_its_formula_on_real_candles(btc_gap_filled: pd.DataFrame) -> None:
    first = int(np.flatnonzero(btc_gap_filled["volume"] == 0)[0])
    outage = btc_gap_filled.iloc[first - 400 : first + 400].reset_index(drop=True)
    assert (outage["volume"] == 0).sum() == 152
    assert_same(all_features(outage, (60,)), slow_features(outage, 60))


# --- special cases, by hand -----------------------------------------------------------------------


def volumes(*values: float) -> pd.DataFrame:
    price = [100.0] * len(values)
    return pd.DataFrame({"high": price, "low": price, "close": price, "volume": values})


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (0.0, 0.0, 0.0),
        (0.0, 1e-9, 10.0),
        (0.0, 5.0, 10.0),
        (5.0, 0.0, -1.0),
        (1.0, 11.0, 10.0),
        (1.0, 10.5, 9.5),
        (1.0, 400.0, 10.0),
        (4.0, 2.0, -0.5),
        (math.nan, 1.0, math.nan),
        (0.0, math.nan, math.nan),
        (1.0, math.nan, math.nan),
        (math.nan, 0.0, math.nan),
    ],
)
def test_volume_change_is_bounded_and_knows_silence(
    before: float, now: float, change: float
) -> None:
    np.testing.assert_equal(change_features(volumes(before, now))["volume_change"][1], change)


@pytest.mark.parametrize(
    ("values", "ratio"),
    [
        ([0.0, 0.0, 0.0, 0.0], 0.0),
        ([3.0, 0.0, 0.0, 0.0], -1.0),
        ([1.0, 1.0, 1.0, 5.0], 1.5),
        ([0.0, 0.0, 0.0, 9.0], 3.0),
        ([1.0, math.nan, 1.0, 1.0], math.nan),
    ],
)
def test_volume_to_its_mean_is_bounded_and_knows_silence(values: list[float], ratio: float) -> None:
    features = moving_average_features(volumes(*values), 4)
    np.testing.assert_equal(features["volume_to_ma4"][3], ratio)
    assert np.isnan(features["volume_to_ma4"][:3]).all()


def test_volume_to_its_mean_stops_at_twenty() -> None:
    features = moving_average_features(volumes(*[0.0] * 39, 1.0), 40)
    assert features["volume_to_ma40"][39] == 20.0


def test_the_first_candle_has_no_change() -> None:
    for values in change_features(random_candles(5)).values():
        assert np.isnan(values[0])
        assert np.isfinite(values[1:]).all()


def test_no_candles_give_no_rows() -> None:
    for values in all_features(random_candles(5)[:0], (3,)).values():
        assert values.shape == (0,)


def test_features_are_named_with_their_period() -> None:
    assert tuple(change_features(random_candles(3))) == CHANGES
    names = tuple(moving_average_features(random_candles(3), 1440))
    assert names == ("price_to_ma1440", "volume_to_ma1440")


@given(candles=candle_frames(), period=st.integers(1, 9))
def test_clipped_features_stay_in_their_bounds_and_no_feature_is_infinite(
    candles: pd.DataFrame, period: int
) -> None:
    features = all_features(candles, (period,))
    for values in features.values():
        assert not np.isinf(values).any()
    bounds = [("volume_change", -1, 10), (f"volume_to_ma{period}", -1, 20)]
    bounds += [(name, -1, 20 if name.startswith("volume") else 1) for name in EXTENDED[3:]]
    for name, low, high in bounds:
        values = features[name][~np.isnan(features[name])]
        assert ((low <= values) & (values <= high)).all()


def test_a_price_of_zero_gives_a_hole_not_an_infinity() -> None:
    candles = random_candles(6)
    candles.loc[2, ["high", "low", "close"]] = 0.0
    for name, values in all_features(candles, (1,)).items():
        assert not np.isinf(values).any(), name
    assert np.isnan(change_features(candles)["close_change"][3])


# --- causality ------------------------------------------------------------------------------------


@given(data=st.data(), candles=candle_frames(min_rows=2), period=st.integers(1, 9))
def test_changing_a_candle_changes_no_feature_before_it(
    data: st.DataObject, candles: pd.DataFrame, period: int
) -> None:
    row = data.draw(st.integers(0, len(candles) - 1))
    changed = candles.copy()
    factor = data.draw(st.sampled_from([0.0, 0.5, 1e12, math.nan]))
    changed.loc[row:, ["open", "high", "low", "close", "volume"]] *= factor
    before, after = all_features(candles, (period,)), all_features(changed, (period,))
    for name, values in before.items():
        assert values[:row].tobytes() == after[name][:row].tobytes(), name


@given(candles=candle_frames(), more=candle_frames(max_rows=10), period=st.integers(1, 9))
def test_more_candles_change_no_feature_of_the_earlier_ones(
    candles: pd.DataFrame, more: pd.DataFrame, period: int
) -> None:
    longer = pd.concat([candles, more], ignore_index=True)
    short, long = all_features(candles, (period,)), all_features(longer, (period,))
    for name, values in short.items():
        assert values.tobytes() == long[name][: len(values)].tobytes(), name


@pytest.mark.parametrize("column", ["high", "low", "close", "volume"])
def test_a_feature_does_depend_on_its_own_candle(column: str) -> None:
    candles = random_candles(20)
    changed = candles.copy()
    changed.loc[12, column] *= 1.5
    before, after = all_features(candles, (5,)), all_features(changed, (5,))
    moved = {name for name in before if before[name][12] != after[name][12]}
    assert f"{column}_change" in moved
