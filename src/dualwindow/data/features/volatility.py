"""How much the price moved in the window of a row, which is most of what is easily known."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Values copied out of the features at a time: 8 MiB in double precision.
_VALUES_IN_MEMORY: Final = 2**20


def trailing_volatility(
    changes: NDArray[np.floating], rows: NDArray[np.int64], window_size: int
) -> NDArray[np.float64]:
    """Standard deviation of the changes in the window that ends at each row.

    Row r looks at rows r-P+1 ... r alone, all of which are known at its candle's close.

    Args:
        changes: (N,) change of the close over the candle before, a column of the flat features;
            may be a mapped file.
        rows: (M,) last row of each window, in any order, with a valid window each.
        window_size: P, candles.

    Returns:
        (M,) float64, fraction a candle.

    Raises:
        ValueError: when a window begins before the first row.
    """
    if not len(rows):
        return np.empty(0)
    if rows.min() < window_size - 1:
        raise ValueError(f"row {rows.min()} has no window of {window_size} candles")
    windows = np.lib.stride_tricks.sliding_window_view(changes, window_size)
    found = np.empty(len(rows))
    step = max(_VALUES_IN_MEMORY // window_size, 1)
    for first in range(0, len(rows), step):
        part = windows[rows[first : first + step] - (window_size - 1)]
        found[first : first + step] = part.std(axis=1, dtype=np.float64)
    return found
