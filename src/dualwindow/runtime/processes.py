"""Runs one function over many tasks in spawned processes, or alone when those fail."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from typing import Final, TypeVar

from dualwindow.errors import DualWindowError, TrainingStoppedError

logger = logging.getLogger(__name__)

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")
#: Runs a task; asks the second argument between its steps whether to stop.
Work = Callable[[TaskT, Callable[[], bool]], ResultT]
#: Seconds between two questions whether to stop.
_PATIENCE: Final = 0.5
#: Seconds that a worker's task has to notice that it should stop, before the worker ends anyhow.
GRACE_SECONDS: Final = 5.0

#: Of a worker: set when its task should stop.
_stop = threading.Event()


def run_in_processes(
    work: Work[TaskT, ResultT],
    tasks: Sequence[TaskT],
    *,
    processes: int,
    fallback_to_serial: bool,
    should_stop: Callable[[], bool] = lambda: False,
    done: Callable[[int, ResultT], None] = lambda _task, _result: None,
) -> list[ResultT]:
    """Run every task in worker processes.

    When a worker dies or none can be started, the tasks that are not finished run here, one after
    the other. What a task raises is raised.

    Args:
        work: a module's function, for it is looked up by name in the workers.
        tasks: what to work on.
        processes: most workers.
        fallback_to_serial: false raises instead of going on alone.
        should_stop: asked twice a second; true ends the workers.
        done: called with the number and the result of every task that is finished.

    Returns:
        Results in the order of the tasks.

    Raises:
        DualWindowError: when workers failed and `fallback_to_serial` is false.
        TrainingStoppedError: when `should_stop` returned true.
    """
    results: dict[int, ResultT] = {}
    try:
        workers = min(processes, len(tasks))
        _in_pool(work, tasks, results, workers, should_stop=should_stop, done=done)
    except (BrokenProcessPool, OSError, ImportError, NotImplementedError) as error:
        reason = f"the worker processes failed ({type(error).__name__}: {error})"
        if not fallback_to_serial:
            raise DualWindowError(
                f"{reason}; set use_multiprocessing to false, or fallback_to_serial to true to "
                "go on without them"
            ) from error
        logger.warning("%s: going on in one process, with the same result", reason)
    for number, task in enumerate(tasks):
        if number not in results:
            results[number] = work(task, should_stop)
            done(number, results[number])
    return [results[number] for number in range(len(tasks))]


def _in_pool(
    work: Work[TaskT, ResultT],
    tasks: Sequence[TaskT],
    results: dict[int, ResultT],
    processes: int,
    *,
    should_stop: Callable[[], bool],
    done: Callable[[int, ResultT], None],
) -> None:
    """Fill `results` by task number."""
    # Spawned, never forked: a fork copies locks that torch's and Arrow's threads may hold.
    context = multiprocessing.get_context("spawn")
    # Workers end when their end of this closes. An event would have a lock, and a worker killed
    # while it held that would leave everyone waiting.
    line, held = context.Pipe(duplex=False)
    with held, line, ProcessPoolExecutor(processes, context, _start_worker, (line,)) as pool:
        try:
            numbers: dict[Future[ResultT], int] = {
                pool.submit(_run, work, task): number for number, task in enumerate(tasks)
            }
            waiting = set(numbers)
            while waiting:
                if should_stop():
                    raise TrainingStoppedError("the bot asked the preparation to stop")
                finished, waiting = wait(waiting, _PATIENCE, FIRST_COMPLETED)
                for future in finished:
                    results[numbers[future]] = future.result()
                    done(numbers[future], results[numbers[future]])
        except BaseException:
            # Workers look at this between their steps, so that waiting for them does not take long.
            held.close()
            pool.shutdown(cancel_futures=True)
            raise


def _start_worker(line: Connection) -> None:
    threading.Thread(target=_end_with_parent, args=(line,), daemon=True).start()


def _end_with_parent(line: Connection) -> None:
    """Stop this worker's task when the parent asks to, then the worker, whatever it waits for.

    A parent that was killed cannot tell its workers, and a pool in which one worker was killed now
    and then leaves another one waiting for ever.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for_any([line, parent.sentinel])
    _stop.set()
    # Returns at once when the parent is gone.
    parent.join(GRACE_SECONDS)
    os._exit(1)


def _run(work: Work[TaskT, ResultT], task: TaskT) -> ResultT:
    return work(task, _stop.is_set)
