from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.evaluation.bootstrap import block_length, time_blocks
from dualwindow.evaluation.losses import LossFigures
from dualwindow.evaluation.skill import Skill, SkillFigure, skills
from tests.makers.evaluation_cases import Array, Case, cases, random_case

PARTS = ("total", "calm", "direction")


def one_skill(labels: Array, ours: Array, theirs: Array, blocks: Array, draws: int = 200) -> Skill:
    return skills(labels, {"model": ours}, {"baseline": theirs}, blocks, draws=draws)["model"][
        "baseline"
    ]


def other(case: Case) -> Array:
    return np.roll(case.probabilities, 1, axis=0) / 2 + 1 / 6


@given(case=cases())
def test_the_baseline_has_no_skill_against_itself(case: Case) -> None:
    found = one_skill(
        case.labels, case.probabilities, case.probabilities, np.arange(len(case.labels))
    )
    assert (found.total.value, found.calm.value) == (0.0, 0.0)
    if found.total.low is not None:
        assert (found.total.low, found.total.high, found.total.sign) == (0.0, 0.0, 0)


@given(case=cases())
def test_who_knows_everything_has_all_skill(case: Case) -> None:
    perfect = np.eye(3)[case.labels]
    blocks = np.arange(len(case.labels))
    found = one_skill(case.labels, perfect, case.probabilities, blocks)
    assert found.total.value == found.calm.value == pytest.approx(1.0)
    if (case.labels == HOLD).all():
        assert found.direction == SkillFigure(None, None, None)
    else:
        assert found.direction.value == pytest.approx(1.0)
    if found.total.low is not None:
        assert found.total.low == found.total.high == pytest.approx(1.0)
        assert found.total.sign == 1
        # The other way round it is worse, and so is the interval.
        assert one_skill(case.labels, case.probabilities, perfect + 1e-9, blocks).total.sign == -1


@given(case=cases())
def test_skill_is_one_minus_the_ratio_of_the_losses(case: Case) -> None:
    labels = case.labels
    found = one_skill(labels, case.probabilities, other(case), time_blocks(case.seconds, 120))
    ours, theirs = (
        LossFigures.from_probabilities(labels, case.probabilities),
        LossFigures.from_probabilities(labels, other(case)),
    )
    assert found.total.value == pytest.approx(1 - ours.log_loss / theirs.log_loss)
    assert found.calm.value == pytest.approx(1 - ours.calm / theirs.calm)
    if ours.direction is not None and theirs.direction is not None:
        assert found.direction.value == pytest.approx(1 - ours.direction / theirs.direction)


@given(case=cases(), seed=st.integers(0, 2**31))
def test_the_order_of_rows_does_not_matter(case: Case, seed: int) -> None:
    blocks, theirs = time_blocks(case.seconds, 120), other(case)
    expected = one_skill(case.labels, case.probabilities, theirs, blocks)
    order = np.random.default_rng(seed).permutation(len(blocks))
    found = one_skill(case.labels[order], case.probabilities[order], theirs[order], blocks[order])
    for part in PARTS:
        assert vars(getattr(found, part)) == pytest.approx(vars(getattr(expected, part)), abs=1e-9)


def test_the_interval_is_that_of_resampling_the_rows_of_blocks() -> None:
    case = random_case(5, 400)
    blocks = time_blocks(case.seconds, 600)
    count = blocks.max() + 1
    found = one_skill(case.labels, case.probabilities, other(case), blocks, draws=4000)
    random, slow = np.random.default_rng(1), []
    for _ in range(1000):
        rows = np.concatenate(
            [np.flatnonzero(blocks == block) for block in random.integers(0, count, count)]
        )
        ours = LossFigures.from_probabilities(case.labels[rows], case.probabilities[rows])
        slow.append(
            1
            - ours.log_loss
            / LossFigures.from_probabilities(case.labels[rows], other(case)[rows]).log_loss
        )
    low, high = np.quantile(slow, [0.025, 0.975])
    assert found.total.low is not None
    assert found.total.high is not None
    width = high - low
    assert found.total.low == pytest.approx(low, abs=width / 8)
    assert found.total.high == pytest.approx(high, abs=width / 8)


def overlapping(random: np.random.Generator, rows: int, future: int) -> tuple[Array, Array, Array]:
    """Labels that overlap as ours do, and two forecasts that know nothing of them.

    A label is the sign of a sum of `future` shocks that are also those of its neighbours.
    """
    sums = np.convolve(random.normal(size=rows + future - 1), np.ones(future), "valid")
    labels = np.where(sums > np.sqrt(future), LONG, np.where(sums < -np.sqrt(future), SHORT, HOLD))
    # Forecasts that stay for long, like volatility does.
    slow = np.convolve(random.normal(size=rows + 299), np.ones(300) / np.sqrt(300), "valid")
    tilt = 0.3 * np.tanh(slow)
    shares = np.column_stack([0.16 * (1 + tilt), np.full(rows, 0.68), 0.16 * (1 - tilt)])
    return labels, shares, np.full((rows, 3), [0.16, 0.68, 0.16])


def test_the_interval_holds_the_truth_about_as_often_as_it_claims() -> None:
    """And would not, if rows were taken for independent."""
    rows, future, trials = 4000, 60, 120
    seconds = 60 * np.arange(rows)
    blocks = time_blocks(seconds, block_length(seconds, 60 * future))
    # What the tilt costs on average, from more rows than all trials hold together.
    labels, ours, theirs = overlapping(np.random.default_rng(99), 600_000, future)
    truth = one_skill(
        labels, ours, theirs, np.zeros(len(labels), np.int64), draws=1
    ).direction.value

    def holds(trial: int, drawn: Array, draws: int) -> bool:
        case = overlapping(np.random.default_rng(trial), rows, future)
        found = one_skill(*case, drawn, draws).direction
        assert found.low is not None
        assert found.high is not None
        return bool(found.low <= truth <= found.high)

    by_blocks = sum(holds(trial, blocks, 200) for trial in range(trials)) / trials
    assert 0.88 <= by_blocks <= 0.99, by_blocks
    by_rows = sum(holds(trial, np.arange(rows) // 2, 60) for trial in range(30)) / 30
    assert by_rows < 0.6, by_rows
