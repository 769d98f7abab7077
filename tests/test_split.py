from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.errors import DataError
from dualwindow.split import Split, split_rows

some_rows = st.lists(st.sampled_from([True, True, False]), min_size=50, max_size=90).map(
    lambda flags: np.array(flags, np.bool_)
)


def split_or_skip(usable: NDArray[np.bool_], fraction: float, future: int) -> Split:
    try:
        return split_rows(usable, validation_fraction=fraction, future_window=future)
    except DataError:
        assume(False)
        raise


@given(usable=some_rows, fraction=st.floats(0.01, 0.5), future=st.integers(1, 15))
def test_no_training_labels_future_reaches_into_validation(
    usable: NDArray[np.bool_], fraction: float, future: int
) -> None:
    split = split_or_skip(usable, fraction, future)
    looked_at = {int(row) + step for row in split.train for step in range(future + 1)}
    assert not looked_at & set(split.validation.tolist())
    assert max(looked_at) < split.validation[0]


@given(usable=some_rows, fraction=st.floats(0.01, 0.5), future=st.integers(1, 15))
def test_every_usable_row_trains_validates_or_is_purged_for_its_future(
    usable: NDArray[np.bool_], fraction: float, future: int
) -> None:
    split = split_or_skip(usable, fraction, future)
    rows = np.flatnonzero(usable)
    kept = np.concatenate([split.train, split.validation])
    assert (np.diff(kept) > 0).all()
    assert kept.dtype == np.int64
    dropped = sorted(set(rows.tolist()) - set(kept.tolist()))
    assert set(kept.tolist()) <= set(rows.tolist())
    assert len(dropped) == split.purged
    # Only what must go goes.
    first = split.validation[0]
    assert all(first - future <= row < first for row in dropped)


@given(usable=some_rows, fraction=st.floats(0.01, 0.5))
def test_validation_is_the_newest_share_of_the_usable_rows(
    usable: NDArray[np.bool_], fraction: float
) -> None:
    split = split_or_skip(usable, fraction, 1)
    rows = np.flatnonzero(usable)
    count = max(round(len(rows) * fraction), 1)
    assert split.validation.tolist() == rows[-count:].tolist()


def test_a_known_split() -> None:
    split = split_rows(np.ones(100, np.bool_), validation_fraction=0.2, future_window=5)
    assert split.validation.tolist() == list(range(80, 100))
    # Row 74 looks at rows 75 to 79, row 75 would look at row 80.
    assert split.train.tolist() == list(range(75))
    assert split.purged == 5


def test_a_hole_before_validation_is_purge_enough() -> None:
    usable = np.ones(100, np.bool_)
    usable[70:80] = False
    split = split_rows(usable, validation_fraction=20 / 90, future_window=10)
    assert split.validation[0] == 80
    assert split.train.tolist() == list(range(70))
    assert split.purged == 0


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_rows_are_refused_with_their_number(count: int) -> None:
    usable = np.zeros(50, np.bool_)
    usable[:count] = True
    with pytest.raises(DataError, match=f"only {count} candles .* train on more days"):
        split_rows(usable, validation_fraction=0.15, future_window=5)


def test_a_purge_that_leaves_nothing_is_refused_with_the_setting() -> None:
    with pytest.raises(DataError, match=r"none of 40 .* future_window 60 .* more days"):
        split_rows(np.ones(50, np.bool_), validation_fraction=0.2, future_window=60)
