"""Intervals from whole days."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.evaluation.bootstrap import Interval, day_mean


def hourly(values: np.ndarray[Any, Any], draws: int, seed: int = 0) -> Interval:
    """The mean of one value an hour."""
    return day_mean(values, np.arange(len(values)) // 24, draws=draws, seed=seed)


@given(seed=st.integers(0, 2**31), count=st.integers(24 * 5, 24 * 20))
@settings(max_examples=30)
def test_the_interval_lies_around_the_mean(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).normal(0.001, 0.01, count)
    found = hourly(values, 400)
    assert found.low < found.value < found.high
    assert found.value == values.mean()
    assert min(values) < found.low
    assert found.high < max(values)


def test_the_interval_covers_a_known_mean_about_as_often_as_it_claims() -> None:
    covered = 0
    for seed in range(100):
        found = hourly(np.random.default_rng(seed).normal(0.002, 0.01, 24 * 40), 300)
        covered += found.low <= 0.002 <= found.high
    assert 85 <= covered <= 100


def test_the_interval_knows_that_trades_of_one_day_move_together() -> None:
    random = np.random.default_rng(0)
    alone = random.normal(0, 0.01, 24 * 30)
    # The same spread, but each day is all good or all bad.
    daily = np.repeat(random.normal(0, 0.01, 30), 24)
    apart, together = hourly(alone, 2000), hourly(daily, 2000)
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=240)
    assert hourly(values, 200) == hourly(values, 200)
    assert hourly(values, 200) != hourly(values, 200, seed=1)
