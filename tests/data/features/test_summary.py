"""The third feature set: what the last candles tell of the present one, finite and causal."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.columns import (
    BASE,
    DAY_FEATURES,
    ODD_SUMMARY_FEATURES,
    SAME_TIME_FEATURES,
    SUMMARY,
    SUMMARY_FEATURES,
    candles_looked_at,
)
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import LARGEST_VOLUME
from dualwindow.data.candles.impossible import PRICES as PRICE_BOUNDS
from dualwindow.data.features.feature_sets import FeatureStream, standard_features
from dualwindow.data.features.summary import SummaryFeatures
from tests.makers.impossible import IMPOSSIBLE, as_missing, planted
from tests.makers.markets import PRICES, START, random_candles
from tests.makers.slow_summary import slow_summary

LOOKED_AT = candles_looked_at(SUMMARY)


def summary(candles: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    return standard_features(candles, (), SUMMARY)


def assert_slow(candles: pd.DataFrame, row: int, found: dict[str, NDArray[np.float64]]) -> None:
    wanted = slow_summary(candles, row)
    assert tuple(wanted) == tuple(found) == SUMMARY_FEATURES
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name][row], value, rtol=0, atol=1e-9, err_msg=name)


# --- formulas -------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 99),
    silent=st.tuples(st.integers(1, 1500), st.integers(1, 1600)),
    rows=st.lists(st.integers(0, 1599), min_size=4, max_size=4),
    volatility=st.sampled_from([1e-7, 1e-3, 0.1]),
)
@settings(max_examples=25)
def test_every_feature_follows_its_formula(
    seed: int, silent: tuple[int, int], rows: list[int], volatility: float
) -> None:
    candles = random_candles(1600, seed, flat=[silent], volatility=volatility)
    found = summary(candles)
    for row in (*rows, 1599):
        assert_slow(candles, row, found)


def test_every_feature_follows_its_formula_over_a_fortnight() -> None:
    candles = random_candles(LOOKED_AT + 300, 3, flat=[(9000, 700)])
    found = summary(candles)
    for row in (LOOKED_AT - 2, LOOKED_AT - 1, LOOKED_AT, LOOKED_AT + 299):
        assert_slow(candles, row, found)


def test_every_feature_follows_its_formula_on_real_candles(btc_gap_filled: pd.DataFrame) -> None:
    first = int(np.flatnonzero(btc_gap_filled["volume"] == 0)[0])
    outage = btc_gap_filled.iloc[first - 1500 : first + 400].reset_index(drop=True)
    found = summary(outage)
    for row in range(1390, 1900, 17):
        assert_slow(outage, row, found)


def test_exactly_as_many_candles_as_are_looked_at_give_the_first_row() -> None:
    assert LOOKED_AT == 14 * 1440 + 1
    table = FeatureStream((), SUMMARY).update(random_candles(LOOKED_AT, 1))
    assert np.isfinite(table).all(axis=1).tolist() == [False] * (LOOKED_AT - 1) + [True]


def test_names_are_those_of_base_and_the_summary_in_order() -> None:
    names = FeatureStream((50,), SUMMARY).names
    assert names == (*FeatureStream((50,), BASE).names, *SUMMARY_FEATURES)
    assert len(set(SUMMARY_FEATURES)) == 44
    assert set(ODD_SUMMARY_FEATURES) < set(DAY_FEATURES)


# --- special cases --------------------------------------------------------------------------------


@pytest.mark.parametrize("price", [PRICE_BOUNDS[0], 1.0, 61234.5, PRICE_BOUNDS[1]])
def test_a_market_that_stands_still_has_finite_features(price: float) -> None:
    candles = random_candles(LOOKED_AT, flat=[(1, LOOKED_AT)])
    candles[PRICES], candles["volume"] = price, 0.0
    newest = {name: values[-1] for name, values in summary(candles).items()}
    for name, value in newest.items():
        if name.startswith(("log_rms", "log_parkinson")):
            assert value == pytest.approx(math.log(1e-5))
        elif "_of_day" not in name and "half_day" not in name:
            assert value == pytest.approx(0.0, abs=1e-6), name


def test_an_earlier_storm_leaves_nothing_in_the_volatility_of_calm() -> None:
    candles = random_candles(400, volatility=0.5)
    candles.loc[100:, PRICES] = 1.0
    found = summary(candles)
    assert set(found["log_rms_change30"][130:]) == {math.log(1e-10) / 2}
    assert set(found["log_range60"][160:]) == {0.0}


possible = st.floats(*PRICE_BOUNDS, allow_nan=False)


@given(
    seed=st.integers(0, 9),
    planted_=st.lists(st.tuples(st.integers(1, 1599), possible, possible), max_size=8),
    volume=st.sampled_from([0.0, 5e-324, 1.0, LARGEST_VOLUME]),
)
@settings(max_examples=40)
def test_features_of_all_possible_candles_are_finite(
    seed: int, planted_: list[tuple[int, float, float]], volume: float
) -> None:
    candles = random_candles(1600, seed)
    for row, one, other in planted_:
        low, high = sorted((one, other))
        candles.loc[row:, PRICES] = low, high, low, high
        candles.loc[row:, "volume"] = volume
    found = summary(candles)
    for name in DAY_FEATURES:
        assert np.isfinite(found[name][1444:].astype(np.float32)).all(), name
        assert not np.isinf(found[name]).any(), name
    for name in ODD_SUMMARY_FEATURES:
        # No return is longer than the sum of the changes, whose root mean square is the unit.
        assert np.abs(found[name][1444:]).max() <= math.sqrt(1440) + 1e-6, name


def test_a_close_that_an_exchange_rounds_beyond_its_range_is_at_its_end() -> None:
    candles = random_candles(100, flat=[(1, 99)])
    candles.loc[99, "close"] = candles.loc[99, "high"] * 1.0005
    assert summary(candles)["range_position60"][99] == 0.0
    candles.loc[90, "high"] *= 1.00001
    assert summary(candles)["range_position60"][99] == 1.0


def test_the_clock_is_that_of_utc_whatever_the_dates_are() -> None:
    candles = random_candles(1441)
    found = summary(candles)
    assert found["time_of_day_sin"][[0, 360, 1080]].tolist() == [0.0, 1.0, -1.0]
    assert found["half_day_sin"][[0, 180, 540, 900]].tolist() == [0.0, 1.0, -1.0, 1.0]
    assert found["half_day_cos"][[0, 360, 720]].tolist() == [1.0, -1.0, 1.0]
    dates = candles["date"]
    for other in (utc_seconds(dates), dates.dt.tz_convert("Asia/Tokyo"), dates.astype(object)):
        again = SummaryFeatures().update({**candles, "date": other})
        for name in DAY_FEATURES:
            assert again[name].tobytes() == found[name].tobytes()


@pytest.mark.parametrize("minutes", [5, 60])
def test_periods_are_candles_on_every_timeframe(minutes: int) -> None:
    candles = random_candles(LOOKED_AT, 4)
    dates = pd.date_range(START, periods=LOOKED_AT, freq=f"{minutes}min", unit="ms")
    here, there = summary(candles), summary(candles.assign(date=dates))
    for name in (*ODD_SUMMARY_FEATURES, *SAME_TIME_FEATURES, "log_rms_change240"):
        assert here[name].tobytes() == there[name].tobytes(), name
    # The candles that are compared are of the same time of day all the same.
    assert dates[0].time() == dates[1440].time()


def test_memory_is_that_of_what_is_looked_at_not_of_the_market() -> None:
    candles = random_candles(150_000, 1)
    stream = FeatureStream((), SUMMARY)
    tracemalloc.start()
    try:
        for first in range(0, len(candles), 10_000):
            stream.update(candles.iloc[first : first + 10_000])
        held, most = tracemalloc.get_traced_memory()
        SummaryFeatures().update(candles)
        _, whole = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * 2**20
    assert most < 20 * 2**20
    # The features themselves, and a little more.
    assert whole < 8 * len(candles) * len(DAY_FEATURES) + 40 * 2**20


# --- causality ------------------------------------------------------------------------------------


@given(row=st.integers(0, 1599), factor=st.sampled_from([0.5, 1e12, math.nan, -1.0]))
@settings(max_examples=25)
def test_changing_a_candle_changes_no_feature_before_it(row: int, factor: float) -> None:
    candles = random_candles(1600, 2)
    changed = candles.copy()
    changed.loc[row:, [*PRICES, "volume"]] *= factor
    before, after = summary(candles), summary(changed)
    for name, values in before.items():
        assert values[:row].tobytes() == after[name][:row].tobytes(), name


def test_the_volatility_that_followed_is_that_of_earlier_days_alone() -> None:
    candles = random_candles(LOOKED_AT + 10, 5)
    changed = candles.copy()
    # All that a row may not look at: the present day, but for what lies 1,320 candles back.
    changed.loc[LOOKED_AT + 9 - 1319 :, PRICES] *= 3.0
    for name in SAME_TIME_FEATURES:
        assert summary(candles)[name][-1] == summary(changed)[name][-1]
    changed.loc[LOOKED_AT + 9 - 1320 :, PRICES] *= 3.0
    for name in SAME_TIME_FEATURES:
        assert summary(candles)[name][-1] < summary(changed)[name][-1]


# --- impossible candles ---------------------------------------------------------------------------


@given(kinds=st.dictionaries(st.integers(0, 1599), st.sampled_from(sorted(IMPOSSIBLE)), min_size=1))
@settings(max_examples=25)
def test_impossible_candles_are_unknown_and_count_as_missing_further_back(
    kinds: dict[int, str],
) -> None:
    market = random_candles(1600)
    found = summary(planted(market, kinds))
    wanted = summary(as_missing(market, list(kinds)))
    unknown = sorted({row for at in kinds for row in (at, at + 1) if row < 1600})
    other = np.setdiff1d(np.arange(1600), unknown)
    for name, values in found.items():
        assert np.isnan(values[unknown]).all()
        np.testing.assert_array_equal(values[other], wanted[name][other], err_msg=name)
