from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import log_loss

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence.calibration import FLOOR
from dualwindow.evaluation.losses import LossFigures, brier_score, row_losses
from tests.makers.evaluation_cases import Case, cases


@given(case=cases())
def test_the_log_loss_is_that_of_scikit_learn(case: Case) -> None:
    shares = case.probabilities.astype(np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    expected = log_loss(case.labels, shares, labels=[0, 1, 2])
    found = LossFigures.from_probabilities(case.labels, case.probabilities)
    assert found.log_loss == pytest.approx(expected)


@given(case=cases())
def test_the_parts_are_two_class_losses_and_add_up(case: Case) -> None:
    labels, shares = case.labels, case.probabilities.astype(np.float64)
    total, calm, direction = row_losses(labels, shares).T
    np.testing.assert_allclose(total, calm + direction)
    held = labels == HOLD
    sums = shares.sum(axis=1)
    two = np.where(held, shares[:, HOLD], shares[:, SHORT] + shares[:, LONG]) / sums
    np.testing.assert_allclose(calm, -np.log(two))
    sides = shares[~held][:, [SHORT, LONG]]
    right = np.where(labels[~held] == SHORT, sides[:, 0], sides[:, 1]) / sides.sum(axis=1)
    np.testing.assert_allclose(direction[~held], -np.log(right), atol=1e-9)
    assert not direction[held].any()
    found = LossFigures.from_probabilities(labels, shares)
    if held.all():
        assert found.direction is None
    else:
        assert found.direction == pytest.approx(direction[~held].mean())


@given(case=cases())
def test_the_brier_score_is_the_squared_distance(case: Case) -> None:
    expected = 0.0
    for label, row in zip(case.labels, case.probabilities.astype(np.float64), strict=True):
        expected += sum(
            (share / row.sum() - float(code == label)) ** 2 for code, share in enumerate(row)
        )
    found = brier_score(case.labels, case.probabilities)
    assert found == pytest.approx(expected / len(case.labels))


def test_a_perfect_forecast_loses_nothing_and_a_certain_error_stays_finite() -> None:
    labels = np.array([SHORT, HOLD, LONG])
    perfect = LossFigures.from_probabilities(labels, np.eye(3, dtype=np.float32))
    assert (perfect.log_loss, perfect.calm, perfect.direction, perfect.brier) == (0, 0, 0, 0)
    wrong = LossFigures.from_probabilities(labels, np.eye(3, dtype=np.float32)[::-1])
    assert wrong.log_loss == pytest.approx(-2 * np.log(FLOOR) / 3)
    assert wrong.brier == pytest.approx(4 / 3)
