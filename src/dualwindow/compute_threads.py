"""Threads that each compute their share of a batch alone.

Torch splits every single operation over its threads and waits for all of them before the next; a
recurrent network has thousands of small operations a batch. Splitting the batch instead lets each
thread go its way until the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise
from types import TracebackType
from typing import Final, Self, TypeVar

import torch
from threadpoolctl import ThreadpoolController

ResultT = TypeVar("ResultT")

#: Windows below which a share is not worth a thread.
SMALLEST_SHARE: Final = 8


class ComputeThreads:
    """Threads with one intra-op thread each; a context manager.

    Args:
        count: threads; one computes in the calling thread, with the threads that torch has there.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"there must be at least 1 thread, not {count}")
        self.count = count
        self._pool: ThreadPoolExecutor | None = None
        if count > 1:
            controller = ThreadpoolController()
            self._pool = ThreadPoolExecutor(
                count, "dualwindow-compute", lambda: _compute_alone(controller)
            )

    @classmethod
    def for_device(cls, device: torch.device) -> ComputeThreads:
        """As many threads as torch would use in the calling thread; one beside a GPU."""
        return cls(torch.get_num_threads() if device.type == "cpu" else 1)

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

    def shares(self, rows: int) -> list[slice]:
        """Cut a batch into one contiguous share a thread, as equal as can be, none of them tiny."""
        parts = max(min(self.count, rows // SMALLEST_SHARE), 1)
        ends = [rows * part // parts for part in range(parts + 1)]
        return [slice(*each) for each in pairwise(ends)]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _compute_alone(controller: ThreadpoolController) -> None:
    # torch.set_num_threads would also be heard by every thread that is made later. A thread's own
    # OpenMP setting is heard by itself alone, but only once torch has set up the thread.
    torch.get_num_threads()
    controller.limit(limits=1, user_api="openmp")


_prediction_threads: dict[tuple[int, int], ComputeThreads] = {}


def prediction_threads(device: torch.device) -> ComputeThreads:
    """Threads that all predictions of this process share; they are made once and kept.

    A forked process makes its own, because threads do not survive a fork.
    """
    count = torch.get_num_threads() if device.type == "cpu" else 1
    key = (os.getpid(), count)
    if key not in _prediction_threads:
        _prediction_threads[key] = ComputeThreads(count)
    return _prediction_threads[key]
