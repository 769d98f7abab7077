"""Workers give the results that one process gives, whatever happens to them."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from dualwindow.errors import DataError, DualWindowError, TrainingStoppedError
from dualwindow.runtime import processes as worker_processes
from dualwindow.runtime.processes import run_in_processes
from tests.makers import worker_tasks


def run(work: Callable[..., Any], tasks: Sequence[Any], **options: Any) -> list[Any]:
    settings = {"processes": 2, "fallback_to_serial": True} | options
    return run_in_processes(work, tasks, **settings)


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


@pytest.fixture(autouse=True)
def no_worker_stays() -> Iterator[None]:
    # Python keeps one process for the locks that spawned processes share; it may start here.
    before = children()
    yield
    left = [child.cmdline() for child in children() - before if child.is_running()]
    assert not [line for line in left if "resource_tracker" not in " ".join(line)]


def test_results_come_in_the_order_of_the_tasks() -> None:
    done: list[tuple[int, int]] = []
    results = run(worker_tasks.square, range(5), done=lambda *each: done.append(each))
    assert results == [0, 1, 4, 9, 16]
    assert sorted(done) == list(enumerate(results))


def test_workers_are_spawned_by_this_process() -> None:
    for method, parent in run(worker_tasks.describe, range(2)):
        assert method == "spawn"
        assert parent == os.getpid()


def test_what_a_task_raises_is_raised_and_is_no_dead_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(DataError, match="candles of task 1 are bad"):
        run(worker_tasks.refuse, range(3))
    assert not caplog.records


def test_a_worker_that_dies_is_warned_of_once_and_the_rest_is_done_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert run(worker_tasks.die_in_a_worker, range(4)) == [0, 1, 4, 9]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "going on in one process" in caplog.text


def test_a_worker_that_dies_is_an_error_when_asked_for() -> None:
    with pytest.raises(DualWindowError, match=r"use_multiprocessing.*fallback_to_serial"):
        run(worker_tasks.die_in_a_worker, range(4), fallback_to_serial=False)


def test_a_pool_that_cannot_start_is_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise OSError("no more processes")

    monkeypatch.setattr(worker_processes, "ProcessPoolExecutor", refuse)
    assert run(worker_tasks.square, range(3)) == [0, 1, 4]
    assert "no more processes" in caplog.text
    with pytest.raises(DualWindowError, match="no more processes"):
        run(worker_tasks.square, range(3), fallback_to_serial=False)


def test_a_stop_ends_the_workers(tmp_path: Path) -> None:
    marks = [tmp_path / str(number) for number in range(2)]

    def should_stop() -> bool:
        return all(mark.exists() for mark in marks)

    with pytest.raises(TrainingStoppedError):
        run(worker_tasks.wait_for_the_end, [str(mark) for mark in marks], should_stop=should_stop)


def test_a_worker_that_never_asks_is_not_waited_for(tmp_path: Path) -> None:
    # A pool of which one worker was killed can leave another one waiting in the same way.
    marks = [tmp_path / str(number) for number in range(2)]

    def should_stop() -> bool:
        return all(mark.exists() and mark.read_text() for mark in marks)

    with pytest.raises(TrainingStoppedError):
        run(worker_tasks.never_ask, [str(mark) for mark in marks], should_stop=should_stop)
    workers = [int(mark.read_text()) for mark in marks]
    wait_until(lambda: not any(map(is_running, workers)))


PARENT = """
import sys
from dualwindow.runtime.processes import run_in_processes
from tests.makers.worker_tasks import wait_for_the_end

if __name__ == "__main__":
    run_in_processes(wait_for_the_end, sys.argv[1:], processes=2, fallback_to_serial=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_workers_end_with_a_parent_that_was_killed(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    marks = [tmp_path / str(number) for number in range(2)]
    parent = subprocess.Popen(
        [sys.executable, str(script), *map(str, marks)],
        env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)},
    )
    try:
        wait_until(lambda: all(mark.is_file() and mark.read_text() for mark in marks))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    workers = [int(mark.read_text()) for mark in marks]
    wait_until(lambda: not any(map(is_running, workers)))


def is_running(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_worker_of_the_preparation_loads_no_torch() -> None:
    code = "import sys, dualwindow.data.datasets.prepare_pair; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
