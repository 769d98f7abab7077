"""`make demo`: from nothing to a result table, again without harm, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.freqtrade import LIMIT_SECONDS, REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("demo")]

USERDIR = REPOSITORY / "user_data" / "demo"
COMMAND = [sys.executable, "-m", "demo.run"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def demo_processes() -> list[psutil.Process]:
    """Processes of a demo: its exchange, its freqtrade, itself."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if "demo.run" in line or str(USERDIR) in line:
            found.append(process)
    return found


def test_the_demo_shows_a_result_and_says_where_things_lie() -> None:
    USERDIR.mkdir(parents=True, exist_ok=True)
    stale = USERDIR / "left from an earlier run"
    stale.touch()
    done = subprocess.run(
        COMMAND,
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "STRATEGY SUMMARY" in done.stdout
    assert "synthetic" in done.stdout
    assert not stale.exists()
    for line in done.stdout.split("any market.")[1].splitlines():
        parts = line.split()
        if len(parts) == 2:
            assert list(REPOSITORY.glob(parts[1].rstrip("/"))), line
    assert demo_processes() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        demo = subprocess.Popen(
            COMMAND, cwd=REPOSITORY, env=ENVIRONMENT, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_for(lambda: any("freqtrade" in " ".join(p.cmdline()) for p in alive()), 120)
            # Ctrl-C reaches every process of the terminal, a SIGTERM only the demo itself.
            if number == signal.SIGINT:
                os.killpg(demo.pid, number)
            else:
                demo.send_signal(number)
            demo.wait(60)
            wait_for(lambda: not alive(), 60)
        finally:
            for process in demo_processes():
                process.kill()


def alive() -> list[psutil.Process]:
    return [process for process in demo_processes() if process.status() != psutil.STATUS_ZOMBIE]


def wait_for(condition: object, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)
