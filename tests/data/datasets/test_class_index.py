"""Rank and select answer as a list of rows would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.data.datasets import class_index
from dualwindow.data.datasets.class_index import COUNT_ROWS, ClassIndex, count_classes

lengths = st.one_of(
    st.integers(0, 40),
    st.builds(
        lambda blocks, more: blocks * COUNT_ROWS + more, st.integers(0, 4), st.integers(-2, 2)
    ),
).filter(lambda length: length >= 0)


@st.composite
def some_labels(draw: st.DrawFn) -> NDArray[np.int8]:
    codes = draw(st.sampled_from([[-1, 0, 1, 2], [-1, -1, 1, 1, 1, 0], [-1], [1], [2, 0]]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.choice(np.array(codes, np.int8), size=draw(lengths))


def rows_of(labels: NDArray[np.int8], code: int | None) -> NDArray[np.int64]:
    return np.flatnonzero(labels >= 0 if code is None else labels == code)


@given(labels=some_labels(), data=st.data())
def test_rank_counts_the_rows_before(labels: NDArray[np.int8], data: st.DataObject) -> None:
    index = ClassIndex(labels)
    for row in {0, len(labels), data.draw(st.integers(0, len(labels)))}:
        expected = [int((labels[:row] == code).sum()) for code in range(3)]
        assert index.rank(row).tolist() == expected


@given(labels=some_labels(), code=st.sampled_from([None, 0, 1, 2]), seed=st.integers(0, 9))
def test_select_finds_every_row_in_any_order(
    labels: NDArray[np.int8], code: int | None, seed: int
) -> None:
    rows = rows_of(labels, code)
    ordinals = np.random.default_rng(seed).permutation(len(rows))
    found = ClassIndex(labels).select(code, ordinals)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, rows[ordinals])


@given(labels=some_labels())
def test_counts_are_those_of_every_block(labels: NDArray[np.int8]) -> None:
    counts = count_classes(labels)
    blocks = [labels[at : at + COUNT_ROWS] for at in range(0, len(labels), COUNT_ROWS)]
    assert counts.tolist() == [[int((each == code).sum()) for code in range(3)] for each in blocks]
    np.testing.assert_array_equal(
        ClassIndex(labels, counts).rank(len(labels)), ClassIndex(labels).rank(len(labels))
    )


def test_a_mapped_file_is_as_good_and_long_lookups_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_index, "_LOOKUP_ROWS", 7)
    monkeypatch.setattr(class_index, "_COUNTED_BLOCKS", 2)
    labels = np.random.default_rng(0).integers(-1, 3, 5000).astype(np.int8)
    path = tmp_path / "labels"
    path.write_bytes(labels.tobytes())
    mapped = np.memmap(path, dtype=np.int8, mode="r")
    rows = rows_of(labels, 2)
    np.testing.assert_array_equal(ClassIndex(mapped).select(2, np.arange(len(rows))), rows)
