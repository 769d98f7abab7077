"""Windows, gathered chunk by chunk from the flat features; never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class ChunkSizes:
    """How many windows are in memory, and how many are gathered in one go.

    Attributes:
        windows: windows in memory at a time; None holds everything in one chunk.
        extraction: windows gathered by one operation.
    """

    windows: int | None = 1000
    extraction: int = 1000

    @classmethod
    def of(cls, config: TrainingConfig) -> ChunkSizes:
        """The sizes that the settings ask for."""
        return cls(
            windows=config.streaming_chunk_size if config.use_streaming else None,
            extraction=config.batch_extraction_size if config.use_batch_extraction else 1,
        )


class WindowStream:
    """Yields windows of flat features in any order.

    What comes out depends on the rows asked for and on nothing else: the chunk is only the unit
    in which windows are copied.

    Args:
        features: (N, F) float32, row after row in time.
        window_size: P, candles.
        sizes: of chunks.

    Raises:
        ValueError: when the features are not a contiguous (N, F) float32 array.
    """

    def __init__(
        self, features: NDArray[np.float32], window_size: int, sizes: ChunkSizes | None = None
    ) -> None:
        # A Fortran-ordered array (what DataFrame.values gives) would be read as other windows.
        if features.ndim != 2 or features.dtype != np.float32 or not features.flags.c_contiguous:
            raise ValueError("features must be a C-contiguous (N, F) float32 array")
        self._window_size = window_size
        self._n_features = features.shape[1]
        self._sizes = sizes or ChunkSizes()
        flat = torch.from_numpy(features)
        # (N - P + 1, P, F), a view: window k holds rows k ... k + P - 1.
        self._windows = (
            flat.unfold(0, window_size, 1).transpose(1, 2) if len(flat) >= window_size else None
        )

    def batches(self, rows: NDArray[np.int64], batch_size: int) -> Iterator[tuple[slice, Tensor]]:
        """Yield the windows that end at `rows`, in their order.

        Args:
            rows: (M,) last row of each window, at least P - 1.
            batch_size: windows a batch; the last batch may be smaller.

        Yields:
            The slice of `rows` and its windows, (B, P, F) float32. The tensor is a view of a
            buffer that the next chunk overwrites.
        """
        if not len(rows):
            return
        if self._windows is None:
            raise ValueError("there are fewer rows than one window needs")
        chunk = len(rows) if self._sizes.windows is None else self._sizes.windows
        # Whole batches only, so that a batch never spans two chunks.
        chunk = min(max(chunk // batch_size, 1) * batch_size, len(rows))
        buffer = torch.empty(chunk, self._window_size, self._n_features)
        for start in range(0, len(rows), chunk):
            stop = min(start + chunk, len(rows))
            self._gather(rows[start:stop], buffer)
            for first in range(start, stop, batch_size):
                last = min(first + batch_size, stop)
                yield slice(first, last), buffer[first - start : last - start]

    def _gather(self, rows: NDArray[np.int64], buffer: Tensor) -> None:
        assert self._windows is not None
        first_rows = torch.from_numpy(rows - (self._window_size - 1))
        step = self._sizes.extraction
        for start in range(0, len(rows), step):
            part = first_rows[start : start + step]
            torch.index_select(self._windows, 0, part, out=buffer[start : start + len(part)])
