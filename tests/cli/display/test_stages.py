"""What stages are said to cost is what they cost."""

from __future__ import annotations

import io
import mmap
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console

from dualwindow.cli.display.stages import StageFigures, StageWatch
from dualwindow.cli.display.training_summary import stage_table
from dualwindow.runtime.memory import MIB

#: Processor seconds that are used up on purpose; far more than everything else in the test takes.
BUSY = 0.6


def work_for(seconds: float) -> None:
    """Use up processor time of this thread, however busy the machine is."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def work_beside(seconds: float, worked: threading.Barrier, seen: threading.Event) -> None:
    """Use up processor time, then stay until the watch has looked."""
    work_for(seconds)
    worked.wait(60)
    seen.wait(60)


def test_processor_time_memory_and_duration_are_those_of_the_stage() -> None:
    with StageWatch() as watch:
        with watch.stage("idle"):
            time.sleep(0.3)
        with watch.stage("busy"):
            # An array could come out of memory that an earlier test has given back.
            held = mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            held.write(b"1" * (64 * MIB))
            work_for(BUSY)
    held.close()
    idle, busy = watch.figures
    assert (idle.name, busy.name) == ("idle", "busy")
    assert idle.seconds >= 0.3
    assert idle.cpu_seconds < 0.5 * BUSY
    assert busy.cpu_seconds >= 0.9 * BUSY
    assert busy.peak_bytes - idle.peak_bytes > 32 * MIB


class CountingWatch(StageWatch):
    """A watch that counts its looks."""

    looks = 0

    def _measure(self) -> None:
        super()._measure()
        self.looks += 1


def test_threads_that_work_alike_are_balanced_and_those_that_do_not_are_not() -> None:
    with CountingWatch() as watch:
        for shares in ((BUSY, BUSY), (BUSY, 0.25 * BUSY)):
            worked, seen = threading.Barrier(len(shares) + 1), threading.Event()
            threads = [
                threading.Thread(target=work_beside, args=(each, worked, seen)) for each in shares
            ]
            with watch.stage("threads"):
                for thread in threads:
                    thread.start()
                worked.wait(60)
                # The first look that ends from here on may have begun before the work was done.
                until = watch.looks + 2
                while watch.looks < until:
                    time.sleep(0.05)
                seen.set()
                for thread in threads:
                    thread.join()
    alike, uneven = watch.figures
    assert alike.balance > uneven.balance
    assert uneven.balance < 0.9


def test_worker_processes_count_with_their_own_work() -> None:
    script = f"import time\nwhile time.process_time() < {BUSY}: pass"
    with StageWatch() as watch, watch.stage("workers"):
        workers = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
        for worker in workers:
            worker.wait()
    figures = watch.figures[0]
    assert len(figures.work) == 2
    assert figures.cpu_seconds >= 1.8 * BUSY


def test_a_stage_that_raises_leaves_no_figures() -> None:
    with StageWatch() as watch, pytest.raises(ValueError, match="broken"), watch.stage("broken"):
        raise ValueError("broken")
    assert watch.figures == []


def test_balance_is_the_mean_by_the_busiest() -> None:
    figures = StageFigures("x", 2.0, 3.0, 0, (1.0, 0.5))
    assert figures.balance == 0.75
    assert figures.cpu_percent == 150.0
    assert StageFigures("x", 0.0, 0.0, 0, ()).balance == 1.0


@pytest.mark.parametrize(("cpu_seconds", "shown"), [(3.4, "1.7 of 2"), (0.0, "0.0 of 2")])
@pytest.mark.parametrize("threads", [1, 8])
def test_the_table_shows_cores_that_were_busy_whatever_the_number_of_threads(
    cpu_seconds: float, shown: str, threads: int
) -> None:
    figures = StageFigures("training", 2.0, cpu_seconds, 0, (0.4,) * threads)
    stream = io.StringIO()
    Console(file=stream, width=120).print(stage_table([figures], cores=2))
    assert "busy cores" in stream.getvalue()
    assert shown in stream.getvalue()
    assert "8" not in stream.getvalue()
