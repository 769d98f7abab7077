"""Synthetic candles for benchmarks: plain random walks, made as fast as they can be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.feature_sets import FeatureStream

#: Rows of one batch of freqtrade's feather files.
BATCH_ROWS: Final = 65_536
#: Standard deviation of a minute's return; gives barriers of 1 and 0.5 % a class mix of about
#: 17, 65 and 18 %.
VOLATILITY: Final = 0.0007
#: 1-minute candles of five years.
FIVE_YEARS: Final = 5 * 365 * 1440
PERIODS: Final = (1440, 43200)
_START: Final = 1_577_836_800


def batches(rows: int, seed: int) -> Iterator[dict[str, NDArray[np.float64]]]:
    """Columns of a random walk, `BATCH_ROWS` candles at a time."""
    random = np.random.default_rng(seed)
    price = 100.0
    for first in range(0, rows, BATCH_ROWS):
        count = min(BATCH_ROWS, rows - first)
        close = price * np.exp(np.cumsum(random.normal(0, VOLATILITY, count)))
        opening = np.concatenate([[price], close[:-1]])
        price = float(close[-1])
        wicks = 1 + np.abs(random.normal(0, VOLATILITY / 2, (2, count)))
        yield {
            "open": opening,
            "high": np.maximum(opening, close) * wicks[0],
            "low": np.minimum(opening, close) / wicks[1],
            "close": close,
            "volume": random.lognormal(0, 1, count),
        }


def walk(rows: int, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Columns of a whole random walk."""
    parts = list(batches(rows, seed))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def candles_of(columns: dict[str, NDArray[np.float64]]) -> CandleArrays:
    """A walk's candles with their eight features; no candle is flat."""
    stream = FeatureStream(PERIODS)
    features = stream.update(columns)
    seconds = _START + 60 * np.arange(len(features), dtype=np.int64)
    return CandleArrays(stream.names, seconds, features, np.zeros(len(features), dtype=np.bool_))


def write_feathers(folder: Path, pairs: int, rows: int) -> list[CandleSource]:
    """Feather files as freqtrade writes them, one a pair; those that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for pair in range(pairs):
        path = folder / f"WALK{pair}_USDT-1m-{rows}.feather"
        if not path.is_file():
            _write(path, rows, pair)
        sources.append(CandleSource(f"WALK{pair}/USDT", path))
    return sources


def _write(path: Path, rows: int, seed: int) -> None:
    names = ["date", "open", "high", "low", "close", "volume"]
    kinds = [pa.timestamp("ms", "UTC"), *[pa.float64()] * 5]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    temporary = path.with_suffix(".tmp")
    with pa.ipc.new_file(str(temporary), schema, options=options) as writer:
        first = 0
        for columns in batches(rows, seed):
            count = len(columns["close"])
            dates = 1000 * (_START + 60 * np.arange(first, first + count))
            arrays = [pa.array(dates).cast(kinds[0]), *map(pa.array, columns.values())]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            first += count
    temporary.replace(path)
