from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.evaluation.baselines import MAJORITY, PRIOR, SHUFFLED, VOLATILITY, Baselines
from dualwindow.evaluation.losses import LossFigures
from tests.makers.evaluation_cases import Case, cases, random_case


@given(case=cases(max_rows=200))
def test_the_volatility_table_is_that_of_counting_row_by_row(case: Case) -> None:
    labels, volatility, mixed_in = case.labels, case.volatility, 7
    found = Baselines.fit(labels, volatility, mixed_in=mixed_in)
    prior = [(np.sum(labels == code) + 1) / (len(labels) + 3) for code in range(3)]
    np.testing.assert_allclose(found.prior, prior)
    evaluated = random_case(9, 30).volatility
    forecasts = found.probabilities(len(evaluated), evaluated)
    for row, value in zip(forecasts[VOLATILITY], evaluated, strict=True):
        low = max((edge for edge in found.edges if edge <= value), default=-np.inf)
        high = min((edge for edge in found.edges if edge > value), default=np.inf)
        inside = labels[(volatility >= low) & (volatility < high)]
        expected = [
            (np.sum(inside == code) + mixed_in * prior[code]) / (len(inside) + mixed_in)
            for code in range(3)
        ]
        np.testing.assert_allclose(row, expected)


def test_the_edges_are_the_training_rows_deciles() -> None:
    found = Baselines.fit(np.zeros(1001, np.int8), np.arange(1001.0), mixed_in=1)
    np.testing.assert_allclose(found.edges, np.arange(100, 1000, 100))


@given(case=cases(), rows=st.integers(1, 20))
def test_every_baseline_gives_shares_above_zero(case: Case, rows: int) -> None:
    found = Baselines.fit(case.labels, case.volatility, mixed_in=1)
    forecasts = found.probabilities(rows, np.linspace(0, 1, rows))
    assert set(forecasts) == {PRIOR, VOLATILITY, MAJORITY, SHUFFLED}
    for shares in forecasts.values():
        assert shares.shape == (rows, 3)
        assert (shares > 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (forecasts[PRIOR] == forecasts[PRIOR][0]).all()


def test_the_majority_class_is_all_that_the_majority_baseline_knows() -> None:
    found = Baselines.fit(np.array([1] * 80 + [0] * 15 + [2] * 2), None, mixed_in=1)
    forecasts = found.probabilities(4, None)
    assert set(forecasts) == {PRIOR, MAJORITY}, "the others need the volatility"
    np.testing.assert_allclose(forecasts[MAJORITY], [[0.095, 0.81, 0.095]] * 4)
    np.testing.assert_allclose(forecasts[PRIOR], [[0.16, 0.81, 0.03]] * 4)
    assert found.decisions(forecasts)[MAJORITY].tolist() == [1] * 4


def test_shuffling_takes_away_what_volatility_knows() -> None:
    random = np.random.default_rng(0)
    volatility = random.random(20_000)
    # Moves where it is volatile, as real prices do.
    labels = np.where(random.random(20_000) < volatility / 2, random.choice([0, 2], 20_000), 1)
    found = Baselines.fit(labels[:10_000], volatility[:10_000], mixed_in=120)
    evaluated = labels[10_000:]
    forecasts = found.probabilities(len(evaluated), volatility[10_000:])
    losses = {
        name: LossFigures.from_probabilities(evaluated, shares)
        for name, shares in forecasts.items()
    }
    prior = losses[PRIOR].log_loss
    assert losses[VOLATILITY].log_loss < 0.97 * prior
    assert losses[SHUFFLED].log_loss == pytest.approx(prior, rel=0.005)
    assert losses[SHUFFLED].log_loss > 0.999 * prior
    # Its decisions are as frequent as the classes.
    drawn = np.bincount(found.decisions(forecasts)[SHUFFLED], minlength=3) / len(evaluated)
    np.testing.assert_allclose(drawn, found.prior, atol=0.02)


def test_another_seed_shuffles_otherwise_and_the_same_one_alike() -> None:
    case = random_case(1, 500)
    first, again = (Baselines.fit(case.labels, case.volatility, mixed_in=1) for _ in range(2))
    assert first == again
    other = Baselines.fit(case.labels, case.volatility, mixed_in=1, seed=1)
    assert (other.shares, other.prior) == (first.shares, first.prior)
    assert other.shuffled != first.shuffled


@given(case=cases())
def test_the_plain_form_reads_back_as_the_same(case: Case) -> None:
    for volatility in (case.volatility, None):
        found = Baselines.fit(case.labels, volatility, mixed_in=3)
        assert Baselines.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize(
    "spoil", [{"edges": [0.1]}, {"prior": [0.5, 0.5]}, {"shares": [[1, 0]]}, {"shuffled": []}]
)
def test_what_does_not_fit_together_is_refused(spoil: dict[str, Any]) -> None:
    content = Baselines.fit(np.array([0, 1, 2]), None, mixed_in=1).to_dict()
    with pytest.raises(ValueError, match="baselines of"):
        Baselines.from_dict({**content, **spoil})
