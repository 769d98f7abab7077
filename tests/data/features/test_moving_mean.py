"""The moving mean: exact, forgetful of what has left it, and the same wherever its input is cut."""

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

from dualwindow.data.features.base import MovingMean, moving_mean
from tests.makers.markets import cuts, random_candles
from tests.makers.slow_features import slow_mean

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
