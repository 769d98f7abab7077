from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.confidence import decide
from dualwindow.confidence.thresholds import MODE_THRESHOLDS
from dualwindow.evaluation import DecisionFigures
from dualwindow.evaluation.thresholds import (
    NEAR,
    ModeFigures,
    PrecisionCurve,
    ThresholdFigures,
    precision_curves,
)
from tests.makers.evaluation_cases import Case, cases


def test_a_threshold_fires_and_stands_for_the_observed_share() -> None:
    probability = np.array([0.80, 0.72, 0.70, 0.66, 0.30])
    actual = np.array([True, False, False, True, True])
    found = ThresholdFigures.from_probabilities(actual, probability, 0.70)
    assert (found.fired, found.fires) == (3, 0.6)
    assert found.above == pytest.approx(1 / 3)
    assert found.near == pytest.approx(1 / 3), "of 0.72, 0.70 and 0.66"
    assert found.near_rows == 3
    none = ThresholdFigures.from_probabilities(actual, probability, 0.95)
    assert (none.fired, none.fires, none.above, none.near) == (0, 0.0, None, None)


@given(case=cases(), threshold=st.floats(0, 1))
def test_a_threshold_is_compared_as_in_deciding(case: Case, threshold: float) -> None:
    found = ThresholdFigures.from_probabilities(
        case.labels == 0, case.probabilities[:, 0], threshold
    )
    values = [float(value) for value in case.probabilities[:, 0]]
    reached = [label == 0 for label, p in zip(case.labels, values, strict=True) if p >= threshold]
    near = [
        label == 0
        for label, p in zip(case.labels, values, strict=True)
        if abs(p - threshold) <= NEAR
    ]
    assert found.fired == len(reached)
    assert found.above == (pytest.approx(np.mean(reached)) if reached else None)
    assert found.near == (pytest.approx(np.mean(near)) if near else None)


@given(case=cases(), mode=st.sampled_from(list(MODE_THRESHOLDS)))
def test_a_mode_holds_what_it_decides_and_every_class_s_threshold(case: Case, mode: str) -> None:
    thresholds = MODE_THRESHOLDS[mode]
    found = ModeFigures.from_probabilities(case.labels, case.probabilities, thresholds)
    decisions = decide(case.probabilities, thresholds)
    assert found.decisions == DecisionFigures.from_decisions(case.labels, decisions)
    assert list(found.thresholds) == list(CLASS_NAMES)
    limits = (thresholds.short, thresholds.hold, thresholds.long)
    assert tuple(each.threshold for each in found.thresholds.values()) == limits


@given(case=cases(max_rows=120), levels=st.sampled_from([2, 10, 1000]))
def test_every_point_of_the_curve_is_that_of_its_threshold(case: Case, levels: int) -> None:
    # Few levels make many equal probabilities.
    probability = np.round(case.probabilities[:, 2] * levels).astype(np.float32) / levels
    actual = case.labels == 2
    found = PrecisionCurve.from_probabilities(actual, probability, 20)
    points = list(zip(found.threshold, found.coverage, found.precision, strict=True))
    for threshold, coverage, precision in points:
        reached = probability.astype(np.float64) >= threshold
        assert coverage == pytest.approx(reached.mean())
        assert precision == pytest.approx(actual[reached].mean())
    assert found.coverage == sorted(set(found.coverage))
    assert found.threshold == sorted(set(found.threshold), reverse=True)
    assert 1 <= len(points) <= 20
    assert found.coverage[-1] == 1.0, "the last point lets every row through"
    assert found.threshold[0] == probability.max()


def test_the_sides_have_curves_of_about_fifty_points() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 5000)
    # The surer, the more often right.
    probabilities = random.dirichlet([1, 1, 1], 5000) / 2 + np.eye(3)[labels] / 2
    found = precision_curves(labels, probabilities)
    assert list(found) == ["SHORT", "LONG"]
    for code, curve in zip((SHORT, LONG), found.values(), strict=True):
        assert 35 <= len(curve.threshold) <= 50
        assert curve.precision[0] == 1.0
        assert curve.precision[-1] == pytest.approx((labels == code).mean())
