"""Times, side by side, and memory, in a process of its own."""

from __future__ import annotations

import gc
import importlib
import json
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from demo.running import REPOSITORY

#: Seconds between two looks at a process's memory.
_LOOK_EVERY: Final = 0.002


def interleaved(repeats: int, *functions: Callable[[], object]) -> list[float]:
    """Median seconds of each function, called in turn after one call that does not count."""
    seconds: list[list[float]] = [[] for _ in functions]
    for turn in range(repeats + 1):
        for function, found in zip(functions, seconds, strict=True):
            started = time.perf_counter()
            function()
            if turn:
                found.append(time.perf_counter() - started)
    return [statistics.median(found) for found in seconds]


def seconds_of(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def traced_mib(function: Callable[[], object]) -> float:
    """Most memory that Python and numpy held at a time above what they held before, MiB."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        function()
        return (tracemalloc.get_traced_memory()[1] - before) / 2**20
    finally:
        tracemalloc.stop()


@dataclass(frozen=True)
class Run:
    """What a function did in a process of its own.

    Attributes:
        seconds: that it took.
        peak_mib: most anonymous memory above what was held before; pages of mapped files do not
            count.
        value: that it returned, as plain JSON types.
    """

    seconds: float
    peak_mib: float
    value: Any


def in_process(function: str, *arguments: Any) -> Run:
    """Call `module:function` with plain JSON arguments in a fresh process.

    Raises:
        RuntimeError: with the last line of its stderr, when the process failed.
    """
    call = json.dumps([function, list(arguments)])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure", call],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
        text=True,
    )
    sys.stderr.write(done.stderr)
    if done.returncode:
        reason = (done.stderr.splitlines() or [f"exit status {done.returncode}"])[-1]
        raise RuntimeError(f"{function} failed: {reason}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def anonymous_mib() -> float:
    """Memory of this process that is no page of a file, MiB (Linux)."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - asked often
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024


class PeakWatch:
    """Remembers the most anonymous memory that was in use while it ran."""

    def __init__(self) -> None:
        self.before = anonymous_mib()
        self.peak = self.before
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(_LOOK_EVERY):
            self.peak = max(self.peak, anonymous_mib())

    def __enter__(self) -> PeakWatch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.peak = max(self.peak, anonymous_mib())
        self._over.set()
        self._thread.join()


def main(arguments: Sequence[str]) -> None:
    """Call a function and print what it took."""
    name, values = json.loads(arguments[0])
    module, _, function = name.partition(":")
    work = getattr(importlib.import_module(module), function)
    with PeakWatch() as watch:
        started = time.perf_counter()
        value = work(*values)
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mib": watch.peak - watch.before, "value": value}))


if __name__ == "__main__":
    main(sys.argv[1:])
