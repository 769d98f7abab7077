"""A store holds what the bot's frames would hold, bit for bit, however it was made."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.converter import ohlcv_fill_up_missing_data
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dualwindow.data.candles.frames import flat_candles
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.datasets import prepare as preparation
from dualwindow.data.datasets import store
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.errors import DataError, TrainingStoppedError
from dualwindow.runtime.files import locked_folder
from dualwindow.settings import TrainingConfig
from tests.makers.markets import candle_frames, random_candles
from tests.makers.stores import PERIODS, assert_same, in_memory, left_in, settings, write


@given(
    frames=st.lists(candle_frames(min_rows=1, max_rows=60, gaps=True), min_size=1, max_size=3),
    chunk=st.integers(1, 40),
    rows_a_batch=st.integers(1, 50),
    rule=st.sampled_from(["hybrid", "first_touch"]),
    feature_set=st.sampled_from(["base", "extended", "summary"]),
)
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_store_is_the_frames_bit_for_bit_whatever_the_chunk(
    frames: list[pd.DataFrame],
    chunk: int,
    rows_a_batch: int,
    rule: str,
    feature_set: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preparation, "PREPARATION_ROWS", chunk)
    folder = tmp_path / "stores"
    config = settings(label_rule=rule, feature_set=feature_set)
    made = prepare_store(write(tmp_path, frames, rows_a_batch), config, folder, periods=PERIODS)
    assert_same(made, [in_memory(frame, config) for frame in frames])
    shutil.rmtree(folder)


def test_a_store_of_real_candles_is_the_bots_frame(
    btc_gap: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = TrainingConfig()
    periods = (1440, 43200)
    frames = [btc_gap, btc_gap.iloc[:50_000]]
    with caplog.at_level(logging.INFO, logger="dualwindow"):
        made = prepare_store(write(tmp_path, frames), config, tmp_path / "stores")
    assert_same(made, [in_memory(frame, config, periods) for frame in frames])
    counts = made.dataset.labelled().counts
    assert (counts > 0).all()
    # One line a stage: each pair, the store, the classes.
    for said in (
        "COIN0/USDT (1 of 2): 71,121 candles",
        "COIN1/USDT (2 of 2): 50,080",
        "MiB",
        "prepared",
    ):
        assert caplog.text.count(said) == 1, said
    assert f"SHORT {counts[0]:,}" in caplog.text


def test_no_window_with_a_class_crosses_a_pairs_border_or_an_outage(tmp_path: Path) -> None:
    frames = [
        random_candles(400, seed=1, missing=[(100, 3)], flat=[(200, 3)], nan=[(300, 1)]),
        random_candles(300, seed=2, missing=[(50, 1), (150, 40)]),
    ]
    config = settings()
    dataset = prepare_store(write(tmp_path, frames), config, tmp_path, periods=PERIODS).dataset
    flat = np.concatenate(
        [flat_candles(ohlcv_fill_up_missing_data(frame, "1m", "COIN/USDT")) for frame in frames]
    )
    rows = dataset.labelled().all_rows()
    assert len(rows) > 300
    for row in rows:
        window = np.arange(row - config.window_size + 1, row + 1)
        span = next(each for each in dataset.pairs if each.start <= row < each.stop)
        assert window[0] >= span.start
        assert row + config.future_window < span.stop
        assert (np.diff(dataset.seconds[window]) == 60).all()
        assert np.isfinite(dataset.features[window]).all()
        runs = "".join(map(str, flat[window].astype(int)))
        assert "1" * (config.max_flat_candles + 1) not in runs


def test_progress_ends_at_the_number_of_candles(tmp_path: Path) -> None:
    sources = write(tmp_path, [random_candles(500, seed=1), random_candles(300, seed=2)])
    seen: list[tuple[int, int]] = []
    prepare_store(
        sources, settings(), tmp_path, periods=PERIODS, progress=lambda *at: seen.append(at)
    )
    assert seen[-1] == (800, 800)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


# --- what cannot be prepared ----------------------------------------------------------------------


def test_a_preparation_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    good, bad = random_candles(5000, seed=1), random_candles(500, seed=2)
    bad.loc[300, "date"] = bad["date"][299]
    sources = write(tmp_path, [good, bad])
    folder = tmp_path / "stores"
    with pytest.raises(DataError, match=r"COIN1_USDT-1m.feather.*doubled"):
        prepare_store(sources, settings(), folder, periods=PERIODS)
    assert left_in(folder) == []
    with pytest.raises(TrainingStoppedError):
        prepare_store(sources, settings(), folder, periods=PERIODS, should_stop=lambda: True)
    assert left_in(folder) == []


def test_what_a_killed_preparation_left_is_cleared(tmp_path: Path) -> None:
    sources = write(tmp_path, [random_candles(500, seed=1)])
    # Far above the largest process number that Linux gives.
    left = tmp_path / f".0123456789abcdef{store.SUFFIX}.2000000000.columns"
    others = tmp_path / f".0123456789abcdef{store.SUFFIX}.2000000000.0a1b2c3d.columns"
    for folder in (left, others):
        folder.mkdir()
        (folder / "features").write_bytes(b"half")
    # In another container its process cannot be seen, but it is at work.
    with locked_folder(others):
        made = prepare_store(sources, settings(), tmp_path, periods=PERIODS)
    assert not left.exists()
    assert others.exists()
    assert made.path.exists()
    made.path.unlink()
    prepare_store(sources, settings(), tmp_path, periods=PERIODS)
    assert not others.exists()


def test_candles_that_change_while_they_are_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = write(tmp_path, [random_candles(500, seed=1)])
    prepare_pair = preparation.prepare_pair

    def while_downloading(*arguments: Any) -> Any:
        result = prepare_pair(*arguments)
        write(tmp_path, [random_candles(500, seed=2)])
        return result

    monkeypatch.setattr(preparation, "prepare_pair", while_downloading)
    with pytest.raises(DataError, match="changed while they were read"):
        prepare_store(sources, settings(), tmp_path / "stores", periods=PERIODS)
    assert left_in(tmp_path / "stores") == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    sources = write(tmp_path, [random_candles(100)])
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"prepared candles .*file/stores cannot be made"):
        prepare_store(sources, settings(), tmp_path / "file" / "stores", periods=PERIODS)


def test_a_full_disk_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = write(tmp_path, [random_candles(5000, seed=1)])
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(DataError, match=r"MiB of disk in .*free some"):
        prepare_store(sources, settings(), tmp_path / "stores", periods=PERIODS)
    assert left_in(tmp_path / "stores") == []


def test_pairs_given_twice_or_not_at_all_are_refused(tmp_path: Path) -> None:
    (source,) = write(tmp_path, [random_candles(50, seed=1)])
    for sources in ([], [source, source]):
        with pytest.raises(DataError, match="each pair must be given once"):
            prepare_store(sources, settings(), tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.feather.*download"):
        prepare_store([CandleSource("A/B", tmp_path / "none.feather")], settings(), tmp_path)
