from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.columns import EXTENDED_FEATURES, FeatureSet
from dualwindow.extended_features import extended_features
from dualwindow.feature_stream import FeatureStream, standard_features
from dualwindow.features import (
    MovingMean,
    change_features,
    moving_average_features,
    moving_mean,
)
from dualwindow.windows import utc_seconds
from tests.markets import candle_frames, cuts, random_candles

CHANGES = ("high_change", "low_change", "close_change", "volume_change")
EXTENDED = (
    "rms_change30", "rms_change120", "rms_change1440",
    "volume_ma15_to_ma1440", "volume_ma60_to_ma1440",
    "time_of_day_sin", "time_of_day_cos",
)  # fmt: skip


def all_features(candles: pd.DataFrame, periods: tuple[int, ...]) -> dict[str, NDArray[np.float64]]:
    features = change_features(candles)
    for period in periods:
        features |= moving_average_features(candles, period)
    return features | extended_features(candles)


# --- slow, obviously right versions ------------------------------------------------------------


def slow_ratio(value: float, reference: float) -> float:
    """Relative change; NaN where it is no number."""
    if math.isnan(value) or math.isnan(reference) or reference == 0:
        return math.nan
    return value / reference - 1


def slow_mean(values: list[float], row: int, period: int) -> float:
    if row + 1 < period:
        return math.nan
    return math.fsum(values[row + 1 - period : row + 1]) / period


def slow_volume_change(now: float, before: float) -> float:
    if math.isnan(now) or math.isnan(before):
        return math.nan
    if before == 0:
        return 0.0 if now == 0 else 10.0
    return min(max(now / before - 1, -1.0), 10.0)


def slow_volume_to_mean(volume: float, mean: float) -> float:
    if mean == 0:
        return 0.0
    return min(max(slow_ratio(volume, mean), -1.0), 20.0) if not math.isnan(mean) else math.nan


def slow_features(candles: pd.DataFrame, period: int, first: int = 0) -> dict[str, list[float]]:
    high, low, close, volume = (
        candles[name].tolist() for name in ("high", "low", "close", "volume")
    )
    result: dict[str, list[float]] = {
        name: [] for name in (*CHANGES, f"price_to_ma{period}", f"volume_to_ma{period}", *EXTENDED)
    }
    squares = [slow_ratio(now, before) ** 2 for before, now in itertools.pairwise(close)]
    squares = [math.nan, *squares][: len(close)]
    for row in range(first, len(candles)):
        before = close[row - 1] if row else math.nan
        result["high_change"].append(slow_ratio(high[row], before))
        result["low_change"].append(slow_ratio(low[row], before))
        result["close_change"].append(slow_ratio(close[row], before))
        volume_before = volume[row - 1] if row else math.nan
        result["volume_change"].append(slow_volume_change(volume[row], volume_before))
        mean = slow_mean(close, row, period)
        result[f"price_to_ma{period}"].append(slow_ratio(close[row], mean))
        mean = slow_mean(volume, row, period)
        result[f"volume_to_ma{period}"].append(slow_volume_to_mean(volume[row], mean))
        for span in (30, 120, 1440):
            result[f"rms_change{span}"].append(math.sqrt(slow_mean(squares, row, span)))
        day = slow_mean(volume, row, 1440)
        for span in (15, 60):
            mean = slow_mean(volume, row, span)
            result[f"volume_ma{span}_to_ma1440"].append(slow_volume_to_mean(mean, day))
        date = candles["date"][row]
        turn = 2 * math.pi * (60 * date.hour + date.minute) / 1440
        result["time_of_day_sin"].append(math.sin(turn))
        result["time_of_day_cos"].append(math.cos(turn))
    return result


def assert_same(found: dict[str, NDArray[np.float64]], wanted: dict[str, list[float]]) -> None:
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-12, err_msg=name)


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


# --- special cases, by hand ----------------------------------------------------------------------


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


# --- causality -----------------------------------------------------------------------------------


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


# --- cuts ----------------------------------------------------------------------------------------


@given(data=st.data(), seed=st.integers(0, 9), feature_set=st.sampled_from(["base", "extended"]))
@settings(max_examples=40)
def test_all_features_are_the_same_to_the_last_bit_wherever_the_candles_are_cut(
    data: st.DataObject, seed: int, feature_set: FeatureSet
) -> None:
    candles = random_candles(3100, seed, nan=[(40, 1)], flat=[(300, 200)])
    stream = FeatureStream((50, 1500), feature_set)
    parts = [
        stream.update(candles.iloc[a:b])
        for a, b in itertools.pairwise(data.draw(cuts(len(candles))))
    ]
    whole = FeatureStream((50, 1500), feature_set).update(candles)
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert np.isfinite(whole[-1000:]).all()


def test_the_hooks_and_the_stream_make_the_same_features_in_the_same_order() -> None:
    candles = random_candles(1700, 1)
    hooks = change_features(candles) | standard_features(candles, (50, 7), "extended")
    stream = FeatureStream((50, 7), "extended")
    assert stream.names == tuple(hooks)
    assert stream.names[-7:] == EXTENDED == EXTENDED_FEATURES
    table = np.column_stack(list(hooks.values())).astype(np.float32)
    assert stream.update(candles).tobytes() == table.tobytes()


def test_the_time_of_day_is_that_of_utc_whatever_the_dates_are() -> None:
    candles = random_candles(1441)
    found = extended_features(candles)
    assert found["time_of_day_sin"][[0, 360, 1080]].tolist() == [0.0, 1.0, -1.0]
    assert found["time_of_day_cos"][[0, 720, 1440]].tolist() == [1.0, -1.0, 1.0]
    dates = candles["date"]
    for other in (
        utc_seconds(dates),
        dates.dt.tz_convert("Asia/Tokyo"),
        dates.dt.as_unit("us"),
        dates.astype(object),
    ):
        again = extended_features({**candles, "date": other})
        for name in EXTENDED:
            assert again[name].tobytes() == found[name].tobytes()


@pytest.mark.parametrize("factor", [1e160, 1e300])
def test_a_price_beyond_all_measure_gives_a_hole_not_an_infinity(factor: float) -> None:
    candles = random_candles(100)
    candles.loc[40, "close"] *= factor
    volatility = extended_features(candles)["rms_change30"]
    assert np.isnan(volatility[40:70]).all()
    assert np.isfinite(volatility[71:]).all()


def test_an_earlier_storm_leaves_nothing_in_the_volatility_of_calm() -> None:
    candles = random_candles(200, volatility=0.2)
    candles.loc[100:, "close"] = 1.0
    assert extended_features(candles)["rms_change30"][130:].tolist() == [0.0] * 70


# --- the moving mean -----------------------------------------------------------------------------

numbers = st.floats(-1e6, 1e6) | st.just(math.nan)
lists = st.lists(numbers, max_size=60)


def in_pieces(values: NDArray[np.float64], period: int, places: list[int]) -> NDArray[np.float64]:
    mean = MovingMean(period)
    return np.concatenate([mean.update(values[a:b]) for a, b in itertools.pairwise(places)])


@given(data=st.data(), values=lists, period=st.integers(1, 25))
@settings(max_examples=200)
def test_a_moving_mean_is_the_same_to_the_last_bit_wherever_its_input_is_cut(
    data: st.DataObject, values: list[float], period: int
) -> None:
    array = np.array(values, dtype=np.float64)
    places = data.draw(cuts(len(values)))
    assert in_pieces(array, period, places).tobytes() == moving_mean(array, period).tobytes()


@pytest.mark.parametrize("step", [1, 7, 1439, 1440, 1441, 3000])
def test_a_moving_mean_of_a_day_is_the_same_to_the_last_bit_in_steps(step: int) -> None:
    values = random_candles(6000, 5)["volume"].to_numpy()
    places = [*range(0, 6000, step), 6000]
    assert in_pieces(values, 1440, places).tobytes() == moving_mean(values, 1440).tobytes()


@given(values=lists, period=st.integers(1, 25))
def test_a_moving_mean_is_the_mean_of_its_last_values(values: list[float], period: int) -> None:
    wanted = [slow_mean(values, row, period) for row in range(len(values))]
    np.testing.assert_allclose(moving_mean(values, period), wanted, rtol=1e-12, atol=1e-8)


@given(values=st.lists(st.floats(1, 1e6), min_size=1, max_size=60), period=st.integers(1, 25))
def test_a_hole_stays_within_the_windows_that_hold_it(values: list[float], period: int) -> None:
    hole = len(values) // 2
    holed = np.array(values)
    holed[hole] = math.nan
    whole, found = moving_mean(values, period), moving_mean(holed, period)
    touched = np.zeros(len(values), dtype=bool)
    touched[hole : hole + period] = True
    touched[: period - 1] = True
    assert (np.isnan(found) == touched).all()
    assert found[~touched].tobytes() == whole[~touched].tobytes()


@pytest.mark.parametrize("huge", [1e16, 1e300, math.inf])
def test_a_huge_value_leaves_no_residue_once_it_is_gone(huge: float) -> None:
    values = np.full(60, 0.1)
    clean = moving_mean(values, 10)
    values[20] = huge
    found = moving_mean(values, 10)
    assert found[:20].tobytes() == clean[:20].tobytes()
    assert found[30:].tobytes() == clean[30:].tobytes()
    assert (found[20:30] > 1e10).all()


def test_the_mean_of_silence_after_a_storm_is_exactly_zero() -> None:
    values = np.concatenate([np.random.default_rng(0).lognormal(5, 3, 500), np.zeros(100)])
    assert (moving_mean(values, 100)[-1:] == 0.0).all()
    assert moving_mean(values, 100)[-2] > 0.0


@pytest.mark.parametrize("period", [1440, 43200])
@pytest.mark.parametrize("column", ["close", "volume"])
def test_a_moving_mean_equals_that_of_pandas_on_real_candles(
    btc_futures: pd.DataFrame, period: int, column: str
) -> None:
    values = btc_futures[column]
    found = moving_mean(values, period)
    wanted = values.rolling(period).mean().to_numpy()
    assert np.isnan(found[: period - 1]).all()
    np.testing.assert_allclose(found[period - 1 :], wanted[period - 1 :], rtol=1e-12)


def test_a_moving_mean_takes_what_numpy_takes_and_changes_none_of_it() -> None:
    makers: list[Callable[[list[int]], object]] = [list, tuple, np.array, pd.Series]
    for make in makers:
        assert moving_mean(make([1, 2, 3, 4]), 2).tolist()[1:] == [1.5, 2.5, 3.5]
    values = np.arange(5.0)
    mean = MovingMean(2)
    mean.update(values)
    values[:] = 99.0
    assert mean.update([6.0]).tolist() == [5.0]
    assert (values == 99.0).all()


def test_an_empty_update_changes_nothing() -> None:
    mean = MovingMean(3)
    assert mean.update([]).shape == (0,)
    mean.update([1.0, 2.0])
    assert mean.update([]).shape == (0,)
    assert mean.update([3.0]).tolist() == [2.0]


def test_a_long_stream_keeps_at_most_two_periods() -> None:
    mean = MovingMean(10)
    for _ in range(100):
        mean.update(np.ones(7))
        held = [value for value in vars(mean).values() if isinstance(value, np.ndarray)]
        assert sum(map(len, held)) <= 21


@pytest.mark.parametrize("period", [0, -1])
def test_a_period_below_one_candle_is_refused(period: int) -> None:
    with pytest.raises(ValueError, match="at least 1 candle"):
        MovingMean(period)
