"""Finds the k-th row of a class from counts of classes, without a list of rows.

The counts are those of blocks of 128 rows: 38 bytes a block in memory, where a list of rows would
take 8 bytes a row. In the literature this is rank and select (Jacobson 1989, Space-efficient static
trees and graphs).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES

#: Rows that one entry of the counts stands for.
COUNT_ROWS: Final = 128
#: Rows looked up in one go, so that their blocks take a few MiB.
_LOOKUP_ROWS: Final = 16_384
#: Blocks counted in one go.
_COUNTED_BLOCKS: Final = 4096


def count_classes(labels: NDArray[np.int8]) -> NDArray[np.uint16]:
    """Count the classes of every block.

    Args:
        labels: (N,) class codes, negative where a row is in no class; may be a mapped file.

    Returns:
        (ceil(N / COUNT_ROWS), 3) how many rows of each class a block holds.
    """
    blocks = -(-len(labels) // COUNT_ROWS)
    counts = np.zeros((blocks, len(CLASS_NAMES)), dtype=np.uint16)
    for first in range(0, blocks, _COUNTED_BLOCKS):
        part = _blocks(labels, np.arange(first, min(first + _COUNTED_BLOCKS, blocks)))
        for code in range(len(CLASS_NAMES)):
            counts[first : first + len(part), code] = np.count_nonzero(part == code, axis=1)
    return counts


class ClassIndex:
    """Rank and select over the classes of N rows.

    Args:
        labels: (N,) class codes, negative where a row is in no class; may be a mapped file.
        counts: from `count_classes`; counted here when not given.
    """

    def __init__(self, labels: NDArray[np.int8], counts: NDArray[np.uint16] | None = None) -> None:
        self._labels = labels
        counts = count_classes(labels) if counts is None else counts
        before = np.zeros((len(counts) + 1, len(CLASS_NAMES)), dtype=np.int64)
        np.cumsum(counts, axis=0, out=before[1:])
        # Rows of each class before each block, and of all classes in the last column.
        self._before = np.column_stack([before, before.sum(axis=1)])

    def rank(self, row: int) -> NDArray[np.int64]:
        """(3,) how many rows of each class lie before `row`, 0 <= row <= N."""
        block = row // COUNT_ROWS
        part = self._labels[block * COUNT_ROWS : row]
        inside = np.bincount(part[part >= 0], minlength=len(CLASS_NAMES))
        return np.asarray(self._before[block, : len(CLASS_NAMES)] + inside)

    def select(self, code: int | None, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of a class by their number within the class.

        Args:
            code: class code; None takes the rows of all classes together.
            ordinals: (M,) counted from 0, in any order.

        Returns:
            (M,) rows; the order is that of `ordinals`.
        """
        before = self._before[:, -1 if code is None else code]
        rows = np.empty(len(ordinals), dtype=np.int64)
        for start in range(0, len(ordinals), _LOOKUP_ROWS):
            wanted = ordinals[start : start + _LOOKUP_ROWS]
            blocks = np.searchsorted(before, wanted, side="right") - 1
            labels = _blocks(self._labels, blocks)
            hits = labels >= 0 if code is None else labels == code
            # The first place at which as many rows were seen as the ordinal asks for.
            seen = np.cumsum(hits, axis=1, dtype=np.uint16)
            place = (seen == (wanted - before[blocks] + 1)[:, None]).argmax(axis=1)
            rows[start : start + len(wanted)] = blocks * COUNT_ROWS + place
        return rows


def _blocks(labels: NDArray[np.int8], blocks: NDArray[np.int64]) -> NDArray[np.int8]:
    """(M, COUNT_ROWS) labels of some blocks, -1 past the end."""
    whole = len(labels) // COUNT_ROWS
    table = labels[: whole * COUNT_ROWS].reshape(whole, COUNT_ROWS)
    if not len(blocks) or blocks.max() < whole:
        return np.asarray(table[blocks])
    padded = np.full((len(blocks), COUNT_ROWS), -1, dtype=np.int8)
    padded[blocks < whole] = table[blocks[blocks < whole]]
    rest = labels[whole * COUNT_ROWS :]
    padded[blocks == whole, : len(rest)] = rest
    return padded
