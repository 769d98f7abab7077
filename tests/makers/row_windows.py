"""Windows and futures of rows, beside slow, obviously right versions of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualwindow.data.features.windows import known_futures, valid_windows

Rows = dict[str, Any]  # features (N, F), seconds (N,), flat (N,)


def longest_run(flags: list[bool]) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


def consecutive(seconds: list[int], step: int) -> bool:
    return seconds == list(range(seconds[0], seconds[0] + step * len(seconds), step))


def slow_window(rows: Rows, row: int, size: int, most_flat: int, step: int) -> bool:
    if row + 1 < size:
        return False
    own = slice(row + 1 - size, row + 1)
    complete = all(
        math.isfinite(value) for line in rows["features"][own].tolist() for value in line
    )
    in_time = consecutive(rows["seconds"][own].tolist(), step)
    return complete and in_time and longest_run(rows["flat"][own].tolist()) <= most_flat


def slow_future(rows: Rows, row: int, size: int, most_flat: int, step: int) -> bool:
    ahead = slice(row + 1, row + 1 + size)
    seconds = rows["seconds"][ahead].tolist()
    if len(seconds) < size or not consecutive([int(rows["seconds"][row]), *seconds], step):
        return False
    return longest_run(rows["flat"][ahead].tolist()) <= most_flat


def windows_of(rows: Rows, size: int, most_flat: int, step: int = 60) -> NDArray[np.bool_]:
    return valid_windows(
        rows["features"],
        rows["seconds"],
        rows["flat"],
        window_size=size,
        max_flat_candles=most_flat,
        candle_seconds=step,
    )


def futures_of(rows: Rows, size: int, most_flat: int, step: int = 60) -> NDArray[np.bool_]:
    return known_futures(
        rows["seconds"],
        rows["flat"],
        future_window=size,
        max_flat_candles=most_flat,
        candle_seconds=step,
    )
