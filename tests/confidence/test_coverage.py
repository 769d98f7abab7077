from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence import decide
from dualwindow.confidence.coverage import ValidationQuantiles, least_level
from dualwindow.confidence.measure import LOWEST
from dualwindow.confidence.thresholds import COVERAGE_THRESHOLDS

ALL = np.ones(3, dtype=bool)
SIDES = st.sampled_from([SHORT, LONG])
#: Ten-thousandths, so that every share means a whole number of them.
SHARES = st.integers(1, 5_000).map(lambda steps: steps / 10_000)


@st.composite
def tables(draw: st.DrawFn) -> np.ndarray:
    """(N, 3) probabilities; now all different, now of a few values, now all the same."""
    rows = draw(st.integers(1, 400))
    distinct = draw(st.sampled_from([1, 2, 5, 30, 10_000]))
    raw = np.random.default_rng(draw(st.integers(0, 99))).integers(1, distinct + 1, (rows, 3))
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)


def fired(values: np.ndarray, threshold: float) -> int:
    return int((values.astype(np.float64) >= threshold).sum())


def most_that_may(values: np.ndarray, share: float) -> int:
    """The slow version: try every probability there is as threshold, and one above them all."""
    allowed = round(share * 10_000) * len(values) // 10_000
    counts = [fired(values, float(each)) for each in np.unique(values)] + [0]
    return max(count for count in counts if count <= allowed)


@given(table=tables(), share=SHARES, side=SIDES)
def test_as_many_candles_fire_as_the_share_allows_and_never_more(
    table: np.ndarray, share: float, side: int
) -> None:
    threshold = ValidationQuantiles.from_probabilities(table, ALL).threshold(side, share)
    found = fired(table[:, side], threshold)
    assert found == most_that_may(table[:, side], share)
    assert found <= share * len(table) + 1e-9


@given(table=tables(), others=tables(), share=SHARES, side=SIDES)
def test_levels_decide_the_same_as_thresholds_for_any_candles(
    table: np.ndarray, others: np.ndarray, share: float, side: int
) -> None:
    quantiles = ValidationQuantiles.from_probabilities(table, ALL)
    for rows in (table, others, np.nextafter(table, np.float32(0))):
        by_level = quantiles.levels(rows)[:, side] >= least_level(share)
        by_threshold = rows[:, side].astype(np.float64) >= quantiles.threshold(side, share)
        np.testing.assert_array_equal(by_level, by_threshold)


@given(table=tables(), share=SHARES)
def test_what_is_decided_stays_within_the_share_on_each_side(
    table: np.ndarray, share: float
) -> None:
    quantiles = ValidationQuantiles.from_probabilities(table, ALL)
    own = {name: quantiles.threshold(code, share) for name, code in (("short", 0), ("long", 2))}
    decisions = decide(table, replace(COVERAGE_THRESHOLDS, **own))
    for side in (SHORT, LONG):
        assert (decisions == side).mean() <= share + 1e-9


@given(table=tables(), side=SIDES)
def test_a_larger_share_lets_through_more_and_levels_grow_with_the_probability(
    table: np.ndarray, side: int
) -> None:
    quantiles = ValidationQuantiles.from_probabilities(table, ALL)
    assert (np.diff(quantiles.limits) <= 0).all()
    order = np.argsort(table[:, side], kind="stable")
    assert (np.diff(quantiles.levels(table)[order, side]) >= 0).all()


@given(table=tables(), known=hnp.arrays(bool, 3))
def test_a_side_that_training_did_not_know_is_never_predicted(
    table: np.ndarray, known: np.ndarray
) -> None:
    quantiles = ValidationQuantiles.from_probabilities(table, known)
    certain = np.ones((1, 3), dtype=np.float32)
    for side in (SHORT, LONG):
        reached = quantiles.threshold(side, 0.5) <= 1
        assert (
            quantiles.levels(certain)[0, side] >= least_level(0.5) if known[side] else not reached
        )


def test_equal_probabilities_pass_together_or_not_at_all() -> None:
    values = np.repeat([0.6, 0.5, 0.2], [30, 40, 930]).astype(np.float32)
    table = np.column_stack([values, 1 - values, np.zeros(1000, np.float32)])
    quantiles = ValidationQuantiles.from_probabilities(table, ALL)
    for share, count in ((0.0299, 0), (0.03, 30), (0.0699, 30), (0.07, 70), (0.5, 70)):
        assert fired(values, quantiles.threshold(SHORT, share)) == count
    # LONG has one probability only, so that no share of it can be taken.
    assert fired(table[:, LONG], quantiles.threshold(LONG, 0.5)) == 0


def test_shares_between_two_steps_are_rounded_down() -> None:
    quantiles = ValidationQuantiles.from_probabilities(
        np.random.default_rng(0).dirichlet([1, 1, 1], 20_000), ALL
    )
    assert quantiles.threshold(SHORT, 0.00025) == quantiles.threshold(SHORT, 0.0002)
    assert least_level(0.00025) == least_level(0.0002) == 0.9998
    # As floats, 0.07 * 10,000 is a little more than 700 and 0.0003 * 10,000 a little less than 3.
    assert (least_level(0.07), least_level(0.0003)) == (0.93, 0.9997)


def test_an_unknown_probability_has_rank_0_and_every_other_a_higher_one() -> None:
    table = np.random.default_rng(0).dirichlet([1, 1, 1], 500).astype(np.float32)
    quantiles = ValidationQuantiles.from_probabilities(table, ALL)
    rows = np.array([[np.nan] * 3, [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], np.float32)
    levels = quantiles.levels(rows)
    assert levels[0].tolist() == [0.0, 0.0, 0.0]
    assert levels[1, SHORT] == 0.4999
    assert levels[2, SHORT] == 1.0
    assert (levels[:, HOLD] == 0).all()
    assert levels.shape == (3, len(CLASS_NAMES))


def test_no_candles_have_no_quantiles() -> None:
    with pytest.raises(ValueError, match="no validation candles"):
        ValidationQuantiles.from_probabilities(np.empty((0, 3)), ALL)


def test_a_side_that_training_lacks_has_sound_limits_that_nothing_reaches() -> None:
    table = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], np.float32)
    quantiles = ValidationQuantiles.from_probabilities(table, np.array([True, True, False]))
    assert quantiles.are_sound
    assert quantiles.limits.dtype == np.float32
    assert quantiles.threshold(LONG, 0.5) > 1.0 >= quantiles.threshold(SHORT, 0.5)
    assert quantiles.levels(np.array([[0.0, 0.0, 1.0]], np.float32))[0, LONG] < least_level(0.5)


def test_limits_that_fall_from_the_lowest_value_on_are_sound_and_others_are_not() -> None:
    limits = np.full((2, 5001), np.float32(LOWEST["probability"]))
    assert ValidationQuantiles(limits).are_sound
    rising = limits.copy()
    rising[1, 3000:] += np.float32(0.5)
    assert not ValidationQuantiles(rising).are_sound
    below = limits.copy()
    below[0, 4000:] = np.nextafter(limits[0, 0], np.float32(-9))
    assert not ValidationQuantiles(below).are_sound
    assert not ValidationQuantiles(limits[:, :-1]).are_sound
    assert not ValidationQuantiles(np.where(limits == limits[0, 0], np.nan, 0)).are_sound
