"""Windows of flat features, gathered chunk by chunk on the device that computes.

With wide features every window comes as one row: its candles one after another, and behind them
the wide features of the last one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualwindow.data.datasets.chunks import AdaptiveChunk, ChunkSizes
from dualwindow.data.features.column_roles import ColumnRoles
from dualwindow.settings import TrainingConfig

#: Copies the inputs that end at (M,) rows to the device, some at a time: (M, P, C), or with W wide
#: features (M, P * C + W).
Gather = Callable[[NDArray[np.int64], int], Tensor]

#: Share of a GPU's free memory that the features may take.
RESIDENT_SHARE: Final = 0.5


class WindowStream:
    """Yields windows of flat features in any order, on the device that computes.

    What comes out depends on the rows asked for and on nothing else: the chunk is only the unit
    in which windows are gathered. On a GPU the features are uploaded once and gathered there if
    they fit, else chunks are gathered in pinned memory and uploaded while the GPU computes.

    Args:
        features: (N, C) float32, row after row in time; may be a mapped file.
        window_size: P, candles.
        sizes: of chunks.
        device: where the windows are wanted.
        chunk: windows in memory at a time, which may shrink; takes the place of `sizes.windows`.
        roles: which features belong to the windows and which are wide; None: all to the windows.

    Raises:
        ValueError: when the features are not a contiguous (N, C) float32 array.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        window_size: int,
        sizes: ChunkSizes | None = None,
        *,
        device: torch.device | None = None,
        chunk: AdaptiveChunk | None = None,
        roles: ColumnRoles | None = None,
    ) -> None:
        # A Fortran-ordered array (what DataFrame.values gives) would be read as other windows.
        if features.ndim != 2 or features.dtype != np.float32 or not features.flags.c_contiguous:
            raise ValueError("features must be a C-contiguous (N, C) float32 array")
        self._sizes = sizes or ChunkSizes()
        self._chunk = chunk
        self._gatherer = None
        if len(features) >= window_size:
            roles = roles or ColumnRoles(tuple(range(features.shape[1])))
            self._gatherer = gatherer_for(
                _as_tensor(features), window_size, device or torch.device("cpu"), roles
            )

    @classmethod
    def watched(
        cls,
        features: NDArray[np.float32],
        config: TrainingConfig,
        device: torch.device,
        roles: ColumnRoles | None = None,
    ) -> WindowStream:
        """A stream with the settings' chunks, which shrink when memory runs short."""
        sizes = ChunkSizes.from_settings(config)
        chunk = None
        if sizes.windows is not None:
            smallest = min(config.batch_size, sizes.windows)
            chunk = AdaptiveChunk.from_settings(
                config, sizes.windows, smallest=smallest, unit="windows"
            )
        return cls(features, config.window_size, sizes, device=device, chunk=chunk, roles=roles)

    @property
    def holds_everything(self) -> bool:
        """Whether one chunk holds all windows that are asked for, however many."""
        return self._chunk is None and self._sizes.windows is None

    def chunk_of(self, step: int, rows: int) -> int:
        """Windows of a chunk when it is to be whole steps of `step` windows, for `rows` in all."""
        windows = rows if self._sizes.windows is None else self._sizes.windows
        return max(windows // step, 1) * step

    def batches(self, rows: NDArray[np.int64], batch_size: int) -> Iterator[tuple[slice, Tensor]]:
        """Yield the windows that end at `rows`, in their order.

        Args:
            rows: (M,) last row of each window, at least P - 1.
            batch_size: windows a batch; the last batch may be smaller.

        Yields:
            The slice of `rows` and its windows, (B, P, C) float32; with W wide features
            (B, P * C + W). The tensor is a view of a buffer that the next chunk overwrites.

        Raises:
            MemoryLimitError: when even one batch does not fit.
        """
        if not len(rows):
            return
        if self._gatherer is None:
            raise ValueError("there are fewer rows than one window needs")
        start, size, gather = 0, 0, None
        while start < len(rows):
            wanted = min(self._chunk_of(len(rows), batch_size), len(rows))
            if gather is None or wanted != size:
                # The old buffer goes before the new one comes.
                gather = None
                size, gather = wanted, self._gatherer.begin(wanted)
            stop = min(start + size, len(rows))
            try:
                windows = gather(rows[start:stop], self._sizes.extraction)
            except RuntimeError as error:
                if self._chunk is None or "memory" not in str(error):
                    raise
                self._chunk.halve(error)
                gather = None
                continue
            for first in range(start, stop, batch_size):
                last = min(first + batch_size, stop)
                yield slice(first, last), windows[first - start : last - start]
            start = stop

    def _chunk_of(self, rows: int, batch_size: int) -> int:
        """Whole batches only, so that a batch never spans two chunks."""
        windows = self._sizes.windows if self._chunk is None else self._chunk.next()
        return rows if windows is None else max(windows // batch_size, 1) * batch_size


class Gatherer(Protocol):
    """Gathers windows of one dataset."""

    def begin(self, most: int) -> Gather:
        """Return what gathers chunks of at most `most` windows, each over the one before it."""


def gatherer_for(
    features: Tensor, window_size: int, device: torch.device, roles: ColumnRoles
) -> Gatherer:
    """Choose how windows of (N, C) features on the CPU come to a device; P is at most N."""
    if device.type == "cpu":
        return HostGatherer(features, window_size, roles)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if features.nbytes <= free * RESIDENT_SHARE:
            return ResidentGatherer(features, window_size, device, roles)
    return UploadingGatherer(features, window_size, device, roles)


class HostGatherer:
    """Gathers in the computer's memory, into a buffer that is kept from chunk to chunk."""

    def __init__(
        self, features: Tensor, window_size: int, roles: ColumnRoles, *, pinned: bool = False
    ) -> None:
        self._tables = _Tables(features, window_size, roles)
        self._pinned = pinned

    def begin(self, most: int) -> Gather:
        """Return what gathers chunk after chunk into one buffer."""
        tables, buffer = self._tables, torch.empty(0)

        def gather(rows: NDArray[np.int64], extraction: int) -> Tensor:
            nonlocal buffer
            if not len(buffer):
                buffer = torch.empty((most, *tables.shape), pin_memory=self._pinned)
            last_rows = torch.from_numpy(np.ascontiguousarray(rows))
            for start in range(0, len(rows), extraction):
                part = last_rows[start : start + extraction]
                tables.copy(part, buffer[start : start + len(part)])
            return buffer[: len(rows)]

        return gather


class ResidentGatherer:
    """Uploads the features once and gathers on the device."""

    def __init__(
        self, features: Tensor, window_size: int, device: torch.device, roles: ColumnRoles
    ) -> None:
        self._tables = _Tables(features.to(device), window_size, roles)
        self._device = device

    def begin(self, most: int) -> Gather:  # noqa: ARG002 - the device keeps no buffer
        """Return what gathers a chunk in one operation; nothing waits for the device."""
        tables = self._tables

        def gather(rows: NDArray[np.int64], _extraction: int) -> Tensor:
            last_rows = torch.from_numpy(np.ascontiguousarray(rows)).to(
                self._device, non_blocking=True
            )
            inputs = torch.empty((len(rows), *tables.shape), device=self._device)
            tables.copy(last_rows, inputs)
            return inputs

        return gather


class UploadingGatherer:
    """Gathers in pinned memory and uploads: two buffers take turns, so that both go on at once."""

    def __init__(
        self, features: Tensor, window_size: int, device: torch.device, roles: ColumnRoles
    ) -> None:
        self._device = device
        pinned = device.type == "cuda"
        self._host = HostGatherer(features, window_size, roles, pinned=pinned)

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


class _Tables:
    """The windows of features and the wide features of their last candles, on one device."""

    def __init__(self, features: Tensor, window_size: int, roles: ColumnRoles) -> None:
        self._before = window_size - 1
        self._windows = _windows_of(_columns(features, roles.window), window_size)
        self._wide = _columns(features, roles.wide)
        candles = window_size * len(roles.window)
        #: Of one window's inputs.
        self.shape = self._windows.shape[1:]
        if roles.wide:
            self.shape = torch.Size([candles + len(roles.wide)])
        self._candles = candles

    def copy(self, rows: Tensor, target: Tensor) -> None:
        """Copy the inputs of the windows that end at (M,) rows into (M, ...) of `shape`."""
        if not self._wide.shape[1]:
            torch.index_select(self._windows, 0, rows - self._before, out=target)
            return
        windows = target[:, : self._candles].view(len(rows), *self._windows.shape[1:])
        windows.copy_(self._windows.index_select(0, rows - self._before))
        target[:, self._candles :] = self._wide.index_select(0, rows)


def _as_tensor(features: NDArray[np.float32]) -> Tensor:
    with warnings.catch_warnings():
        # The source is never written, so a read-only memmap is safe.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(features)


def _columns(features: Tensor, positions: Sequence[int]) -> Tensor:
    """(N, F) columns; a view where they stand together, so that a mapped file is not read."""
    first = positions[0] if positions else 0
    stop = first + len(positions)
    if tuple(positions) == tuple(range(first, stop)):
        return features[:, first:stop]
    return features[:, list(positions)]


def _windows_of(features: Tensor, window_size: int) -> Tensor:
    """(N - P + 1, P, C), a view: window k holds rows k ... k + P - 1."""
    return features.unfold(0, window_size, 1).transpose(1, 2)
