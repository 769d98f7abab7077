"""The columns of a store while it is being made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualwindow.store import StoreColumns


class ColumnFiles:
    """The columns of a store to be, as plain files that rows are written into at their place.

    Args:
        folder: that holds the files.
        rows: N.
        width: F, features a row.
    """

    def __init__(self, folder: Path, rows: int, width: int) -> None:
        self._shapes: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
            "features": (np.float32, (rows, width)),
            "labels": (np.int8, (rows,)),
            "seconds": (np.int64, (rows,)),
        }
        self._paths = {name: folder / name for name in self._shapes}

    @property
    def size(self) -> int:
        """Bytes of all columns."""
        return sum(
            int(np.prod(shape)) * np.dtype(kind).itemsize for kind, shape in self._shapes.values()
        )

    def create(self) -> None:
        """Make the files at their full length."""
        for name, (kind, shape) in self._shapes.items():
            with self._paths[name].open("wb") as handle:
                handle.truncate(int(np.prod(shape)) * np.dtype(kind).itemsize)

    def write(self, name: str, first_row: int, values: NDArray[np.generic]) -> None:
        """Write values of a column from a row on."""
        kind, shape = self._shapes[name]
        with self._paths[name].open("r+b") as handle:
            handle.seek(first_row * int(np.prod(shape[1:])) * np.dtype(kind).itemsize)
            handle.write(np.ascontiguousarray(values, dtype=kind).data)

    def mapped(self) -> StoreColumns:
        """The columns as mapped files."""
        arrays = {
            name: np.memmap(self._paths[name], dtype=kind, mode="r", shape=shape)
            for name, (kind, shape) in self._shapes.items()
        }
        return StoreColumns(**arrays)
