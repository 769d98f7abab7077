from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.data.datasets.statistics import (
    class_counts,
    class_weights,
    describe_balance,
    drawn_counts,
    mirrored_counts,
    sampling_interval,
)
from dualwindow.settings import TrainingConfig

some_labels = st.lists(st.sampled_from([0, 1, 1, 1, 2]), min_size=1, max_size=80).map(
    lambda codes: np.array(codes, np.int8)
)


def test_unknown_labels_are_not_counted() -> None:
    labels = np.array([-1, 2, -1, 2, 0], np.int8)
    assert class_counts(labels).tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("counts", "undersampled"),
    [
        ([3, 90, 5], [3, 3, 3]),
        ([0, 90, 5], [0, 5, 5]),
        ([0, 7, 0], [0, 7, 0]),
        ([0, 0, 0], [0] * 3),
    ],
)
def test_undersampling_takes_as_many_of_each_as_of_the_rarest_that_occurs(
    counts: list[int], undersampled: list[int]
) -> None:
    assert drawn_counts(np.array(counts), "undersample").tolist() == undersampled
    for balance in ("weights", "none"):
        assert drawn_counts(np.array(counts), balance).tolist() == counts  # type: ignore[arg-type]


@given(labels=some_labels)
def test_weights_give_every_class_that_occurs_the_same_say_and_rows_one_on_average(
    labels: NDArray[np.int8],
) -> None:
    weights = class_weights(class_counts(labels))
    counts = class_counts(labels)
    assert weights.dtype == np.float32
    assert (weights[counts == 0] == 0).all()
    totals = (weights * counts)[counts > 0]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-6)
    np.testing.assert_allclose(weights[labels].mean(), 1.0, rtol=1e-6)


def test_weights_of_a_known_case() -> None:
    labels = np.array([0, 1, 1, 1, 1, 1, 1, 2, 2], np.int8)
    np.testing.assert_allclose(class_weights(class_counts(labels)), [3.0, 0.5, 1.5])


def test_mirroring_evens_out_the_sides() -> None:
    assert mirrored_counts(np.array([10, 70, 20])).tolist() == [15.0, 70.0, 15.0]


def test_the_log_names_counts_the_rarest_class_and_the_ratios() -> None:
    counts = np.array([1_000, 18_000, 500])
    assert describe_balance(counts, "undersample") == (
        "classes SHORT 1,000 (5.1%), HOLD 18,000 (92.3%), LONG 500 (2.6%); rarest LONG; "
        "an epoch draws SHORT 50.0%, HOLD 2.8%, LONG 100.0%"
    )
    assert describe_balance(np.zeros(3, np.int64), "undersample").startswith("classes SHORT 0")


@pytest.mark.parametrize(
    ("candles", "every"), [(0, 1), (44_999, 1), (90_000, 2), (525_600, 10), (5_000_000, 10)]
)
def test_a_sample_of_its_own_choice_leaves_an_epoch_enough_windows(
    candles: int, every: int
) -> None:
    counts = np.array([candles // 10, candles - 2 * (candles // 10), candles // 10])
    assert sampling_interval(TrainingConfig(sample_every=0), counts) == every
    assert sampling_interval(TrainingConfig(sample_every=7), counts) == 7
