"""Copies windows out of flat features, on the processor or on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Copies the windows that end at (C,) rows, some at a time: (C, P, F) on the device.
Gather = Callable[[NDArray[np.int64], int], Tensor]

#: Share of a GPU's free memory that the features may take.
RESIDENT_SHARE: Final = 0.5


class Gatherer(Protocol):
    """Gathers windows of one dataset."""

    def begin(self, most: int) -> Gather:
        """Return what gathers chunks of at most `most` windows, each over the one before it."""


def gatherer_for(features: Tensor, window_size: int, device: torch.device) -> Gatherer:
    """Choose how windows come to a device.

    Args:
        features: (N, F) on the CPU.
        window_size: P, at most N.
        device: where the windows are wanted.
    """
    if device.type == "cpu":
        return HostGatherer(features, window_size)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if features.nbytes <= free * RESIDENT_SHARE:
            return ResidentGatherer(features, window_size, device)
    return UploadingGatherer(features, window_size, device)


def _windows_of(features: Tensor, window_size: int) -> Tensor:
    """(N - P + 1, P, F), a view: window k holds rows k ... k + P - 1."""
    return features.unfold(0, window_size, 1).transpose(1, 2)


class HostGatherer:
    """Gathers in the computer's memory, into a buffer that is kept from chunk to chunk."""

    def __init__(self, features: Tensor, window_size: int, *, pinned: bool = False) -> None:
        self._windows = _windows_of(features, window_size)
        self._pinned = pinned

    def begin(self, most: int) -> Gather:
        """Return what gathers chunk after chunk into one buffer."""
        buffer = torch.empty(0)

        def gather(rows: NDArray[np.int64], extraction: int) -> Tensor:
            nonlocal buffer
            if not len(buffer):
                shape = (most, *self._windows.shape[1:])
                buffer = torch.empty(shape, pin_memory=self._pinned)
            first_rows = torch.from_numpy(rows - (self._windows.shape[1] - 1))
            for start in range(0, len(rows), extraction):
                part = first_rows[start : start + extraction]
                torch.index_select(self._windows, 0, part, out=buffer[start : start + len(part)])
            return buffer[: len(rows)]

        return gather


class ResidentGatherer:
    """Uploads the features once and gathers on the device."""

    def __init__(self, features: Tensor, window_size: int, device: torch.device) -> None:
        self._windows = _windows_of(features.to(device), window_size)

    def begin(self, most: int) -> Gather:  # noqa: ARG002 - the device keeps no buffer
        """Return what gathers a chunk in one operation; nothing waits for the device."""

        def gather(rows: NDArray[np.int64], _extraction: int) -> Tensor:
            first_rows = torch.from_numpy(rows - (self._windows.shape[1] - 1))
            first_rows = first_rows.to(self._windows.device, non_blocking=True)
            return self._windows.index_select(0, first_rows)

        return gather


class UploadingGatherer:
    """Gathers in pinned memory and uploads: two buffers take turns, so that both go on at once."""

    def __init__(self, features: Tensor, window_size: int, device: torch.device) -> None:
        self._device = device
        self._host = HostGatherer(features, window_size, pinned=device.type == "cuda")

    def begin(self, most: int) -> Gather:
        """Return what gathers and uploads chunk after chunk."""
        buffers = [self._host.begin(most), self._host.begin(most)]
        uploaded: list[torch.cuda.Event | None] = [None, None]
        turn = 0

        def gather(rows: NDArray[np.int64], extraction: int) -> Tensor:
            nonlocal turn
            turn = 1 - turn
            last = uploaded[turn]
            if last is not None:
                # The upload from this buffer must be over before it is overwritten.
                last.synchronize()
            windows = buffers[turn](rows, extraction).to(self._device, non_blocking=True)
            if self._device.type == "cuda":
                uploaded[turn] = torch.cuda.current_stream(self._device).record_event()
            return windows

        return gather
