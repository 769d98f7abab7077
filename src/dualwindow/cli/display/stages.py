"""Cost of a run's stages: time, memory, processor time and balance of the work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import psutil

#: Seconds between two measurements of the processes.
_INTERVAL: Final = 0.25
#: Share of a stage's processor time below which a thread or process did not work on it.
_PART: Final = 0.02


@dataclass(frozen=True)
class StageFigures:
    """Figures of one stage: duration, processor time, peak memory without mapped files.

    Processor time includes the processes that this one started; `work` has the processor seconds of
    each worker process, or of each thread if there was none.
    """

    name: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    work: tuple[float, ...]

    @property
    def cpu_percent(self) -> float:
        """Processor time over duration, percent of one core."""
        return 100.0 * self.cpu_seconds / self.seconds if self.seconds else 0.0

    @property
    def balance(self) -> float:
        """Mean work over that of the busiest worker; 1 if all worked equally, or one alone."""
        return sum(self.work) / len(self.work) / max(self.work) if self.work else 1.0


class StageWatch:
    """Measures this process and its children; a context manager around all stages.

    `figures` are those of the finished stages, in order.
    """

    def __init__(self) -> None:
        self.figures: list[StageFigures] = []
        self._process = psutil.Process()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._peak = 0
        self._threads: dict[int, float] = {}
        self._children: dict[int, float] = {}
        self._thread = threading.Thread(
            target=self._measure_on, name="dualwindow-stages", daemon=True
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the block; a block that raises leaves no figures."""
        self._measure()
        with self._lock:
            self._peak, self._children = 0, {}
            threads = dict(self._threads)
        cpu, started = self._cpu_seconds(), time.perf_counter()
        yield
        seconds = time.perf_counter() - started
        self._measure()
        spent = self._cpu_seconds() - cpu
        with self._lock:
            own = (value - threads.get(key, 0.0) for key, value in self._threads.items())
            work = list(self._children.values()) or list(own)
            shares = tuple(share for share in work if share > _PART * spent)
            self.figures.append(StageFigures(name, seconds, spent, self._peak, shares))

    def memory(self) -> int:
        """Bytes in use by this process and its children, without mapped files."""
        return sum(_used(process) for process in self._processes())

    def _measure_on(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._measure()

    def _measure(self) -> None:
        threads: dict[int, float] = {}
        children: dict[int, float] = {}
        # Threads first: they may end soon, and beside busy ones a look through all processes of the
        # machine takes a second, because every file of theirs is waited for.
        with suppress(psutil.Error):
            running = self._process.threads()
            threads = {thread.id: thread.user_time + thread.system_time for thread in running}
        with self._lock:
            self._threads.update(threads)
        used = self.memory()
        for child in self._processes()[1:]:
            with suppress(psutil.Error):
                times = child.cpu_times()
                children[child.pid] = times.user + times.system
        with self._lock:
            self._peak = max(self._peak, used)
            self._children.update(children)

    def _processes(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return [self._process, *self._process.children(recursive=True)]
        return [self._process]

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        # Children that have ended are counted here alone.
        ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return float(times.user + times.system + ended)

    def __enter__(self) -> StageWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _used(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    return 0
