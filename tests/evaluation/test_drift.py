"""Drift is told where features leave their training, and not where they only move slowly."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.evaluation.evidence.drift import FeatureSpread, _some_days, stability_index

MINUTES = 60
DAY = 1_440


def spread_of(*columns: NDArray[np.floating], step: int = MINUTES) -> FeatureSpread:
    names = tuple(f"feature {at}" for at in range(len(columns)))
    features = np.column_stack(columns).astype(np.float32)
    spread = FeatureSpread.of(names, features, step)
    assert spread is not None
    return FeatureSpread.from_dict(json.loads(json.dumps(spread.to_dict())))


def drifted(spread: FeatureSpread, *columns: NDArray[np.floating]) -> list[bool]:
    rows = np.column_stack(columns).astype(np.float32)
    bins = b"".join(spread.bins(row) or b"" for row in rows)
    drift = spread.drift(np.frombuffer(bins, np.uint8).reshape(len(rows), -1))
    assert drift is not None
    by_name = {feature.name: feature.drifted for feature in drift.features}
    return [by_name[name] for name in spread.names]


def slow(random: np.random.Generator, count: int, memory: int) -> NDArray[np.float64]:
    """A stationary series that remembers so many candles."""
    values, kept = np.empty(count), 1.0 - 1.0 / memory
    noise = random.normal(size=count)
    values[0] = noise[0] / math.sqrt(1.0 - kept * kept)
    for at in range(1, count):
        values[at] = kept * values[at - 1] + noise[at]
    return values


def test_the_index_is_the_textbooks() -> None:
    """Shares of 40 and 60 percent where 50 and 50 were: 0.1 ln(0.6/0.5) - 0.1 ln(0.4/0.5)."""
    expected = 0.1 * math.log(0.6 / 0.5) - 0.1 * math.log(0.4 / 0.5)
    found = stability_index(np.array([4_000_000, 6_000_000]), (0.5, 0.5))
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("memory", [1, 60, 3 * DAY])
def test_features_that_stay_as_they_were_are_rarely_told(memory: int) -> None:
    """Also those that hardly move in a day, whose deciles always look far off.

    Of 12 days the thirteenth is the farthest with a chance of 1 in 13.
    """
    random, found = np.random.default_rng(memory), []
    step = 15 * MINUTES
    for _ in range(40):
        series = [slow(random, 13 * 100, max(memory // 15, 1)) for _ in range(5)]
        spread = spread_of(*(own[:-100] for own in series), step=step)
        assert spread.candles == 100
        found += drifted(spread, *(own[-100:] for own in series))
    # Features that remember days leave the range of the training more often.
    assert np.mean(found) <= (0.13 if memory < DAY else 0.3)


@pytest.mark.parametrize(
    "change",
    [
        lambda new: new + 1.0,
        lambda new: new - 1.0,
        lambda new: 2.0 * new,
        lambda new: 0.5 * new,
        np.zeros_like,
        lambda new: np.full_like(new, 1e6),
    ],
    ids=["higher", "lower", "wider", "narrower", "constant", "never seen"],
)
def test_a_feature_that_has_changed_is_told_and_its_neighbour_is_not(change: object) -> None:
    random = np.random.default_rng(3)
    old = random.normal(size=(2, 20 * DAY))
    spread = spread_of(*old)
    new = random.normal(size=(2, DAY))
    assert spread.candles == DAY
    assert drifted(spread, change(new[0]), new[1]) == [True, False]  # type: ignore[operator]


def test_a_slow_feature_beyond_its_training_is_told() -> None:
    """All of its days lie in few bins; values that were never seen have their own."""
    old = np.repeat(np.linspace(-1.0, 1.0, 20), DAY)
    assert drifted(spread_of(old), np.full(DAY, 1.05)) == [True]
    assert drifted(spread_of(old), np.full(DAY, 1.0)) == [False]


@given(
    values=st.lists(st.sampled_from([-1.0, 0.0, 0.5, 10.0]), min_size=200, max_size=400),
    constant=st.floats(-1e6, 1e6, width=32),
)
@settings(max_examples=40, deadline=None)
def test_bins_of_the_training_are_its_shares(values: list[float], constant: float) -> None:
    """Ties and constants included."""
    columns = np.array(values), np.full(len(values), constant)
    spread = spread_of(*columns)
    rows = np.column_stack(columns).astype(np.float32)
    bins = np.frombuffer(b"".join(spread.bins(row) or b"" for row in rows), np.uint8)
    for at, name in enumerate(spread.names):
        shares = spread.shares[name]
        counts = np.bincount(bins.reshape(-1, 2)[:, at], minlength=len(shares))
        assert counts / len(values) == pytest.approx(shares, abs=1e-6)


@given(
    days=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    most=st.integers(1, 40),
    odd=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_of_a_store_some_days_of_all_pairs_are_looked_at(
    days: list[int], most: int, odd: int
) -> None:
    """A day has 100 candles of 15 minutes; each candle's feature is its own number."""
    bounds = np.cumsum([0, *(100 * day + odd for day in days)])
    parts = [
        np.arange(first, stop, dtype=np.float32)[:, None]
        for first, stop in pairwise(bounds.tolist())
    ]
    found = _some_days(parts, 100, 100 * most)
    assert 100 * min(most, sum(days)) == sum(map(len, found))
    numbers = np.concatenate([*found, np.empty((0, 1), np.float32)])[:, 0]
    assert (np.diff(numbers) > 0).all()
    ends = [(part[0, 0], part[-1, 0]) for part in parts if len(part)]
    for own in found:
        assert any(first <= own[0, 0] and own[-1, 0] <= last for first, last in ends)


def test_the_spread_of_one_part_is_that_of_its_rows() -> None:
    rows = np.random.default_rng(0).normal(size=(9_000, 2)).astype(np.float32)
    whole = FeatureSpread.of(("x", "y"), rows, MINUTES)
    assert FeatureSpread.of_parts(("x", "y"), [rows], MINUTES) == whole
    assert FeatureSpread.of_parts(("x", "y"), [rows[:4_000], rows[4_000:]], MINUTES) == whole
    assert FeatureSpread.of_parts(("x", "y"), [rows, rows], MINUTES, most=8_000) != whole
    assert FeatureSpread.of_parts(("x",), [], MINUTES) is None


def test_what_is_not_known_is_not_told() -> None:
    few = np.zeros((100, 1), np.float32)
    assert FeatureSpread.of(("x",), few, MINUTES) is None
    assert FeatureSpread.of(("x",), np.full((9_000, 1), np.nan, np.float32), MINUTES) is None
    spread = spread_of(np.random.default_rng(0).normal(size=9_000))
    assert spread.bins(np.array([np.nan], np.float32)) is None
    assert spread.drift(np.zeros((spread.candles - 1, 1), np.uint8)) is None
