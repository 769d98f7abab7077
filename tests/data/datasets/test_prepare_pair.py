"""A pair's period is prepared as if nothing but its buffer came before it, in little memory."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.datasets import prepare as preparation
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.data.datasets.prepare_pair import PairCandles
from dualwindow.data.features.base import MovingAverageFeatures, moving_average_features
from dualwindow.data.features.rows import PairRows
from dualwindow.errors import DataError, DualWindowError, MemoryLimitError
from dualwindow.settings import TrainingConfig, lookback
from dualwindow.settings.lookback import buffer_seconds, look_back
from tests.makers.markets import START, candle_frames, random_candles
from tests.makers.stores import PERIODS, asked_for, assert_same, in_memory, left_in, settings, write

# --- period and buffer ----------------------------------------------------------------------------

#: Candles of the buffer; `buffer_of_20` makes days that short.
BUFFER = 20


@pytest.fixture
def buffer_of_20(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookback, "CANDLES_PER_DAY", BUFFER)


@pytest.mark.usefixtures("buffer_of_20")
@given(
    frame=candle_frames(min_rows=20, max_rows=120, gaps=True),
    chunk=st.integers(1, 40),
    rows_a_batch=st.integers(1, 50),
    first=st.none() | st.integers(0, 150),
    length=st.none() | st.integers(1, 150),
)
@hypothesis_settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_period_is_trained_on_as_if_nothing_but_its_buffer_came_before(
    frame: pd.DataFrame,
    chunk: int,
    rows_a_batch: int,
    first: int | None,
    length: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preparation, "PREPARATION_ROWS", chunk)
    stop = None if length is None else (first or 0) + length
    (source,) = write(tmp_path, [frame], rows_a_batch)
    minutes = (frame["date"] - START).dt.total_seconds().to_numpy() / 60
    begin = -np.inf if first is None else first
    before_end = minutes < (np.inf if stop is None else stop)
    assume(((minutes >= begin) & before_end).any())
    config = settings()
    asked = asked_for(source, first, stop)
    folder = tmp_path / "stores"
    dataset = prepare_store([asked], config, folder, periods=PERIODS).dataset
    shutil.rmtree(folder)

    # The slow obvious version: cut the frame first, and forget the labels of the buffer.
    cut = frame[(minutes >= begin - BUFFER) & before_end].reset_index(drop=True)
    wanted = in_memory(cut, config)
    period_first = asked.timerange.first or 0
    labels = np.where(wanted.seconds < period_first, -1, wanted.labels)
    kept = wanted.seconds >= period_first - 60 * (config.window_size - 1)
    np.testing.assert_array_equal(dataset.seconds, wanted.seconds[kept])
    np.testing.assert_array_equal(dataset.labels, labels[kept])
    np.testing.assert_array_equal(
        dataset.features.view(np.uint32), wanted.features[kept].view(np.uint32)
    )


@pytest.mark.usefixtures("buffer_of_20")
def test_history_before_the_buffer_changes_nothing_in_a_period(tmp_path: Path) -> None:
    frame = random_candles(2000, seed=3, missing=[(1200, 2), (1600, 9)], flat=[(1500, 4)])
    (source,) = write(tmp_path, [frame])
    config = settings()
    whole = prepare_store([source], config, tmp_path, periods=PERIODS).dataset
    first, stop = 1190, 1900
    part = prepare_store(
        [asked_for(source, first, stop)], config, tmp_path, periods=PERIODS
    ).dataset
    assert len(part) == stop - first + config.window_size - 1
    rows = slice(first - config.window_size + 1, stop)
    np.testing.assert_array_equal(part.seconds, whole.seconds[rows])
    # Averages are summed from another candle on: equal but for rounding.
    np.testing.assert_allclose(part.features, whole.features[rows], rtol=2e-7, atol=1e-9)
    labels = whole.labels[rows].copy()
    labels[: config.window_size - 1] = -1
    labels[-config.future_window :] = -1
    np.testing.assert_array_equal(part.labels, labels)
    assert len(part.labelled()) > 600


def test_averages_of_real_candles_are_the_same_from_the_buffer_on(
    eth_spot: pd.DataFrame, tmp_path: Path
) -> None:
    (source,) = write(tmp_path, [eth_spot])
    config = TrainingConfig()
    first = int(eth_spot["date"][110_000].timestamp())
    asked = replace(source, timerange=DateRange(first, None))
    candles = PairCandles(asked, config, (1440, 43200), 60)
    assert len(candles.file) == len(eth_spot) - 110_000 + 33 * 1440
    assert len(candles) == len(eth_spot) - 110_000 + config.window_size - 1
    stream = MovingAverageFeatures(43200)
    parts = [stream.update(batch) for batch in candles.file.batches(lambda: 20_000)]
    whole = moving_average_features(eth_spot, 43200)
    for name, values in whole.items():
        found = np.concatenate([part[name] for part in parts])[candles.passed :]
        wanted = values[-len(found) :]
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("feature_set", "needed"), [("extended", 1440), ("summary", 20_160)])
def test_features_are_complete_from_the_first_row_of_a_period_on(
    feature_set: str, needed: int, eth_spot: pd.DataFrame, tmp_path: Path
) -> None:
    (source,) = write(tmp_path, [eth_spot.iloc[: needed + 4560]])
    config = settings(feature_set=feature_set)
    # A tenth more and whole days are read; the features need these candles and a window five.
    first = int(eth_spot["date"][needed + 5].timestamp())
    for late, missing in ((0, 0), (-60, 1)):
        asked = replace(source, timerange=DateRange(first + late, None))
        dataset = prepare_store([asked], config, tmp_path / "stores", periods=PERIODS).dataset
        rows = dataset.labelled().all_rows()
        assert dataset.seconds[rows[0]] == first + late + 60 * missing
        assert look_back(config, PERIODS) == needed + 5


@pytest.mark.parametrize(("window_size", "days"), [(180, 33), (1440, 33), (10_000, 36.94)])
def test_the_buffer_completes_the_first_window_whatever_its_size(
    window_size: int, days: float
) -> None:
    config = TrainingConfig.from_parameters({"window_size": window_size})
    found = buffer_seconds(config, (1440, 43200), 60) / 86_400
    assert found == pytest.approx(days, abs=0.01)
    assert buffer_seconds(config, (1440, 43200), 300) == 5 * found * 86_400


def test_a_period_without_a_candle_is_refused(tmp_path: Path) -> None:
    (source,) = write(tmp_path, [random_candles(500, seed=1)])
    for first, stop in ((500, None), (None, 0), (600, 700)):
        with pytest.raises(DataError, match=r"COIN0_USDT.* holds no candle of .* go from"):
            prepare_store([asked_for(source, first, stop)], settings(), tmp_path, periods=PERIODS)


# --- memory ---------------------------------------------------------------------------------------


def test_memory_that_runs_out_halves_the_chunk_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    frame = random_candles(9000, seed=1)
    largest: list[int] = []
    update = PairRows.update

    def hungry(self: Any, batch: Any) -> Any:
        largest.append(len(batch))
        if len(batch) > 3000:
            raise MemoryError("no memory left")
        return update(self, batch)

    monkeypatch.setattr(PairRows, "update", hungry)
    made = prepare_store(write(tmp_path, [frame]), settings(), tmp_path, periods=PERIODS)
    assert_same(made, [in_memory(frame, settings())])
    assert max(largest) > 3000
    assert "->" in caplog.text
    with pytest.raises(MemoryLimitError, match="adaptive_chunk_size"):
        prepare_store(
            write(tmp_path, [frame]),
            settings(adaptive_chunk_size=False, window_size=7),
            tmp_path / "other",
            periods=PERIODS,
        )
    assert left_in(tmp_path / "other") == []


def test_even_the_smallest_chunk_may_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Any, _batch: Any) -> Any:
        raise MemoryError("no memory left")

    monkeypatch.setattr(PairRows, "update", full)
    with pytest.raises(MemoryLimitError, match="1024 rows") as caught:
        prepare_store(
            write(tmp_path, [random_candles(9000, seed=1)]),
            settings(),
            tmp_path / "stores",
            periods=PERIODS,
        )
    assert isinstance(caught.value, DualWindowError)
    assert left_in(tmp_path / "stores") == []
