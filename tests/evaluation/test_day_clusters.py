"""Intervals whose clusters are days: they hold as often as they claim, from five days on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from dualwindow.evaluation.bootstrap import FEWEST_BLOCKS, Interval
from dualwindow.evaluation.evidence.day_clusters import DayEstimate, day_mean, day_total
from tests.makers.simulated_trades import KINDS


def known(estimate: DayEstimate, choices: int = 1) -> Interval:
    interval = estimate.interval(choices)
    assert interval is not None
    return interval


def by_matrices(values: NDArray[np.float64], days: NDArray[np.int64]) -> tuple[float, float]:
    """CR2 error and Satterthwaite's degrees of freedom as Bell and McCaffrey write them."""
    count = len(values)
    design = np.ones((count, 1))
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    residual_maker = np.eye(count) - hat
    residuals, columns, variance = residual_maker @ values, [], 0.0
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        own = np.eye(len(rows)) - hat[np.ix_(rows, rows)]
        roots, vectors = np.linalg.eigh(own)
        adjusted = vectors @ np.diag(roots**-0.5) @ vectors.T
        weights = adjusted @ np.full(len(rows), 1.0 / count)
        variance += float(weights @ residuals[rows]) ** 2
        columns.append(residual_maker[:, rows] @ weights)
    spread = np.array([[a @ b for b in columns] for a in columns])
    return np.sqrt(variance), float(np.trace(spread) ** 2 / (spread**2).sum())


@given(seed=st.integers(0, 2**31), days=st.integers(2, 12), kind=st.sampled_from(sorted(KINDS)))
@settings(max_examples=30, deadline=None)
def test_error_and_freedom_are_those_of_the_textbook(seed: int, days: int, kind: str) -> None:
    values, day = KINDS[kind].draw(days, np.random.default_rng(seed))
    values, day = values[:120], day[:120]
    found = day_mean(values, day)
    if found.error is None:
        assert len(np.unique(day)) == 1
        return
    error, freedom = by_matrices(values, day)
    assert found.error == pytest.approx(error, abs=1e-9)
    assert found.freedom == pytest.approx(freedom)


@pytest.mark.parametrize("days", [5, 9, 40])
def test_days_with_as_many_trades_give_students_interval_of_their_means(days: int) -> None:
    values = np.random.default_rng(days).normal(0.1, 1.0, (days, 7))
    found = known(day_mean(values.ravel(), np.repeat(np.arange(days), 7)))
    oracle: Any = stats.ttest_1samp(values.mean(axis=1), 0.0)
    assert (found.low, found.high) == pytest.approx(tuple(oracle.confidence_interval(0.95)))


def test_many_days_agree_with_a_studentised_bootstrap_of_another_library() -> None:
    bootstrap = pytest.importorskip("arch.bootstrap", exc_type=ImportError)
    values, day = KINDS["all of it"].draw(150, np.random.default_rng(3), mean=0.2)
    found = known(day_mean(values, day))
    totals, counts = np.bincount(day, values), np.bincount(day).astype(float)

    def mean(total: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([total.sum() / count.sum()])

    def error(
        params: NDArray[np.float64], total: NDArray[np.float64], count: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        residuals = total - params[0] * count
        return np.sqrt(np.array([(residuals**2).sum()])) / count.sum()

    drawn = bootstrap.IIDBootstrap(totals, counts, seed=np.random.default_rng(0))
    low, high = drawn.conf_int(mean, reps=2000, method="studentized", std_err_func=error).ravel()
    width = high - low
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.15 * width)


@pytest.mark.parametrize("days", [5, 10, 30])
@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_as_often_as_they_claim(kind: str, days: int) -> None:
    """A bootstrap of plain quantiles holds in 80 to 90 % of these samples of five days."""
    random, runs = np.random.default_rng(days), 500
    held = 0
    for _ in range(runs):
        found = known(day_mean(*KINDS[kind].draw(days, random)))
        held += found.low <= 0.0 <= found.high
    # Three standard errors of 500 samples below 95 %.
    assert held / runs >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)


@given(seed=st.integers(0, 2**31), kind=st.sampled_from(sorted(KINDS)))
@settings(max_examples=30, deadline=None)
def test_the_interval_follows_its_values_and_ignores_their_order(seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    values, day = KINDS[kind].draw(8, random)
    found, order = known(day_mean(values, day)), random.permutation(len(values))
    moved = known(day_mean(3.0 * values[order] + 1.0, day[order] + 20_000))
    expected = (3.0 * found.value + 1.0, 3.0 * found.low + 1.0, 3.0 * found.high + 1.0)
    assert (moved.value, moved.low, moved.high) == pytest.approx(expected)
    assert found.low <= found.value <= found.high


def test_trades_of_one_day_move_together_or_they_do_not() -> None:
    random = np.random.default_rng(0)
    alone, daily = random.normal(0, 1, 720), np.repeat(random.normal(0, 1, 30), 24)
    days = np.arange(720) // 24
    apart, together = known(day_mean(alone, days)), known(day_mean(daily, days))
    assert together.high - together.low > 3 * (apart.high - apart.low)


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_of_many_choices_has_a_wider_interval(kind: str) -> None:
    estimate = day_mean(*KINDS[kind].draw(20, np.random.default_rng(1)))
    widths = [known(estimate, choices).high - estimate.value for choices in (1, 2, 5, 50)]
    assert widths == sorted(set(widths))


def test_the_best_of_ten_choices_without_an_edge_is_seldom_called_one() -> None:
    random, alarms, runs = np.random.default_rng(5), [0, 0], 200
    for _ in range(runs):
        tried = [day_mean(*KINDS["uneven days"].draw(15, random)) for _ in range(10)]
        best = max(tried, key=lambda each: each.value)
        alarms = [
            before + (known(best, choices).low > 0.0)
            for before, choices in zip(alarms, (1, 10), strict=True)
        ]
    assert alarms[0] / runs > 0.1
    assert alarms[1] / runs < 0.06


def test_few_days_have_no_interval() -> None:
    for days in range(1, FEWEST_BLOCKS):
        estimate = day_mean(*KINDS["uneven days"].draw(days, np.random.default_rng(2)))
        assert (estimate.days, estimate.interval()) == (days, None)
    assert day_mean(np.ones(3), np.zeros(3, np.int64)).error is None


def test_the_interval_of_a_sum_counts_days_without_a_trade() -> None:
    days, values = np.array([0, 0, 5], np.int64), np.array([1.0, 2.0, 3.0])
    total = day_total(values, days, (0, 9))
    assert (total.value, total.days) == (6.0, 10)
    daily = np.array([3.0, 0, 0, 0, 0, 3.0, 0, 0, 0, 0])
    oracle: Any = stats.ttest_1samp(10 * daily, 0.0)
    found = known(total)
    assert (found.low, found.high) == pytest.approx(tuple(oracle.confidence_interval(0.95)))
