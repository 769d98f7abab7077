"""An epoch's order is a function of (seed, epoch), drawn fairly, and the same in any parts."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.data.datasets.dataset import Selection
from dualwindow.data.datasets.sampler import EpochOrder, EpochPart, KeyedPermutation
from dualwindow.data.datasets.statistics import ClassBalance, class_counts, drawn_counts
from tests.makers.datasets import dataset_of
from tests.makers.markets import cuts

MODES: list[ClassBalance] = ["undersample", "weights", "none"]
some_labels = st.lists(st.sampled_from([-1, 0, 1, 1, 1, 2]), max_size=80).map(
    lambda codes: np.array(codes, np.int8)
)


@given(n=st.integers(1, 3000), key=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3))
def test_every_number_comes_once(n: int, key: list[int]) -> None:
    images = KeyedPermutation(n, key)(np.arange(n))
    assert sorted(images.tolist()) == list(range(n))


@given(n=st.integers(1, 2**40), seed=st.integers(0, 99))
def test_positions_can_be_asked_one_by_one(n: int, seed: int) -> None:
    permutation = KeyedPermutation(n, [seed])
    positions = np.random.default_rng(seed).integers(0, n, 20)
    images = permutation(positions)
    assert ((images >= 0) & (images < n)).all()
    assert len(set(images.tolist())) == len(set(positions.tolist()))
    assert [int(permutation(np.array([at]))[0]) for at in positions] == images.tolist()


def test_all_orders_of_four_are_about_as_frequent() -> None:
    orders = Counter(
        tuple(KeyedPermutation(4, [key, 7])(np.arange(4)).tolist()) for key in range(4800)
    )
    assert len(orders) == 24
    # Chi square of 23 degrees of freedom: above 49.7 once in a thousand.
    assert sum((count - 200) ** 2 / 200 for count in orders.values()) < 49.7


def test_every_place_gets_every_number_about_as_often() -> None:
    images = np.array([KeyedPermutation(50, [key])(np.array([0, 17])) for key in range(5000)])
    for column in images.T:
        counts = np.bincount(column, minlength=50)
        # 49 degrees of freedom: above 85.4 once in a thousand.
        assert ((counts - 100) ** 2 / 100).sum() < 85.4


def selection(labels: NDArray[np.int8]) -> Selection:
    return dataset_of(labels).labelled()


def order(labels: NDArray[np.int8], balance: ClassBalance, **changes: int) -> EpochOrder:
    options = {"mirror": True, "seed": 42, "epoch": 0} | changes
    return EpochOrder(selection(labels), balance=balance, **options)  # type: ignore[arg-type]


def whole(labels: NDArray[np.int8], balance: ClassBalance, **changes: int) -> EpochPart:
    epoch = order(labels, balance, **changes)
    return epoch.part(0, len(epoch))


@given(labels=some_labels, seed=st.integers(0, 2**32 - 1), epoch=st.integers(0, 99))
def test_undersampling_draws_every_class_that_occurs_down_to_the_rarest(
    labels: NDArray[np.int8], seed: int, epoch: int
) -> None:
    part = whole(labels, "undersample", seed=seed, epoch=epoch)
    counts = class_counts(labels)
    rarest = min(counts[counts > 0], default=0)
    assert class_counts(labels[part.rows]).tolist() == [rarest if count else 0 for count in counts]
    assert len(set(part.rows.tolist())) == len(part.rows)
    np.testing.assert_array_equal(part.labels, labels[part.rows])


@given(labels=some_labels, balance=st.sampled_from(["weights", "none"]))
def test_without_undersampling_every_row_with_a_class_comes_once(
    labels: NDArray[np.int8], balance: ClassBalance
) -> None:
    rows = whole(labels, balance).rows
    assert sorted(rows.tolist()) == np.flatnonzero(labels >= 0).tolist()


@given(labels=some_labels, balance=st.sampled_from(MODES), data=st.data())
def test_parts_are_the_whole(
    labels: NDArray[np.int8], balance: ClassBalance, data: st.DataObject
) -> None:
    epoch = order(labels, balance)
    assert len(epoch) == drawn_counts(class_counts(labels), balance).sum()
    places = data.draw(cuts(len(epoch)))
    parts = [epoch.part(*each) for each in pairwise(places)]
    expected = epoch.part(0, len(epoch))
    for name in ("rows", "labels", "mirrored"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(expected, name))


@pytest.mark.parametrize("balance", MODES)
def test_an_epoch_is_a_function_of_seed_and_epoch_alone(balance: ClassBalance) -> None:
    labels = np.random.default_rng(1).integers(0, 3, 300).astype(np.int8)

    def drawn(**changes: int) -> tuple[list[int], list[bool]]:
        np.random.seed(changes.pop("legacy", 0))
        part = whole(labels, balance, **changes)
        return part.rows.tolist(), part.mirrored.tolist()

    assert drawn() == drawn(legacy=99)
    # Asked out of order, each epoch is still its own.
    later = drawn(epoch=5)
    assert drawn(epoch=5) == later
    # Neighbouring seeds share no epoch: (43, 4), (42, 5) and (41, 6) are three orders.
    others = [drawn(), later, drawn(seed=43, epoch=4), drawn(seed=41, epoch=6), drawn(seed=43)]
    assert len({str(other) for other in others}) == 5


def test_every_candidate_is_drawn_in_time() -> None:
    labels = np.array([1] * 40 + [0] * 10 + [2] * 10, np.int8)
    seen = {row for epoch in range(30) for row in whole(labels, "undersample", epoch=epoch).rows}
    assert seen == set(range(60))


@given(labels=some_labels, balance=st.sampled_from(MODES), every=st.integers(1, 40))
def test_a_sample_takes_evenly_spaced_candidates_of_every_class(
    labels: NDArray[np.int8], balance: ClassBalance, every: int
) -> None:
    part = whole(labels, balance, every=every)
    assert len(set(part.rows.tolist())) == len(part.rows)
    np.testing.assert_array_equal(part.labels, labels[part.rows])
    for code, count in enumerate(class_counts(labels).tolist()):
        ordinals = np.searchsorted(
            np.flatnonzero(labels == code), np.sort(part.rows[part.labels == code])
        )
        if balance != "undersample":
            assert len(ordinals) == (max(count // every, 1) if count else 0)
        assert (np.diff(ordinals) % every == 0).all()


@given(labels=some_labels, every=st.integers(2, 9), first=st.integers(0, 3))
def test_a_round_of_samples_takes_no_row_twice(
    labels: NDArray[np.int8], every: int, first: int
) -> None:
    rows: list[int] = []
    for epoch in range(first * every, first * every + every):
        part = whole(labels, "none", every=every, epoch=epoch)
        # A class of fewer rows than that has one of them in every sample.
        enough = class_counts(labels)[part.labels] >= every
        rows += part.rows[enough].tolist()
    assert len(set(rows)) == len(rows)


def test_every_row_has_its_turn_in_a_sample() -> None:
    labels = np.array([1] * 47 + [0] * 13 + [2] * 6, np.int8)
    epochs = [whole(labels, "none", every=7, epoch=epoch) for epoch in range(200)]
    assert {row for part in epochs for row in part.rows.tolist()} == set(range(66))
    assert {len(part.rows) for part in epochs} == {6 + 1 + 1}


def test_classes_do_not_come_one_after_the_other() -> None:
    labels = np.repeat(np.array([0, 1, 2], np.int8), 100)
    for third in np.split(whole(labels, "undersample").labels, 3):
        assert (np.bincount(third, minlength=3) > 15).all()


def test_half_of_the_windows_are_mirrored_of_every_class() -> None:
    labels = np.repeat(np.array([0, 1, 2], np.int8), 1000)
    part = whole(labels, "undersample")
    for code in range(3):
        assert 0.45 < part.mirrored[part.labels == code].mean() < 0.55


def test_nothing_is_mirrored_when_mirroring_is_off_and_the_rows_stay_the_same() -> None:
    labels = np.repeat(np.array([0, 1, 2], np.int8), 100)
    off, on = whole(labels, "undersample", mirror=False), whole(labels, "undersample")
    assert not off.mirrored.any()
    assert on.mirrored.any()
    np.testing.assert_array_equal(off.rows, on.rows)


def test_only_candidates_of_all_stretches_are_drawn() -> None:
    labels = np.random.default_rng(2).integers(-1, 3, 900).astype(np.int8)
    dataset = dataset_of(labels, lengths=[300, 400, 200])
    stretches = [range(10, 250), range(300, 300), range(420, 690), range(701, 702)]
    allowed = {row for stretch in stretches for row in stretch if labels[row] >= 0}
    candidates = Selection(dataset, stretches)
    epochs = [
        EpochOrder(candidates, balance="undersample", mirror=False, seed=1, epoch=epoch)
        for epoch in range(40)
    ]
    drawn = {row for epoch in epochs for row in epoch.part(0, len(epoch)).rows.tolist()}
    assert drawn == allowed


@pytest.mark.parametrize(
    ("n", "images"),
    [
        (1, [0]),
        (5, [3, 0, 2, 4, 1]),
        (1000, [946, 566, 180, 86, 35, 310, 140, 929]),
        (10**6, [802879, 911224, 63290, 874743, 252415, 893075, 705599, 255660]),
    ],
)
def test_a_key_has_the_permutation_that_it_had_in_earlier_versions(
    n: int, images: list[int]
) -> None:
    # A checkpoint does not hold the order of its epochs, and figures are published with their seed.
    assert KeyedPermutation(n, [42, 0])(np.arange(len(images))).tolist() == images


@pytest.mark.parametrize(
    ("epoch", "rows", "mirrored"),
    [
        (0, [334, 1547, 733, 1177, 1267, 5, 1862, 97], [1, 1, 1, 0, 0, 1, 0, 0]),
        (1, [194, 930, 1393, 1293, 1747, 1775, 1644, 1437], [0, 0, 0, 1, 1, 0, 1, 1]),
        (7, [1069, 1228, 1286, 1411, 527, 1995, 515, 692], [1, 1, 1, 1, 0, 1, 0, 0]),
    ],
)
def test_an_epoch_has_the_order_that_it_had_in_earlier_versions(
    epoch: int, rows: list[int], mirrored: list[int]
) -> None:
    labels = np.random.default_rng(1).choice([0, 1, 1, 1, 1, 2], 2000)
    order = EpochOrder(
        dataset_of(labels).labelled(),
        balance="undersample",
        mirror=True,
        seed=42,
        epoch=epoch,
        every=3,
    )
    part = order.part(0, 8)
    assert part.rows.tolist() == rows
    assert part.mirrored.dtype == np.bool_
    assert part.mirrored.astype(int).tolist() == mirrored


def test_without_a_mirror_no_window_is_mirrored() -> None:
    whole = selection(np.arange(30) % 3)
    part = EpochOrder(whole, balance="none", mirror=False, seed=1, epoch=0).part(0, 30)
    assert part.mirrored.dtype == np.bool_
    assert not part.mirrored.any()
