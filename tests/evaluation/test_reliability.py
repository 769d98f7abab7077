from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from dualwindow.columns import CLASS_NAMES
from dualwindow.evaluation.reliability import RELIABILITY_BINS, Reliability, ReliabilityCurve
from tests.makers.evaluation_cases import Case, cases


@given(case=cases(max_rows=200), bins=st.sampled_from([1, 5, 20]))
def test_the_curve_is_that_of_scikit_learn(case: Case, bins: int) -> None:
    happened, stated = case.labels == 2, case.probabilities[:, 2].astype(np.float64)
    found = ReliabilityCurve.from_probabilities(happened, stated, bins)
    observed, mean = calibration_curve(happened, stated, n_bins=bins)
    np.testing.assert_allclose(found.observed, observed)
    np.testing.assert_allclose(found.stated, mean)
    assert sum(found.count) == len(happened)
    distances = np.abs(np.array(found.stated) - found.observed)
    assert found.error == pytest.approx(np.average(distances, weights=found.count))


def test_a_bin_begins_at_its_edge_and_the_last_holds_one() -> None:
    found = ReliabilityCurve.from_probabilities(
        np.array([True, False, True]), np.array([0.0, 0.5, 1.0]), 2
    )
    assert found.count == [1, 2]
    assert found.stated == [0.0, 0.75]
    assert found.observed == [1.0, 0.5]
    assert found.error == pytest.approx((1 * 1.0 + 2 * 0.25) / 3)


@given(case=cases())
def test_every_class_and_the_likeliest_have_a_curve(case: Case) -> None:
    found = Reliability.from_probabilities(case.labels, case.probabilities)
    shares = case.probabilities / case.probabilities.astype(np.float64).sum(axis=1, keepdims=True)
    for code, name in enumerate(CLASS_NAMES):
        expected = ReliabilityCurve.from_probabilities(
            case.labels == code, shares[:, code], RELIABILITY_BINS
        )
        assert found.classes[name] == expected
    right = shares.argmax(axis=1) == case.labels
    assert found.likeliest == ReliabilityCurve.from_probabilities(right, shares.max(axis=1))


def test_what_comes_as_often_as_stated_has_no_error() -> None:
    random = np.random.default_rng(0)
    stated = random.random(100_000)
    happened = random.random(100_000) < stated
    assert ReliabilityCurve.from_probabilities(happened, stated).error < 0.01
    assert ReliabilityCurve.from_probabilities(~happened, stated).error > 0.4
