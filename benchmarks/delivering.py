"""Copying windows: against the memory's own speed, and against FreqAI's dataset and loader."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from freqtrade.freqai.torch.datasets import WindowDataset
from torch.utils.data import DataLoader

from benchmarks.measure import interleaved
from benchmarks.results import Result, compared
from dualwindow.data.datasets.chunks import ChunkSizes
from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.settings import TrainingConfig

BATCH = 256


def delivery(windows: int) -> Iterator[Result]:
    """Every window once, in batches of 256."""
    config = TrainingConfig()
    size = config.window_size
    random = np.random.default_rng(0)
    features = random.normal(size=(windows + size - 1, 8)).astype(np.float32)
    rows = random.permutation(np.arange(size - 1, len(features)))
    stream = WindowStream(features, size, ChunkSizes.from_settings(config))

    def ours() -> None:
        for _ in stream.batches(rows, BATCH):
            pass

    # The same bytes, there already as one array, copied into a kept buffer a chunk at a time.
    source = torch.from_numpy(random.random((windows, size, 8), dtype=np.float32))
    buffer = torch.empty(config.streaming_chunk_size, size, 8)

    def floor() -> None:
        for start in range(0, windows, len(buffer)):
            part = source[start : start + len(buffer)]
            buffer[: len(part)].copy_(part)

    tensor = torch.from_numpy(features)
    loader = DataLoader(
        WindowDataset(tensor, torch.zeros(len(tensor), 1), size), batch_size=BATCH, shuffle=False
    )

    def freqai() -> None:
        for _ in loader:
            pass

    our_seconds, floor_seconds = interleaved(7, ours, floor)
    what = f"deliver {windows:,} windows once in random order, batch {BATCH}"
    yield compared(
        what, "copying the same bytes", (our_seconds, floor_seconds), "s", goal=1 / 1.5,
        note="at most 1.5 times as long as the copy",
    )  # fmt: skip
    (freqai_seconds,) = interleaved(1, freqai)
    yield compared(
        what, "FreqAI's WindowDataset and DataLoader, in order",
        (our_seconds, freqai_seconds), "s", goal=15,
    )  # fmt: skip
