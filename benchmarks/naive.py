"""What one writes first: a loop over rows, every window a copy, chunk files in between.

This is the pipeline of the earlier training module as its documentation tells it: windows and
labels are made one by one, collected into chunks of 1,000, written as compressed files, read back,
joined, and undersampled to the rarest class.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.settings import TrainingConfig

CHUNK_SEQUENCES: Final = 1000


def hybrid_label(
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    row: int,
    config: TrainingConfig,
) -> int:
    """Label one row by the hybrid rule."""
    future = slice(row + 1, row + 1 + config.future_window)
    highest, lowest, entry = high[future].max(), low[future].min(), close[row]
    if highest >= entry * (1 + config.long_tp_pct) and lowest > entry * (1 - config.long_sl_pct):
        return LONG
    if lowest <= entry * (1 - config.short_tp_pct) and highest < entry * (1 + config.short_sl_pct):
        return SHORT
    return HOLD


def first_touch_label(
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    row: int,
    config: TrainingConfig,
) -> int:
    """Label one row by the first-touch rule."""
    future = slice(row + 1, row + 1 + config.future_window)
    entry = close[row]

    def first(touched: NDArray[np.bool_]) -> int:
        at = int(touched.argmax())
        return at if touched[at] else config.future_window

    highs, lows = high[future], low[future]
    profit = first(highs >= entry * (1 + config.long_tp_pct))
    if profit < first(lows <= entry * (1 - config.long_sl_pct)):
        return LONG
    profit = first(lows <= entry * (1 - config.short_tp_pct))
    if profit < first(highs >= entry * (1 + config.short_sl_pct)):
        return SHORT
    return HOLD


def label_rows(columns: dict[str, NDArray[np.float64]], config: TrainingConfig) -> NDArray[np.int8]:
    """Label every row whose future is known, one after the other."""
    label = hybrid_label if config.label_rule == "hybrid" else first_touch_label
    high, low, close = columns["high"], columns["low"], columns["close"]
    rows = len(close) - config.future_window
    return np.array([label(high, low, close, row, config) for row in range(rows)], dtype=np.int8)


def write_chunks(
    columns: dict[str, NDArray[np.float64]],
    features: NDArray[np.float32],
    config: TrainingConfig,
    folder: Path,
) -> list[Path]:
    """Make every complete window and its label one by one; write them 1,000 at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    high, low, close = columns["high"], columns["low"], columns["close"]
    label = hybrid_label if config.label_rule == "hybrid" else first_touch_label
    paths: list[Path] = []
    windows: list[NDArray[np.float32]] = []
    labels: list[int] = []

    def flush() -> None:
        path = folder / f"chunk-{len(paths):05d}.npz"
        np.savez_compressed(path, windows=np.array(windows), labels=np.array(labels, np.int8))
        paths.append(path)
        windows.clear()
        labels.clear()

    for row in range(config.window_size - 1, len(close) - config.future_window):
        window = features[row - config.window_size + 1 : row + 1]
        if not np.isfinite(window).all():
            continue
        windows.append(window.copy())
        labels.append(label(high, low, close, row, config))
        if len(windows) == CHUNK_SEQUENCES:
            flush()
    if windows:
        flush()
    return paths


def read_balanced(paths: list[Path], seed: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Read all chunks back, join them, and undersample to the rarest class."""
    parts = [np.load(path) for path in paths]
    windows = np.concatenate([part["windows"] for part in parts])
    labels = np.concatenate([part["labels"] for part in parts])
    random = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == code) for code in (SHORT, HOLD, LONG)]
    rarest = min(len(group) for group in groups if len(group))
    drawn = [random.choice(group, rarest, replace=False) for group in groups if len(group)]
    rows = random.permutation(np.concatenate(drawn))
    return windows[rows], labels[rows]


def deliver(windows: NDArray[np.float32], batch_size: int) -> Iterator[NDArray[np.float32]]:
    """Batches of windows, each a copy, as a training loop takes them."""
    for start in range(0, len(windows), batch_size):
        yield windows[start : start + batch_size].copy()
