"""Chronological split of the training rows, with a purge between the parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualwindow.errors import DataError


@dataclass(frozen=True)
class Split:
    """Rows of the two parts, in time order.

    Attributes:
        train: (M,) int64 rows to train on; none of their futures reaches into `validation`.
        validation: (V,) int64 rows to validate on, all later than `train`.
        purged: rows between the two that were dropped.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    purged: int


def split_rows(
    usable: NDArray[np.bool_], *, validation_fraction: float, future_window: int
) -> Split:
    """Split the usable rows in time.

    Args:
        usable: (N,) rows with a valid window and a known label.
        validation_fraction: newest share of the usable rows that validates.
        future_window: F, candles that a label looks ahead.

    Raises:
        DataError: when a part would be empty.
    """
    rows = np.flatnonzero(usable).astype(np.int64)
    first = len(rows) - max(round(len(rows) * validation_fraction), 1)
    if first < 1:
        raise DataError(
            f"only {len(rows)} candles have a complete window and a known label, too few to train "
            "and validate; train on more days or use a smaller window"
        )
    validation = rows[first:]
    # A label of row r looks at rows r+1 ... r+F; all of them must lie before validation.
    train = rows[:first][rows[:first] + future_window < validation[0]]
    if not len(train):
        raise DataError(
            f"none of {first} training candles is more than future_window {future_window} candles "
            "before validation; train on more days or use a smaller future_window"
        )
    return Split(train, validation, first - len(train))
