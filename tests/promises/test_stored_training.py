"""Training from a store: the same model as from memory, many pairs, whatever the chunk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.datasets import chunks
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.features.base import change_features, moving_average_features
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.windows import label_frame
from dualwindow.errors import DataError, MemoryLimitError
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.memory import MemoryUse
from dualwindow.settings import TrainingConfig
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_dataset, train_model
from tests.makers.bot import QUICK
from tests.makers.markets import random_candles
from tests.makers.stores import write

PERIODS = (10, 200)
GIB = 2**30


def settings(**changes: Any) -> TrainingConfig:
    return TrainingConfig.from_parameters({**QUICK, "epochs": 2, **changes})


def stored(folder: Path, frames: Sequence[pd.DataFrame], config: TrainingConfig) -> Dataset:
    return prepare_store(write(folder, frames), config, folder, periods=PERIODS).dataset


def weights(model: TrainedModel) -> list[bytes]:
    return [value.numpy().tobytes() for value in model._network.state_dict().values()]


@pytest.fixture(scope="module")
def frames(btc_futures: pd.DataFrame) -> list[pd.DataFrame]:
    # Later candles of the same market stand for another pair.
    parts = [btc_futures.iloc[:3000], btc_futures.iloc[30_000:32_000]]
    return [part.reset_index(drop=True) for part in parts]


@pytest.mark.parametrize("streaming", [{}, {"streaming_chunk_size": 1}, {"use_streaming": False}])
@pytest.mark.parametrize("wide_features", [None, ["price_to_ma*", "close_change"]])
def test_a_store_trains_the_model_that_memory_trains(
    streaming: dict[str, Any],
    wide_features: list[str] | None,
    frames: list[pd.DataFrame],
    tmp_path: Path,
) -> None:
    config = settings(wide_features=wide_features)
    frame = frames[0]
    columns = change_features(frame)
    for timerange in PERIODS:
        columns |= moving_average_features(frame, timerange)
    candles = CandleArrays(
        tuple(columns),
        utc_seconds(frame["date"]),
        np.ascontiguousarray(np.stack(list(columns.values()), axis=1).astype(np.float32)),
        flat_candles(frame),
    )
    labels, _ = label_frame(frame, config)
    expected = train_model(candles, labels, config, name="memory")
    dataset = stored(tmp_path, [frame], settings())
    found = train_dataset(dataset, config.replace(**streaming), name="store").model
    assert weights(found) == weights(expected)


def test_many_pairs_train_one_model_that_can_be_saved_and_predicts(
    frames: list[pd.DataFrame], tmp_path: Path
) -> None:
    dataset = stored(tmp_path, frames, settings())
    figures = tmp_path / "figures.json"
    session = TrainingSession(figures_path=figures)
    model = train_dataset(dataset, settings(), name="pairs", session=session).model
    written = json.loads(figures.read_text(encoding="utf-8"))
    both = written["training"]["rows"] + written["training"]["purged"]
    assert both + written["validation"]["rows"] == len(dataset.labelled())
    loaded = TrainedModel.from_bytes(model.to_bytes())
    rows = dataset.labelled().all_rows()[::50]
    found = loaded.probabilities(dataset.features, rows)
    np.testing.assert_array_equal(found, model.probabilities(dataset.features, rows))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    # A model without context predicts candles of any date, from its first complete window on.
    span = dataset.pairs[1]
    part = slice(span.start, span.stop)
    candles = CandleArrays(
        dataset.names,
        dataset.seconds[part],
        dataset.features[part],
        flat_candles(frames[1]),
    )
    prediction = loaded.predict(candles)
    assert prediction.valid.any()
    first = int(np.flatnonzero(prediction.valid)[0])
    assert first == max(PERIODS) - 1 + settings().window_size - 1
    np.testing.assert_allclose(
        prediction.probabilities[first],
        model.probabilities(dataset.features, np.array([span.start + first]))[0],
        atol=1e-6,
    )


def test_a_store_without_a_usable_candle_is_refused(tmp_path: Path) -> None:
    dataset = stored(tmp_path, [random_candles(150, seed=1)], settings())
    with pytest.raises(DataError, match=r"SOME: none of 150 candles .* price_to_ma200 is known"):
        train_dataset(dataset, settings(), name="SOME")


def test_memory_that_runs_short_halves_the_chunk_and_changes_no_weight(
    frames: list[pd.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dataset = stored(tmp_path, frames[:1], settings())
    config = settings(batch_size=32, streaming_chunk_size=256)
    expected = weights(train_dataset(dataset, config, name="enough").model)
    answers = iter([10, 74, 10, 74])

    def scarce() -> MemoryUse:
        return MemoryUse(used=next(answers, 10) * GIB, limit=100 * GIB, source="the test")

    monkeypatch.setattr(chunks, "memory_use", scarce)
    assert weights(train_dataset(dataset, config, name="scarce").model) == expected
    assert "256 -> 128 windows" in caplog.text
    assert "128 -> 64 windows" in caplog.text
    monkeypatch.setattr(
        "dualwindow.data.datasets.chunks.memory_use",
        lambda: MemoryUse(90 * GIB, 100 * GIB, "the test"),
    )
    with pytest.raises(MemoryLimitError, match=r"max_memory_usage_pct allows 75"):
        train_dataset(dataset, config, name="full")
    off = settings(enable_memory_monitoring=False, batch_size=32, streaming_chunk_size=256)
    assert weights(train_dataset(dataset, off, name="unwatched").model) == expected


def test_the_caller_s_threads_are_left_as_they_were(
    frames: list[pd.DataFrame], tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    train_dataset(stored(tmp_path, frames[:1], settings()), settings(epochs=1), name="one")
    assert torch.get_num_threads() == before


def test_the_untouched_tail_is_what_is_evaluated(
    tmp_path: Path, frames: list[pd.DataFrame]
) -> None:
    figures = tmp_path / "evaluation.json"
    dataset = stored(tmp_path, frames, settings())
    finished = train_dataset(
        dataset,
        settings(epochs=1),
        name="pairs",
        session=TrainingSession(figures_path=figures),
        tail_fraction=0.1,
    )
    assert len(finished.split.tail) >= round(0.1 * len(dataset.labelled()))
    assert finished.evaluation.rows == len(finished.split.tail)
    written = json.loads(figures.read_text(encoding="utf-8"))
    assert written["tail"]["rows"] == len(finished.split.tail)
    assert "validation" not in written
