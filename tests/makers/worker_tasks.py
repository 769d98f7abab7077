"""What worker processes are asked to do in tests: they look functions up by module and name."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from dualwindow.errors import DataError, TrainingStoppedError


def square(task: int, _should_stop: Callable[[], bool]) -> int:
    # The first one ends last.
    time.sleep(0.3 if task == 0 else 0.0)
    return task * task


def describe(_task: int, _should_stop: Callable[[], bool]) -> tuple[str | None, int]:
    parent = multiprocessing.parent_process()
    return multiprocessing.get_start_method(allow_none=True), parent.pid or 0 if parent else 0


def refuse(task: int, _should_stop: Callable[[], bool]) -> int:
    if task == 1:
        raise DataError("the candles of task 1 are bad")
    return task


def die_in_a_worker(task: int, _should_stop: Callable[[], bool]) -> int:
    if multiprocessing.parent_process() is not None and task == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return task * task


def wait_for_the_end(task: str, should_stop: Callable[[], bool]) -> None:
    """Leave the number of this process in a file and work until asked to stop."""
    Path(task).write_text(str(os.getpid()), encoding="ascii")
    while not should_stop():
        time.sleep(0.05)
    raise TrainingStoppedError("asked to stop")


def never_ask(task: str, _should_stop: Callable[[], bool]) -> None:
    """Leave the number of this process in a file and wait for longer than any test may take."""
    Path(task).write_text(str(os.getpid()), encoding="ascii")
    time.sleep(3600)
