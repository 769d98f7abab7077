"""Every way to gather windows gives the same windows; without a GPU they are tried on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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
from dualwindow.data.features.column_roles import ColumnRoles
from dualwindow.models.networks.inputs import joined

ROWS, WINDOW = 40, 6
CPU = torch.device("cpu")
MAKERS: dict[str, Callable[[Tensor, ColumnRoles], Gatherer]] = {
    "host": lambda features, roles: HostGatherer(features, WINDOW, roles),
    "resident": lambda features, roles: ResidentGatherer(features, WINDOW, CPU, roles),
    "uploading": lambda features, roles: UploadingGatherer(features, WINDOW, CPU, roles),
}
NARROW: Final = ColumnRoles((0, 1, 2), ())
#: Those of the window need not be the first, and one may have both roles.
WIDE: Final = ColumnRoles((0, 2), (1, 2))
FEATURES = torch.from_numpy(np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32))


@pytest.mark.parametrize("roles", [NARROW, WIDE])
@pytest.mark.parametrize("kind", MAKERS)
@given(
    chunks=st.lists(st.lists(st.integers(WINDOW - 1, ROWS - 1), min_size=1, max_size=9)),
    extraction=st.integers(1, 10),
)
def test_windows_end_at_their_rows(
    kind: str, roles: ColumnRoles, chunks: list[list[int]], extraction: int
) -> None:
    gather = MAKERS[kind](FEATURES, roles).begin(9)
    for chunk in chunks:
        inputs = gather(np.array(chunk), extraction)
        windows = torch.stack([FEATURES[row - WINDOW + 1 : row + 1] for row in chunk])
        expected = joined(windows[..., list(roles.window)], windows[:, -1, list(roles.wide)])
        assert torch.equal(inputs, expected)


@pytest.mark.parametrize("kind", ["resident", "uploading"])
def test_an_upload_is_not_overwritten_by_the_chunk_that_is_gathered_beside_it(kind: str) -> None:
    gather = MAKERS[kind](FEATURES, NARROW).begin(4)
    first = gather(np.array([10, 11, 12, 13]), 4)
    kept = first.clone()
    gather(np.array([20, 21, 22, 23]), 4)
    assert torch.equal(first, kept)


def test_the_processor_gathers_in_its_own_memory() -> None:
    assert isinstance(gatherer_for(FEATURES, WINDOW, CPU, NARROW), HostGatherer)


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
    assert isinstance(gatherer_for(FEATURES, WINDOW, torch.device("cuda:0"), NARROW), kind)
    assert made == [kind.__name__]
