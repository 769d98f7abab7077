from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.evaluation.bootstrap import (
    FEWEST_BLOCKS,
    block_length,
    block_sums,
    interval_of,
    resampled_totals,
    time_blocks,
)
from tests.makers.evaluation_cases import Case, cases

DAY, HOUR = 86_400, 3600


@pytest.mark.parametrize(
    ("days", "expected"),
    [(60, DAY), (20, DAY), (10, DAY // 2), (2, 2 * DAY // 20), (0.5, 2 * HOUR), (0, 2 * HOUR)],
)
def test_a_block_is_a_day_or_shorter_but_never_shorter_than_a_future(
    days: float, expected: int
) -> None:
    seconds = np.array([0, round(days * DAY)]) + 1_700_000_000
    assert block_length(seconds, 2 * HOUR) == expected
    assert block_length(seconds[::-1], 5 * DAY) == 5 * DAY


@given(case=cases(), length=st.sampled_from([60, 120, 700, DAY]))
def test_rows_of_one_time_are_of_one_block_and_blocks_are_in_order(case: Case, length: int) -> None:
    blocks = time_blocks(case.seconds, length)
    numbers = {}
    for moment in sorted(case.seconds // length):
        numbers.setdefault(moment, len(numbers))
    assert blocks.tolist() == [numbers[second // length] for second in case.seconds]


@given(case=cases())
def test_sums_of_blocks_are_those_of_their_rows(case: Case) -> None:
    blocks = time_blocks(case.seconds, 300)
    found = block_sums(blocks, case.probabilities.astype(np.float64))
    for number in range(blocks.max() + 1):
        expected = case.probabilities[blocks == number].astype(np.float64).sum(axis=0)
        np.testing.assert_allclose(found[number], expected)


def test_a_draw_takes_whole_blocks_and_the_same_ones_for_every_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Powers of a base above the number of blocks tell how often each block was drawn.
    blocks, base = 6, 10
    sums = np.array([[base**number, 2.0 * base**number] for number in range(blocks)])
    totals = resampled_totals(sums, draws=200, seed=3)
    np.testing.assert_allclose(totals[:, 1], 2 * totals[:, 0])
    digits = [[int(digit) for digit in str(round(total))] for total in totals[:, 0]]
    assert {sum(each) for each in digits} == {blocks}
    assert len({tuple(each) for each in digits}) > 50
    np.testing.assert_array_equal(totals, resampled_totals(sums, draws=200, seed=3))
    assert (totals != resampled_totals(sums, draws=200, seed=4)).any()
    # Memory is bounded by drawing a few at a time, which changes nothing.
    monkeypatch.setattr("dualwindow.evaluation.bootstrap._COUNTS_IN_MEMORY", 50)
    np.testing.assert_array_equal(totals, resampled_totals(sums, draws=200, seed=3))


def test_the_interval_holds_the_middle_and_is_wider_for_few_blocks() -> None:
    values = np.linspace(-1, 1, 2001)
    low, high = interval_of(values, 1000) or (0, 0)
    assert (low, high) == pytest.approx((-0.95, 0.95), abs=0.005)
    few = interval_of(values, FEWEST_BLOCKS)
    assert few is not None
    assert few[0] < low < high < few[1]


def test_too_few_blocks_give_no_interval() -> None:
    assert interval_of(np.arange(100.0), FEWEST_BLOCKS - 1) is None
    assert interval_of(np.array([np.nan, np.nan]), 100) is None
    assert interval_of(np.array([np.nan, 1.0, 1.0]), 100) == (1.0, 1.0)
