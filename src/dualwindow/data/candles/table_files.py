"""Files of candles in all formats of freqtrade's `dataformat_ohlcv`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dualwindow.columns import CANDLE_COLUMNS
from dualwindow.data.candles.feather import FeatherFile, OpenTable, TableFile


class ParquetFile(TableFile):
    """One parquet file; its row groups, of a million candles, are the batches."""

    kind = "parquet"

    def _open(self, columns: Sequence[str]) -> Iterator[OpenTable]:
        with pa.OSFile(str(self.path), "rb") as source, pq.ParquetFile(source) as reader:
            self._require(reader.schema_arrow.names)

            def batch(number: int) -> pa.RecordBatch:
                table = reader.read_row_group(number, list(columns), use_threads=False)
                table.validate(full=True)
                return _one_batch(table)

            about = reader.metadata
            yield OpenTable(about.num_row_groups, about.num_rows, batch)


class JsonFile(TableFile):
    """One file of rows as lists, zipped or not: read as a whole, as freqtrade reads it."""

    kind = "json"

    def _open(self, columns: Sequence[str]) -> Iterator[OpenTable]:
        frame = pd.read_json(self.path, orient="values")
        # The format keeps no names.
        names = self._columns[: frame.shape[1]]
        self._require(names)
        if frame.shape[1] != len(names):
            raise ValueError(f"{frame.shape[1]} columns, not {len(names)}")
        frame.columns = pd.Index(names)
        if len(frame):
            frame["date"] = pd.to_datetime(frame["date"], unit="ms", utc=True)
        else:
            frame = frame.astype({"date": "datetime64[ms, UTC]"})
        table = pa.Table.from_pandas(frame[list(columns)], preserve_index=False)
        yield OpenTable(int(len(frame) > 0), len(frame), lambda _: _one_batch(table))


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    if not len(table):
        return pa.RecordBatch.from_pylist([], schema=table.schema)
    return table.combine_chunks().to_batches()[0]


#: freqtrade's default.
FEATHER: Final = "feather"
#: freqtrade's name of each format to the end of its files' names, in the order of preference.
SUFFIXES: Final = {
    FEATHER: ".feather",
    "parquet": ".parquet",
    "json": ".json",
    "jsongz": ".json.gz",
}
_READERS: Final[dict[str, type[TableFile]]] = {
    ".feather": FeatherFile,
    ".parquet": ParquetFile,
    ".json": JsonFile,
    ".json.gz": JsonFile,
}


def table_file(path: Path, columns: Sequence[str] = CANDLE_COLUMNS) -> TableFile:
    """Open a file in the format that its name ends with; feather where the name tells none.

    Raises:
        DataError: as `TableFile`.
    """
    for suffix, reader in _READERS.items():
        if path.name.endswith(suffix):
            return reader(path, columns)
    return FeatherFile(path, columns)
