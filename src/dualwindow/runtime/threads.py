"""Threads that each compute their share of a batch alone.

Torch splits every single operation over its threads and waits for all of them before the next; a
recurrent network has thousands of small operations a batch. Splitting the batch instead lets each
thread go its way until the end.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from typing import Final, Self, TypeVar

import torch
from threadpoolctl import ThreadpoolController

ResultT = TypeVar("ResultT")

#: Niceness of a training beside a running bot: 0 is normal, 19 the last to be served.
BACKGROUND_NICENESS: Final = 10
#: Windows below which a share is not worth a thread.
SMALLEST_SHARE: Final = 8


class ComputeThreads:
    """Threads with one intra-op thread each; a context manager.

    Every thread calls `prepare` before it computes. A single one computes in the calling thread,
    with the threads that torch has there.
    """

    def __init__(self, count: int, prepare: Callable[[], None] | None = None) -> None:
        if count < 1:
            raise ValueError(f"there must be at least 1 thread, not {count}")
        self.count = count
        self._pool: ThreadPoolExecutor | None = None
        if count > 1:
            self._pool = ThreadPoolExecutor(count, "dualwindow-compute", prepare or compute_alone)

    @classmethod
    def for_training(cls, device: torch.device, *, in_background: bool = False) -> ComputeThreads:
        """As many threads as torch would use in the calling thread; one beside a GPU.

        In the background it is one thread fewer, and all of them give way, so that a bot can decide
        at the close of every candle. The calling thread gives way from now on too: it has to be one
        that does nothing else.
        """
        count = _threads_for(device)
        if not in_background:
            return cls(count)
        give_way()
        return cls(max(count - 1, 1), give_way)

    def run(self, tasks: Sequence[Callable[[], ResultT]]) -> list[ResultT]:
        """Run the tasks beside each other; a single one is run by one thread too.

        Returns:
            Results in the order of the tasks. When tasks fail, the first one's error is raised
            after all have ended.
        """
        if self._pool is None:
            return [task() for task in tasks]
        futures: list[Future[ResultT]] = [self._pool.submit(task) for task in tasks]
        wait(futures)
        return [future.result() for future in futures]

    def parts(self, tasks: int) -> int:
        """Into how many parts to cut each of so many equal tasks, so that no thread is idle."""
        return self.count // math.gcd(self.count, tasks)

    def shares(self, rows: int, tasks: int = 1) -> list[slice]:
        """Cut a batch into contiguous shares, as equal as can be, none of them tiny.

        There is one a thread where a batch is one task; of several tasks every thread does as many.
        """
        parts = max(min(self.parts(tasks), rows // SMALLEST_SHARE), 1)
        ends = [rows * part // parts for part in range(parts + 1)]
        return [slice(*ends_of_share) for ends_of_share in pairwise(ends)]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def compute_alone() -> None:
    """Let torch compute in the calling thread without any helpers."""
    # torch.set_num_threads would also be heard by every thread that is made later. A thread's own
    # OpenMP setting is heard by itself alone, but only once torch has set up the thread.
    torch.get_num_threads()
    _controller().limit(limits=1, user_api="openmp")


def give_way() -> None:
    """Like `compute_alone`, and let every other thread of this machine go first."""
    compute_alone()
    if sys.platform == "linux":
        # Linux gives every thread a niceness of its own; elsewhere this would slow the whole bot.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)


def _threads_for(device: torch.device) -> int:
    return torch.get_num_threads() if device.type == "cpu" else 1


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


_prediction_threads: dict[tuple[int, int], ComputeThreads] = {}


def prediction_threads(device: torch.device) -> ComputeThreads:
    """Threads that all predictions of this process share; they are made once and kept.

    A forked process makes its own, because threads do not survive a fork.
    """
    count = _threads_for(device)
    key = (os.getpid(), count)
    if key not in _prediction_threads:
        _prediction_threads[key] = ComputeThreads(count)
    return _prediction_threads[key]
