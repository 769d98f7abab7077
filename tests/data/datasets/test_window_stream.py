from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.data.datasets.chunks import ChunkSizes
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.settings import TrainingConfig

N_ROWS, N_FEATURES, WINDOW = 50, 3, 7


def features(rows: int = N_ROWS) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(rows, N_FEATURES)).astype(np.float32)


def gathered(
    rows: NDArray[np.int64], batch_size: int, sizes: ChunkSizes | None = None, window: int = WINDOW
) -> list[tuple[slice, NDArray[np.float32]]]:
    stream = WindowStream(features(), window, sizes)
    return [(part, windows.clone().numpy()) for part, windows in stream.batches(rows, batch_size)]


def sliced(rows: NDArray[np.int64], window: int = WINDOW) -> NDArray[np.float32]:
    """The windows cut one by one."""
    table = features()
    windows = [table[row - window + 1 : row + 1] for row in rows]
    return np.array(windows, np.float32).reshape(len(rows), window, N_FEATURES)


some_rows = st.lists(st.integers(WINDOW - 1, N_ROWS - 1), max_size=40).map(
    lambda rows: np.array(rows, np.int64)
)
some_sizes = st.builds(
    ChunkSizes, windows=st.none() | st.integers(1, 60), extraction=st.integers(1, 60)
)


@given(rows=some_rows, batch_size=st.integers(1, 20), sizes=some_sizes)
@settings(max_examples=200)
def test_windows_and_batches_are_the_same_for_any_chunk(
    rows: NDArray[np.int64], batch_size: int, sizes: ChunkSizes
) -> None:
    batches = gathered(rows, batch_size, sizes)
    starts = range(0, len(rows), batch_size)
    wanted = [slice(start, min(start + batch_size, len(rows))) for start in starts]
    assert [part for part, _ in batches] == wanted
    for part, windows in batches:
        assert windows.tobytes() == sliced(rows[part]).tobytes()
        assert windows.shape == (len(rows[part]), WINDOW, N_FEATURES)


@pytest.mark.parametrize("window", [1, 2, N_ROWS])
def test_windows_of_any_length_end_at_their_row(window: int) -> None:
    rows = np.arange(window - 1, N_ROWS)
    ((_, windows),) = gathered(rows, 100, window=window)
    assert windows.tobytes() == sliced(rows, window).tobytes()


def test_the_first_and_last_rows_have_windows_and_doubles_are_given_twice() -> None:
    rows = np.array([N_ROWS - 1, WINDOW - 1, WINDOW - 1])
    ((_, windows),) = gathered(rows, 10)
    assert windows.tobytes() == sliced(rows).tobytes()


def test_rows_in_reverse_come_in_reverse() -> None:
    rows = np.arange(WINDOW - 1, N_ROWS)[::-1]
    windows = np.concatenate([windows for _, windows in gathered(rows, 4, ChunkSizes(5, 2))])
    assert windows.tobytes() == sliced(rows).tobytes()


def test_windows_are_gathered_a_chunk_at_a_time() -> None:
    rows = np.arange(WINDOW - 1, N_ROWS)

    def buffers(sizes: ChunkSizes, batch_size: int) -> list[int]:
        """Windows that the memory behind each batch can hold."""
        stream = WindowStream(features(), WINDOW, sizes)
        size = 4 * WINDOW * N_FEATURES
        return [
            windows.untyped_storage().nbytes() // size
            for _, windows in stream.batches(rows, batch_size)
        ]

    assert set(buffers(ChunkSizes(windows=12), 4)) == {12}
    # A batch never spans two chunks, so the chunk is whole batches, and at least one.
    assert set(buffers(ChunkSizes(windows=10), 4)) == {8}
    assert set(buffers(ChunkSizes(windows=1), 4)) == {4}
    assert set(buffers(ChunkSizes(windows=None), 4)) == {len(rows)}
    assert set(buffers(ChunkSizes(windows=10_000), 4)) == {len(rows)}


@pytest.mark.parametrize("table_rows", [0, WINDOW - 1, N_ROWS])
def test_no_rows_give_no_batches(table_rows: int) -> None:
    stream = WindowStream(features(table_rows), WINDOW)
    assert list(stream.batches(np.array([], np.int64), 8)) == []


def test_fewer_rows_than_a_window_needs_are_refused_when_asked_for() -> None:
    stream = WindowStream(features(WINDOW - 1), WINDOW)
    with pytest.raises(ValueError, match="fewer rows than one window"):
        list(stream.batches(np.array([WINDOW - 2]), 8))


@pytest.mark.parametrize("row", [WINDOW - 2, -1, N_ROWS])
def test_a_row_without_a_window_is_never_answered(row: int) -> None:
    with pytest.raises((IndexError, RuntimeError, ValueError)):
        gathered(np.array([row]), 8)


@pytest.mark.parametrize(
    "table",
    [
        np.asfortranarray(features()),
        features().astype(np.float64),
        features().astype(np.float16),
        features()[:, 0],
        features()[::2],
        features()[:, :2],
        features()[None],
    ],
    ids=["fortran", "float64", "float16", "1-d", "every other row", "some columns", "3-d"],
)
def test_an_array_that_would_be_read_as_other_windows_is_refused(
    table: NDArray[np.generic],
) -> None:
    with pytest.raises(ValueError, match="C-contiguous"):
        WindowStream(table, WINDOW)  # type: ignore[arg-type]


def test_the_features_are_not_copied() -> None:
    table = features()
    stream = WindowStream(table, WINDOW)
    table[WINDOW - 1] = 5.0
    (_, windows), *_ = stream.batches(np.array([WINDOW - 1]), 1)
    assert torch.equal(windows[0, -1], torch.full((N_FEATURES,), 5.0))


@pytest.mark.parametrize(
    ("parameters", "sizes"),
    [
        ({}, ChunkSizes(1000, 1000)),
        ({"streaming_chunk_size": 64, "batch_extraction_size": 9}, ChunkSizes(64, 9)),
        ({"use_streaming": False}, ChunkSizes(None, 1000)),
        ({"use_batch_extraction": False}, ChunkSizes(1000, 1)),
    ],
)
def test_the_settings_choose_the_chunks(parameters: dict[str, int], sizes: ChunkSizes) -> None:
    assert ChunkSizes.from_settings(TrainingConfig.from_parameters(parameters)) == sizes
