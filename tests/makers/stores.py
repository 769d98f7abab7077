"""Candle files and the stores that are prepared from them, beside the slow obvious version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from freqtrade.data.converter import ohlcv_fill_up_missing_data

from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.store import Store
from dualwindow.data.features.base import change_features
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.feature_sets import standard_features
from dualwindow.data.features.windows import label_frame
from dualwindow.settings import TrainingConfig
from tests.makers.markets import START

PERIODS = (3, 11)


def settings(**changes: Any) -> TrainingConfig:
    values = {"window_size": 6, "future_window": 4, "max_flat_candles": 2}
    barriers = dict.fromkeys(("long_tp_pct", "short_tp_pct", "long_sl_pct", "short_sl_pct"), 0.002)
    return TrainingConfig.from_parameters({**values, **barriers, **changes})


def write(folder: Path, frames: Sequence[pd.DataFrame], rows_a_batch: int = 65_536) -> list[Any]:
    """Write frames as freqtrade does, one a pair."""
    sources = []
    for number, frame in enumerate(frames):
        path = folder / f"COIN{number}_USDT-1m.feather"
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=rows_a_batch)
        sources.append(CandleSource(f"COIN{number}/USDT", path))
    return sources


def asked_for(source: CandleSource, first: int | None, stop: int | None) -> CandleSource:
    """A source with a period, given in minutes from the start of all markets."""
    at = [None if each is None else int(START.timestamp()) + 60 * each for each in (first, stop)]
    return replace(source, timerange=DateRange(*at))


def in_memory(
    frame: pd.DataFrame, config: TrainingConfig, periods: Sequence[int] = PERIODS
) -> Dataset:
    """The slow obvious version: the whole frame at once, as the bot's hooks and adapter do it."""
    filled = ohlcv_fill_up_missing_data(frame, "1m", "COIN/USDT")
    columns = change_features(filled) | standard_features(filled, periods, config.feature_set)
    table = np.stack(list(columns.values()), axis=1).astype(np.float32)
    candles = CandleArrays(
        tuple(columns),
        utc_seconds(filled["date"]),
        np.ascontiguousarray(table),
        flat_candles(filled),
    )
    labels, _ = label_frame(filled, config)
    return Dataset.from_candles(candles, labels, config, name="COIN/USDT")


def assert_same(made: Store, expected: Sequence[Dataset]) -> None:
    dataset = made.dataset
    assert [span.name for span in dataset.pairs] == [f"COIN{n}/USDT" for n in range(len(expected))]
    for span, wanted in zip(dataset.pairs, expected, strict=True):
        rows = slice(span.start, span.stop)
        assert dataset.names == wanted.names
        np.testing.assert_array_equal(dataset.seconds[rows], wanted.seconds)
        np.testing.assert_array_equal(dataset.labels[rows], wanted.labels)
        np.testing.assert_array_equal(
            dataset.features[rows].view(np.uint32), wanted.features.view(np.uint32)
        )


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
