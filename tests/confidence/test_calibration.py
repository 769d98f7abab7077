from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import HOLD
from dualwindow.confidence.calibration import Calibration
from dualwindow.data.datasets.statistics import trained_prior
from dualwindow.evaluation.losses import LossFigures
from tests.makers.evaluation_cases import Array, Case, cases, random_case

EVEN = (1 / 3, 1 / 3, 1 / 3)
MARKET = (0.05, 0.88, 0.07)


def market(seed: int, rows: int) -> tuple[Array, Array, Array]:
    """Labels of a market, its true probabilities, and those that a balanced training would learn.

    One observation a row, whose density differs by class; Bayes' rule gives both.
    """
    random = np.random.default_rng(seed)
    labels = random.choice(3, rows, p=MARKET)
    seen = random.normal(np.array([-1.0, 0.0, 1.0])[labels], 1.0)
    density = np.exp(-((seen[:, None] - np.array([-1.0, 0.0, 1.0])) ** 2) / 2)
    true, balanced = density * MARKET, density * EVEN
    return (
        labels,
        true / true.sum(axis=1, keepdims=True),
        balanced / balanced.sum(axis=1, keepdims=True),
    )


@pytest.mark.parametrize(
    ("balance", "mirrored", "expected"),
    [
        ("undersample", False, (101, 101, 101)),
        ("undersample", True, (101, 101, 101)),
        ("weights", False, (401, 401, 401)),
        ("weights", True, (401, 401, 401)),
        ("none", False, (101, 801, 301)),
        ("none", True, (201, 801, 201)),
    ],
)
def test_the_trained_prior_follows_from_the_balance(
    balance: str, mirrored: bool, expected: tuple[int, int, int]
) -> None:
    found = trained_prior(np.array([100, 800, 300]), balance, mirrored=mirrored)
    np.testing.assert_allclose(found, np.array(expected) / sum(expected))


def test_a_side_that_never_was_keeps_a_share_unless_the_mirror_makes_it() -> None:
    counts = np.array([100, 800, 0])
    for balance in ("undersample", "weights", "none"):
        lone = trained_prior(counts, balance, mirrored=False)
        assert 0 < lone[2] < 0.01
        both = trained_prior(counts, balance, mirrored=True)
        assert both[0] == both[2] > 0.05


def test_the_prior_correction_gives_back_the_market_s_probabilities() -> None:
    _, true, balanced = market(0, 1000)
    found = Calibration(MARKET, EVEN).prior_corrected(balanced.astype(np.float32))
    np.testing.assert_allclose(found, true, atol=1e-5)
    # A balanced 70 % is far from 70 %: by hand, with the rest shared evenly.
    (row,) = Calibration(MARKET, EVEN).prior_corrected(np.array([[0.70, 0.15, 0.15]]))
    shares = np.array([0.70 * 0.05, 0.15 * 0.88, 0.15 * 0.07])
    np.testing.assert_allclose(row, shares / shares.sum())
    assert row[0] < 0.20


@given(case=cases())
def test_equal_priors_and_temperature_one_change_nothing(case: Case) -> None:
    found = Calibration(MARKET, MARKET, 1.0)
    expected = case.probabilities / case.probabilities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.prior_corrected(case.probabilities), expected, atol=1e-6)
    np.testing.assert_allclose(found.temperature_scaled(case.probabilities), expected, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_the_one_that_was_put_in(temperature: float) -> None:
    labels, true, balanced = market(1, 20_000)
    sharp = balanced**temperature
    sharp /= sharp.sum(axis=1, keepdims=True)
    found = Calibration(MARKET, EVEN).fitted(labels, sharp)
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    np.testing.assert_allclose(found.temperature_scaled(sharp), true, atol=0.05)


@given(case=cases(max_rows=60), sharpness=st.floats(0.01, 20.0))
def test_no_other_temperature_has_a_smaller_loss(case: Case, sharpness: float) -> None:
    plain = Calibration(MARKET, EVEN)
    best = plain.fitted(case.labels, case.probabilities)
    other = Calibration(MARKET, EVEN, 1 / sharpness)
    rows = np.arange(len(case.labels))
    losses = [
        -np.log(model.temperature_scaled(case.probabilities)[rows, case.labels]).mean()
        for model in (best, other)
    ]
    assert losses[0] <= losses[1] + 1e-3


def test_probabilities_that_know_nothing_are_scaled_to_the_class_prior() -> None:
    random = np.random.default_rng(4)
    labels = random.choice(3, 30_000, p=MARKET)
    noise = random.dirichlet([0.5, 0.5, 0.5], 30_000)
    plain = Calibration(MARKET, EVEN)
    found = plain.fitted(labels, noise)
    np.testing.assert_allclose(
        found.temperature_scaled(noise), np.tile(MARKET, (30_000, 1)), atol=0.03
    )
    assert LossFigures.from_probabilities(labels, plain.prior_corrected(noise)).log_loss > 0.6


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_row_takes_part_in_its_own_temperature(seed: int) -> None:
    case = random_case(seed, 60)
    older = case.seconds < np.median(case.seconds)
    plain = Calibration(MARKET, EVEN)
    expected = plain.cross_fitted(case.labels, case.probabilities, case.seconds)
    changed = case.labels.copy()
    changed[older] = (changed[older] + 1) % 3
    found = plain.cross_fitted(changed, case.probabilities, case.seconds)
    np.testing.assert_array_equal(found[older], expected[older])
    assert (found[~older] != expected[~older]).any()


def test_rows_of_one_date_are_only_prior_corrected() -> None:
    case = random_case(1, 20)
    plain = Calibration(MARKET, EVEN)
    found = plain.cross_fitted(case.labels, case.probabilities, np.full(20, 60))
    np.testing.assert_array_equal(found, plain.prior_corrected(case.probabilities))


def test_certain_probabilities_stay_finite() -> None:
    certain = np.eye(3, dtype=np.float32)
    for found in (
        Calibration(MARKET, EVEN).prior_corrected(certain),
        Calibration(MARKET, EVEN, 0.05).temperature_scaled(certain),
    ):
        assert np.isfinite(found).all()
        assert found.argmax(axis=1).tolist() == [0, HOLD, 2]
    with pytest.raises(ValueError, match="no temperature"):
        Calibration(MARKET, EVEN).temperature_scaled(certain)


@pytest.mark.parametrize("temperature", [None, 1.5])
def test_the_plain_form_reads_back_as_the_same(temperature: float | None) -> None:
    found = Calibration(MARKET, EVEN, temperature)
    content = json.loads(json.dumps(found.to_dict()))
    assert Calibration.from_dict(content) == found
    with pytest.raises(ValueError, match="classes"):
        Calibration.from_dict({**content, "market": [1.0]})


def test_the_fitted_temperature_is_a_minimum_of_the_loss() -> None:
    labels, _, balanced = market(3, 4000)
    sharp = balanced**1.7
    sharp /= sharp.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        best = Calibration(MARKET, EVEN).fitted(labels, sharp).temperature
    assert best is not None

    def loss(temperature: float) -> float:
        found = Calibration(MARKET, EVEN, temperature).temperature_scaled(sharp)
        return float(-np.log(found[np.arange(len(labels)), labels]).mean())

    assert loss(best) < min(loss(best * 1.01), loss(best / 1.01))


def test_many_rows_are_fitted_on_an_evenly_spaced_part_of_at_most_20_000() -> None:
    labels, _, balanced = market(2, 40_001)
    plain = Calibration(MARKET, EVEN)
    expected = plain.fitted(labels[::3], balanced[::3])
    assert plain.fitted(labels, balanced) == expected
    assert plain.fitted(labels[:20_000], balanced[:20_000]) != plain.fitted(
        labels[:20_000:2], balanced[:20_000:2]
    )


@pytest.mark.parametrize(
    ("shares", "temperature", "sound"),
    [
        (MARKET, None, True),
        (MARKET, 1.5, True),
        ((0.0, 1.0, 0.0), 1.5, True),
        # Rounded to three digits.
        ((0.3335, 0.3335, 0.3335), 1.5, True),
        ((1.0005, 0.0, 0.0), 1.5, False),
        ((-0.1, 0.6, 0.5), 1.5, False),
        ((0.3, 0.3, 0.3), 1.5, False),
        ((0.5, 0.5, 0.5), 1.5, False),
        ((0.1, 0.8, np.nan), 1.5, False),
        (MARKET, 0.0, False),
        (MARKET, -1.0, False),
        (MARKET, np.nan, False),
        (MARKET, np.inf, False),
    ],
)
def test_shares_of_a_whole_and_a_positive_temperature_are_sound(
    shares: tuple[float, ...], temperature: float | None, sound: bool
) -> None:
    assert Calibration(shares, MARKET, temperature).is_sound is sound
    assert Calibration(MARKET, shares, temperature).is_sound is sound
