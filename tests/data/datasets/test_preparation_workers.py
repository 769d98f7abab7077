"""Worker processes make the store that one process makes, or nothing."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from dualwindow.data.datasets import prepare as preparation
from dualwindow.data.datasets.prepare import prepare_store
from dualwindow.errors import DataError, DualWindowError
from tests.makers.markets import random_candles
from tests.makers.stores import PERIODS, assert_same, in_memory, left_in, settings, write


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
    assert "one process prepares 1,000 candles of 2 pairs" in caplog.text
    monkeypatch.setattr(preparation, "SMALL_ROWS", 1)
    prepare_store(sources[:1], config, tmp_path, periods=PERIODS)
