"""The prepared store: features, labels and dates of many pairs in one memory-mapped Arrow file.

The file holds one record batch, so that a mapped column is one flat array: `features` (a fixed-size
list of C float32 a row), `label` (int8, -1 where a row is not to be trained on) and `date` (int64,
seconds since 1970). Its metadata carry the format version, the fingerprint of everything that the
content depends on, the pairs, and the class counts of every block of rows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES
from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.datasets.dataset import Dataset, PairSpan
from dualwindow.errors import DataError
from dualwindow.runtime.files import parse_json, whole_path

logger = logging.getLogger(__name__)

#: Raised whenever the file's layout changes; stores of another version are made again.
STORE_FORMAT: Final = 1
SUFFIX: Final = ".dualwindow.arrow"
_ABOUT: Final = b"dualwindow"
_COUNTS: Final = b"class_counts"


@dataclass(frozen=True)
class StoreHeader:
    """Header of a store; the fingerprint is that of settings, feature code and candle files.

    Both-touched rows are those whose barriers of a side were first touched in one candle; `format`
    is the version of the layout.
    """

    fingerprint: str
    names: tuple[str, ...]
    pairs: tuple[PairSpan, ...]
    candle_seconds: int
    both_touched_long: int = 0
    both_touched_short: int = 0
    format: int = STORE_FORMAT

    def to_bytes(self) -> bytes:
        """As JSON."""
        content = {**vars(self), "pairs": [vars(pair) for pair in self.pairs]}
        return json.dumps(content).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> StoreHeader:
        """Read what `to_bytes` made; whatever is wrong with it is a ValueError."""
        try:
            values: dict[str, Any] = parse_json(content)
            pairs = tuple(PairSpan(**pair) for pair in values.pop("pairs"))
            return cls(names=tuple(values.pop("names")), pairs=pairs, **values)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"its header lacks something: {error}") from error


@dataclass(frozen=True)
class StoreColumns:
    """The columns of a store, in memory or mapped: (N, C) C-contiguous features, (N,) the rest."""

    features: NDArray[np.float32]
    labels: NDArray[np.int8]
    seconds: NDArray[np.int64]


class ColumnFiles:
    """The columns of a store to be, N rows of C features: files that rows are written into."""

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


class Store:
    """A store that is open for reading; its arrays are pages of the mapped file.

    Raises:
        ValueError: when the file is no whole store of this format version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # The arrays keep the mapping alive.
            source = pa.memory_map(str(path))
            reader = pa.ipc.open_file(source)
            metadata = reader.schema.metadata or {}
            self.header = StoreHeader.from_bytes(metadata[_ABOUT])
            if self.header.format != STORE_FORMAT:
                raise ValueError(f"it has format {self.header.format}, not {STORE_FORMAT}")
            batch = reader.get_batch(0)
            counts = np.frombuffer(metadata[_COUNTS], dtype="<u2").reshape(-1, len(CLASS_NAMES))
        except (pa.ArrowException, OSError, KeyError, IndexError) as error:
            raise ValueError(f"it is damaged: {error}") from error
        labels = batch.column("label").to_numpy()
        features = batch.column("features").values.to_numpy()
        self.dataset = Dataset(
            self.header.names,
            batch.column("date").to_numpy(),
            features.reshape(len(labels), len(self.header.names)),
            labels,
            self.header.pairs,
            self.header.candle_seconds,
            ClassIndex(labels, counts),
        )

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size


def write_store(
    path: Path, header: StoreHeader, columns: StoreColumns, counts: NDArray[np.uint16]
) -> None:
    """Write a store, whole or not at all; mapped columns are copied without being held in memory.

    The counts are those of `class_index.count_classes`.
    """
    rows, width = columns.features.shape
    flat = pa.Array.from_buffers(
        pa.float32(), rows * width, [None, pa.py_buffer(columns.features.reshape(-1))]
    )
    arrays = [
        pa.FixedSizeListArray.from_arrays(flat, width),
        pa.Array.from_buffers(pa.int8(), rows, [None, pa.py_buffer(columns.labels)]),
        pa.Array.from_buffers(pa.int64(), rows, [None, pa.py_buffer(columns.seconds)]),
    ]
    metadata = {_ABOUT: header.to_bytes(), _COUNTS: counts.astype("<u2").tobytes()}
    batch = pa.RecordBatch.from_arrays(arrays, names=["features", "label", "date"])
    batch = batch.replace_schema_metadata(metadata)
    with (
        whole_path(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, batch.schema) as writer,
    ):
        writer.write_batch(batch)


def find_store(path: Path, fingerprint: str) -> Store | None:
    """Open the store at `path` if it holds what the fingerprint stands for.

    A damaged store, or one of another version, is named in the log and not used.
    """
    if not path.is_file():
        return None
    try:
        store = Store(path)
    except ValueError as error:
        logger.warning("the store %s is not used: %s; it is made again", path, error)
        return None
    return store if store.header.fingerprint == fingerprint else None


def store_folder(user_data: Path) -> Path:
    """The folder of the stores in freqtrade's user folder."""
    return user_data / "dualwindow"


def store_sizes(folder: Path) -> Mapping[Path, int]:
    """Bytes of every store and of whatever a broken preparation has left, by path."""
    found = sorted(folder.glob(f"*{SUFFIX}")) + sorted(folder.glob(f".*{SUFFIX}.*"))
    return {path: _bytes_of(path) for path in found}


def clear_stores(folder: Path) -> int:
    """Delete every store in a folder.

    A store that a training has open keeps its place on disk until that training ends.

    Returns:
        Bytes that were freed.

    Raises:
        DataError: naming the file that cannot be deleted.
    """
    sizes = store_sizes(folder)
    for path in sizes:
        try:
            for part in [*(path.iterdir() if path.is_dir() else []), path]:
                part.rmdir() if part.is_dir() else part.unlink()
        except OSError as error:
            raise DataError(f"{path} cannot be deleted: {error}") from error
    return sum(sizes.values())


def _bytes_of(path: Path) -> int:
    parts = path.iterdir() if path.is_dir() else [path]
    return sum(part.stat().st_size for part in parts)
