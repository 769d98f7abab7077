"""Every way to gather windows gives the same windows; without a GPU they are tried on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dualwindow.data.datasets.window_stream import (
    Gatherer,
    HostGatherer,
    ResidentGatherer,
    UploadingGatherer,
    gatherer_for,
)

ROWS, WINDOW = 40, 6
CPU = torch.device("cpu")
MAKERS: dict[str, Callable[[Tensor], Gatherer]] = {
    "host": lambda features: HostGatherer(features, WINDOW),
    "resident": lambda features: ResidentGatherer(features, WINDOW, CPU),
    "uploading": lambda features: UploadingGatherer(features, WINDOW, CPU),
}
FEATURES = torch.from_numpy(np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32))


@pytest.mark.parametrize("kind", MAKERS)
@given(
    chunks=st.lists(st.lists(st.integers(WINDOW - 1, ROWS - 1), min_size=1, max_size=9)),
    extraction=st.integers(1, 10),
)
def test_windows_end_at_their_rows(kind: str, chunks: list[list[int]], extraction: int) -> None:
    gather = MAKERS[kind](FEATURES).begin(9)
    for chunk in chunks:
        windows = gather(np.array(chunk), extraction)
        expected = torch.stack([FEATURES[row - WINDOW + 1 : row + 1] for row in chunk])
        assert torch.equal(windows, expected)


@pytest.mark.parametrize("kind", ["resident", "uploading"])
def test_an_upload_is_not_overwritten_by_the_chunk_that_is_gathered_beside_it(kind: str) -> None:
    gather = MAKERS[kind](FEATURES).begin(4)
    first = gather(np.array([10, 11, 12, 13]), 4)
    kept = first.clone()
    gather(np.array([20, 21, 22, 23]), 4)
    assert torch.equal(first, kept)


def test_the_processor_gathers_in_its_own_memory() -> None:
    assert isinstance(gatherer_for(FEATURES, WINDOW, CPU), HostGatherer)


@pytest.mark.parametrize(
    ("free", "kind"), [(10**9, ResidentGatherer), (FEATURES.nbytes, UploadingGatherer)]
)
def test_a_gpu_holds_the_features_when_they_fit(
    free: int, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (free, free))
    for each in (ResidentGatherer, UploadingGatherer):
        monkeypatch.setattr(each, "__init__", lambda self, *_: made.append(type(self).__name__))
    assert isinstance(gatherer_for(FEATURES, WINDOW, torch.device("cuda:0")), kind)
    assert made == [kind.__name__]
