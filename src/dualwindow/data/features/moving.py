"""Sums, highest and lowest values of the last p values, for several p at once.

A window is put together of parts whose lengths are powers of two, which are themselves halves put
together. The order of the operations depends on a window's own values alone, neither on its place
nor on where the input begins: sums are the same to the last bit wherever it is cut. Nothing is
ever subtracted, so large old values leave no rounding behind, and a NaN touches only the windows
that hold it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def moving_sums(values: FloatArray, periods: Sequence[int]) -> dict[int, FloatArray]:
    """Sums of the last p of (N,) values, for every period p: (N,), NaN until p values exist.

    Example:
        >>> moving_sums(np.array([1.0, 2.0, 3.0, 6.0]), (1, 3))[3].tolist()
        [nan, nan, 6.0, 11.0]
    """
    return _folded(np.add, values, periods)


def moving_highest(values: FloatArray, periods: Sequence[int]) -> dict[int, FloatArray]:
    """Highest of the last p of (N,) values, for every period p: (N,), NaN until p values exist."""
    return _folded(np.maximum, values, periods)


def moving_lowest(values: FloatArray, periods: Sequence[int]) -> dict[int, FloatArray]:
    """Lowest of the last p of (N,) values, for every period p: (N,), NaN until p values exist."""
    return _folded(np.minimum, values, periods)


def delayed(values: FloatArray, by: int) -> FloatArray:
    """(N,) the value of `by` rows before each of (N,) values, NaN where there is none.

    Example:
        >>> delayed(np.array([1.0, 2.0, 3.0]), 1).tolist()
        [nan, 1.0, 2.0]
    """
    moved = np.full(len(values), np.nan)
    moved[by:] = values[: max(len(values) - by, 0)]
    return moved


def _folded(combine: np.ufunc, values: FloatArray, periods: Sequence[int]) -> dict[int, FloatArray]:
    size = len(values)
    windows = {period: np.full(size, np.nan) for period in periods}
    held = {period: period for period in periods if period <= size}
    # Row i of a part stands for the values i ... i + width - 1.
    part, width = values, 1
    covered = dict.fromkeys(held, 0)
    while any(held.values()):
        for period in [period for period, rest in held.items() if rest & width]:
            first = covered[period]
            own, piece = windows[period][period - 1 :], part[first : first + size - period + 1]
            own[:] = combine(own, piece) if first else piece
            covered[period] += width
            held[period] -= width
        if any(held.values()):
            part = combine(part[:-width], part[width:])
        width *= 2
    return windows
