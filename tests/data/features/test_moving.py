"""Sums and extremes of windows: what a plain loop finds, whatever lies around them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.data.features.moving import delayed, moving_highest, moving_lowest, moving_sums

PERIODS = st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True)
VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=90)


@given(values=VALUES, periods=PERIODS)
def test_every_window_is_that_of_a_plain_loop(values: list[float], periods: list[int]) -> None:
    given_ = np.array(values, dtype=np.float64)
    for moving, plain in (
        (moving_sums, np.sum),
        (moving_highest, np.max),
        (moving_lowest, np.min),
    ):
        found = moving(given_, periods)
        assert list(found) == periods
        for period in periods:
            wanted = [
                plain(given_[row + 1 - period : row + 1]) if row + 1 >= period else math.nan
                for row in range(len(values))
            ]
            np.testing.assert_allclose(found[period], wanted, rtol=1e-12, atol=1e-7)


@given(
    seed=st.integers(0, 99),
    before=st.integers(0, 50),
    after=st.integers(0, 50),
    period=st.integers(1, 64),
    others=PERIODS,
)
def test_a_sum_is_the_same_to_the_last_bit_wherever_its_window_lies(
    seed: int, before: int, after: int, period: int, others: list[int]
) -> None:
    values = np.random.default_rng(seed).lognormal(0, 3, before + period + after)
    part = values[before : before + period]
    alone = moving_sums(part, (period,))[period][-1]
    among = moving_sums(values, (*others, period))[period][before + period - 1]
    assert alone.tobytes() == among.tobytes()


def test_an_earlier_storm_leaves_nothing_in_the_sum_of_calm() -> None:
    values = np.array([1e300, -1e250, math.nan, *[0.0] * 10])
    assert moving_sums(values, (5,))[5][7:].tolist() == [0.0] * 6


@pytest.mark.parametrize("by", [0, 1, 3, 4, 9])
def test_delayed_values_are_those_of_earlier_rows(by: int) -> None:
    found = delayed(np.arange(4.0), by)
    np.testing.assert_array_equal(found, [math.nan] * min(by, 4) + list(range(4 - min(by, 4))))
