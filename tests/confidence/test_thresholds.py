from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence import Thresholds, decide
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.thresholds import (
    MODE_THRESHOLDS,
    Fallback,
    confidence_tags,
    threshold_text,
)

Row = tuple[float, float, float]  # SHORT, HOLD, LONG


def slow_decision(row: Row, thresholds: Thresholds) -> int:
    short, hold, long = row
    if any(math.isnan(value) for value in row):
        return HOLD
    likeliest = row.index(max(row))
    if not thresholds.enabled:
        return likeliest
    if short >= thresholds.short:
        return SHORT
    if long >= thresholds.long:
        return LONG
    if hold >= thresholds.hold:
        return HOLD
    return likeliest if thresholds.fallback == "argmax" else HOLD


# On a grid, so that ties and probabilities on a threshold abound.
on_grid = st.integers(0, 10).map(lambda tenths: tenths / 10)
some_rows = st.lists(st.tuples(*[on_grid | st.just(math.nan)] * 3), max_size=20)
some_thresholds = st.builds(
    Thresholds,
    short=on_grid,
    hold=on_grid,
    long=on_grid,
    fallback=st.sampled_from(["hold", "argmax"]),
    enabled=st.booleans(),
)


@given(rows=some_rows, thresholds=some_thresholds)
@settings(max_examples=400)
def test_decisions_equal_the_row_by_row_version(rows: list[Row], thresholds: Thresholds) -> None:
    found = decide(np.array(rows).reshape(-1, 3), thresholds)
    assert found.dtype == np.int8
    assert found.tolist() == [slow_decision(row, thresholds) for row in rows]


@given(rows=some_rows, thresholds=some_thresholds)
def test_a_row_is_decided_the_same_alone_as_among_others(
    rows: list[Row], thresholds: Thresholds
) -> None:
    together = decide(np.array(rows).reshape(-1, 3), thresholds)
    assert together.tolist() == [int(decide([row], thresholds)[0]) for row in rows]


CONSERVATIVE = MODE_THRESHOLDS["conservative"]


@pytest.mark.parametrize(
    ("row", "decision"),
    [
        ((0.70, 0.20, 0.10), SHORT),
        ((0.10, 0.20, 0.70), LONG),
        ((np.nextafter(0.70, 0), 0.20, 0.10), HOLD),
        ((0.10, 0.20, np.nextafter(0.70, 0)), HOLD),
        ((0.60, 0.00, 0.40), HOLD),
        ((0.00, 1.00, 0.00), HOLD),
    ],
)
def test_a_probability_on_its_threshold_is_confident_enough(row: Row, decision: int) -> None:
    assert decide([row], CONSERVATIVE).tolist() == [decision]


def test_short_comes_before_long_and_long_before_hold() -> None:
    everything = Thresholds(short=0.3, hold=0.3, long=0.3)
    assert decide([(0.3, 0.4, 0.3)], everything).tolist() == [SHORT]
    assert decide([(0.2, 0.4, 0.4)], everything).tolist() == [LONG]


def test_the_threshold_of_hold_decides_only_before_the_fallback_to_the_likeliest() -> None:
    rows = [(0.6, 0.35, 0.05), (0.6, 0.25, 0.15)]
    assert decide(rows, CONSERVATIVE).tolist() == [HOLD, HOLD]
    argmax = Thresholds(short=0.7, hold=0.3, long=0.7, fallback="argmax")
    assert decide(rows, argmax).tolist() == [HOLD, SHORT]


@pytest.mark.parametrize("fallback", ["hold", "argmax"])
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("place", range(3))
def test_a_row_without_a_window_is_hold_under_every_rule(
    fallback: str, enabled: bool, place: int
) -> None:
    thresholds = Thresholds(0.0, 0.9, 0.0, fallback, enabled)  # type: ignore[arg-type]
    row = [0.9, 0.05, 0.9]
    row[place] = math.nan
    assert decide([row, [math.nan] * 3], thresholds).tolist() == [HOLD, HOLD]


def test_without_thresholds_the_likeliest_class_is_predicted_and_the_first_of_a_tie() -> None:
    off = Thresholds(short=0.9, hold=0.0, long=0.9, enabled=False)
    rows = [(0.4, 0.3, 0.3), (0.3, 0.4, 0.3), (0.3, 0.3, 0.4), (0.4, 0.2, 0.4), (0.2, 0.4, 0.4)]
    assert decide(rows, off).tolist() == [SHORT, HOLD, LONG, SHORT, HOLD]


def test_the_order_of_the_modes_shows_in_how_much_is_predicted() -> None:
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], 2000)
    shares = {
        mode: set(np.flatnonzero(decide(rows, thresholds) != HOLD).tolist())
        for mode, thresholds in MODE_THRESHOLDS.items()
    }
    assert shares["conservative"] < shares["balanced"] < shares["aggressive"]


@pytest.mark.parametrize("shape", [(3,), (4, 2), (4, 4), (2, 2, 3), (0,)])
def test_anything_but_three_columns_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        decide(np.zeros(shape), CONSERVATIVE)


def test_the_probabilities_are_left_as_they_were() -> None:
    rows = np.array([[math.nan, 0.5, 0.5], [0.1, 0.2, 0.7]], np.float32)
    before = rows.copy()
    decide(rows, CONSERVATIVE)
    np.testing.assert_array_equal(rows, before)


# --- tags ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probability", "tag"),
    [
        (0.70, "long_0.70"),
        (0.72, "long_0.70"),
        (0.7499, "long_0.70"),
        (0.75, "long_0.75"),
        (1.0, "long_1.00"),
        (0.0, "long_0.00"),
        (0.05, "long_0.05"),
        (0.0499, "long_0.00"),
    ],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_tag_names_the_side_and_the_lower_bound_of_its_bucket(
    probability: float, tag: str, kind: type
) -> None:
    assert confidence_tags("long", np.array([probability], kind)) == [tag]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_every_bucket_begins_with_its_own_bound(kind: type) -> None:
    bounds = [bucket / 20 for bucket in range(21)]
    wanted = [f"short_{bound:.2f}" for bound in bounds]
    assert confidence_tags("short", np.array(bounds, kind)) == wanted


def test_tags_come_one_a_row() -> None:
    assert confidence_tags("short", np.array([])) == []
    assert confidence_tags("short", np.array([0.81, 0.46])) == ["short_0.80", "short_0.45"]


@pytest.mark.parametrize(
    ("threshold", "text"),
    [(0.7, "0.70"), (0.45, "0.45"), (0.612, "0.612"), (0.0, "0.00"), (1, "1.00"), (1 / 3, "0.333")],
)
def test_a_threshold_is_shown_with_the_decimals_it_needs(threshold: float, text: str) -> None:
    assert threshold_text(threshold) == text


@pytest.mark.parametrize("fallback", ["hold", "argmax"])
def test_a_summary_names_holds_threshold_where_it_decides(fallback: Fallback) -> None:
    text = DecisionRule(Thresholds(0.45, 0.4, 0.55, fallback=fallback), {}, "none").summary()
    assert "SHORT 0.45, LONG 0.55" in text
    assert ("HOLD 0.40, else the likeliest class" in text) == (fallback == "argmax")
