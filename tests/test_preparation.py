"""A store holds what the bot's frames would hold, bit for bit, however it was made."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
from freqtrade.data.converter import ohlcv_fill_up_missing_data
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dualwindow import pair_preparation, preparation, store
from dualwindow.candles import CandleArrays
from dualwindow.class_index import count_classes
from dualwindow.dataset import Dataset
from dualwindow.errors import DataError, DualWindowError, MemoryLimitError, TrainingStoppedError
from dualwindow.feature_stream import standard_features
from dualwindow.features import (
    MovingAverageFeatures,
    change_features,
    moving_average_features,
)
from dualwindow.file_locks import locked_folder
from dualwindow.pair_preparation import CandleSource, PairCandles, buffer_seconds, look_back
from dualwindow.period import Period
from dualwindow.preparation import prepare_store
from dualwindow.settings import TrainingConfig
from dualwindow.store import Store, clear_stores, store_sizes
from dualwindow.windows import flat_candles, label_frame, utc_seconds
from tests.markets import START, candle_frames, random_candles

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
    return Dataset.of_candles(candles, labels, config, name="COIN/USDT")


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


@given(
    frames=st.lists(candle_frames(min_rows=1, max_rows=60, gaps=True), min_size=1, max_size=3),
    chunk=st.integers(1, 40),
    rows_a_batch=st.integers(1, 50),
    rule=st.sampled_from(["hybrid", "first_touch"]),
    feature_set=st.sampled_from(["base", "extended"]),
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


#: Candles of the buffer; `buffer_of_20` makes days that short.
BUFFER = 20


@pytest.fixture
def buffer_of_20(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_preparation, "CANDLES_PER_DAY", BUFFER)


def asked_for(source: CandleSource, first: int | None, stop: int | None) -> CandleSource:
    """A source with a period, given in minutes from the start of all markets."""
    at = [None if each is None else int(START.timestamp()) + 60 * each for each in (first, stop)]
    return replace(source, period=Period(*at))


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
    period_first = asked.period.first or 0
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
    asked = replace(source, period=Period(first, None))
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


def test_extended_features_are_complete_from_the_first_row_of_a_period_on(
    eth_spot: pd.DataFrame, tmp_path: Path
) -> None:
    (source,) = write(tmp_path, [eth_spot.iloc[:6000]])
    config = settings(feature_set="extended")
    # Two days are read; of these the features need 1,440 candles and a window five.
    first = int(eth_spot["date"][1440 + 5].timestamp())
    for late, missing in ((0, 0), (-60, 1)):
        asked = replace(source, period=Period(first + late, None))
        dataset = prepare_store([asked], config, tmp_path / "stores", periods=PERIODS).dataset
        rows = dataset.labelled().all_rows()
        assert dataset.seconds[rows[0]] == first + late + 60 * missing
        assert look_back(config, PERIODS) == 1440 + 5


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


def test_a_store_is_used_again_until_settings_or_candles_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sources = write(tmp_path, [random_candles(500, seed=1)])
    folder = tmp_path / "stores"

    def prepare(**changes: Any) -> tuple[Path, int]:
        made = prepare_store(sources, settings(**changes), folder, periods=PERIODS)
        return made.path, made.path.stat().st_mtime_ns

    first = prepare()
    with caplog.at_level(logging.INFO, logger="dualwindow"):
        # What the content does not depend on.
        assert prepare(epochs=3, streaming_chunk_size=7, confidence_mode="balanced") == first
    assert "prepared before" in caplog.text
    others = [prepare(window_size=8), prepare(future_window=5), prepare(label_rule="first_touch")]
    others.append(prepare(long_tp_pct=0.003))
    whole, sources = sources, [asked_for(sources[0], 100, None)]
    others.append(prepare())
    sources = [asked_for(sources[0], 100, 400)]
    others.append(prepare())
    sources = whole
    write(tmp_path, [random_candles(500, seed=9)])
    others.append(prepare())
    assert len({path for path, _ in [first, *others]}) == 8


@pytest.mark.parametrize("damage", ["truncated", "empty", "noise", "another format"])
def test_a_store_that_cannot_be_trusted_is_made_anew(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = random_candles(500, seed=1)
    sources = write(tmp_path, [frame])
    path = prepare_store(sources, settings(), tmp_path / "stores", periods=PERIODS).path
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[:-100])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "noise":
        path.write_bytes(os.urandom(5000))
    else:
        made = Store(path)
        columns = store.StoreColumns(
            made.dataset.features, made.dataset.labels, made.dataset.seconds
        )
        header = replace(made.header, format=store.STORE_FORMAT + 1)
        store.write_store(path, header, columns, count_classes(columns.labels))
    made = prepare_store(sources, settings(), tmp_path / "stores", periods=PERIODS)
    assert "is not used" in caplog.text
    assert_same(made, [in_memory(frame, settings())])


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


def test_stores_are_counted_and_cleared_and_other_files_stay(tmp_path: Path) -> None:
    sources = write(tmp_path, [random_candles(500, seed=1)])
    folder = tmp_path / "stores"
    made = [
        prepare_store(sources, settings(window_size=size), folder, periods=PERIODS)
        for size in (6, 7)
    ]
    (folder / "mine.arrow").write_bytes(b"mine")
    sizes = store_sizes(folder)
    assert sizes == {each.path: each.size for each in made}
    assert clear_stores(folder) == sum(sizes.values())
    assert left_in(folder) == ["mine.arrow"]
    # What was open stays readable.
    assert np.isfinite(made[0].dataset.features[20:]).all()


def test_progress_ends_at_the_number_of_candles(tmp_path: Path) -> None:
    sources = write(tmp_path, [random_candles(500, seed=1), random_candles(300, seed=2)])
    seen: list[tuple[int, int]] = []
    prepare_store(
        sources, settings(), tmp_path, periods=PERIODS, progress=lambda *at: seen.append(at)
    )
    assert seen[-1] == (800, 800)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


@pytest.fixture
def few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "SMALL_ROWS", 1)


@pytest.mark.usefixtures("few_rows_are_many")
def test_worker_processes_make_the_same_store(tmp_path: Path) -> None:
    frames = [random_candles(3000 + 500 * seed, seed=seed) for seed in range(3)]
    config = settings(use_multiprocessing=True, n_processes=2, multiprocessing_chunk_size=700)
    seen: list[int] = []
    made = prepare_store(
        write(tmp_path, frames),
        config,
        tmp_path,
        periods=PERIODS,
        progress=lambda done, _total: seen.append(done),
    )
    assert_same(made, [in_memory(frame, config) for frame in frames])
    assert len(seen) == 3
    assert seen[-1] == sum(map(len, frames))


@pytest.mark.usefixtures("few_rows_are_many")
@pytest.mark.parametrize("fallback", [True, False])
def test_a_killed_worker_changes_nothing_or_is_an_error(
    fallback: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frames = [random_candles(3000, seed=seed) for seed in range(3)]
    config = settings(use_multiprocessing=True, n_processes=2, fallback_to_serial=fallback)
    sources = write(tmp_path, frames)
    folder = tmp_path / "stores"
    killed = threading.Event()

    def kill_the_first() -> None:
        before = set(psutil.Process().children())
        while not killed.wait(0.01):
            for child in set(psutil.Process().children()) - before:
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()
                    killed.set()

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    try:
        if fallback:
            made = prepare_store(sources, config, folder, periods=PERIODS)
            assert_same(made, [in_memory(frame, config) for frame in frames])
            assert caplog.text.count("the worker processes failed") == 1
        else:
            with pytest.raises(DualWindowError, match="fallback_to_serial"):
                prepare_store(sources, config, folder, periods=PERIODS)
            assert left_in(folder) == []
        assert killed.is_set()
    finally:
        killed.set()
        killer.join()


@pytest.mark.usefixtures("few_rows_are_many")
def test_what_a_worker_finds_wrong_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    bad = random_candles(500, seed=2).iloc[::-1]
    config = settings(use_multiprocessing=True, n_processes=2)
    sources = write(tmp_path, [random_candles(500, seed=1), bad])
    with pytest.raises(DataError, match=r"COIN1_USDT-1m.feather.*out of order"):
        prepare_store(sources, config, tmp_path / "stores", periods=PERIODS)
    assert left_in(tmp_path / "stores") == []


def test_small_data_and_single_pairs_go_without_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise AssertionError("no workers were to be started")

    monkeypatch.setattr(preparation, "run_in_processes", refuse)
    config = settings(use_multiprocessing=True, n_processes=2)
    sources = write(tmp_path, [random_candles(500, seed=seed) for seed in range(2)])
    with caplog.at_level(logging.INFO, logger="dualwindow"):
        prepare_store(sources, config, tmp_path, periods=PERIODS)
    assert "1,000 candles are prepared in one process (2 pairs)" in caplog.text
    monkeypatch.setattr(preparation, "SMALL_ROWS", 1)
    prepare_store(sources[:1], config, tmp_path, periods=PERIODS)


def test_memory_that_runs_out_halves_the_chunk_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    frame = random_candles(9000, seed=1)
    largest: list[int] = []
    update = pair_preparation.PairRows.update

    def hungry(self: Any, batch: Any) -> Any:
        largest.append(len(batch))
        if len(batch) > 3000:
            raise MemoryError("no memory left")
        return update(self, batch)

    monkeypatch.setattr(pair_preparation.PairRows, "update", hungry)
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

    monkeypatch.setattr(pair_preparation.PairRows, "update", full)
    with pytest.raises(MemoryLimitError, match="1024 rows") as caught:
        prepare_store(
            write(tmp_path, [random_candles(9000, seed=1)]),
            settings(),
            tmp_path / "stores",
            periods=PERIODS,
        )
    assert isinstance(caught.value, DualWindowError)
    assert left_in(tmp_path / "stores") == []
