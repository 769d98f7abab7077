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

from tests.makers.freqtrade import LIMIT_SECONDS, REPOSITORY

pytestmark = pytest.mark.e2e

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


@pytest.fixture
def userdir(tmp_path: Path) -> Path:
    """A folder of the test's own, which also tells its processes from those of other demos."""
    return tmp_path / "user data of the demo"


def command(userdir: Path) -> list[str]:
    return [sys.executable, "-m", "demo.run", "--userdir", str(userdir)]


def processes(userdir: Path) -> list[psutil.Process]:
    """Processes of a demo: its exchange, its freqtrade, itself."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(userdir) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def test_the_demo_shows_a_result_and_says_where_things_lie(userdir: Path) -> None:
    userdir.mkdir()
    stale = userdir / "left from an earlier run"
    stale.touch()
    done = subprocess.run(
        command(userdir),
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
    for line in done.stdout.split("real market.")[1].split("TensorBoard")[0].splitlines():
        if line.strip():
            said = line.strip().split(maxsplit=1)[1].rstrip("/")
            assert list(userdir.glob(said.removeprefix(f"{userdir}/"))), line
    # The first screen of the report is on the terminal too.
    assert "Over the whole backtest, on the candles after each of" in " ".join(done.stdout.split())
    assert processes(userdir) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(
    number: signal.Signals, userdir: Path, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("w") as log:
        demo = subprocess.Popen(
            command(userdir),
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(lambda: any("freqtrade" in p.cmdline() for p in processes(userdir)), 120)
            # Ctrl-C reaches every process of the terminal, a SIGTERM only the demo itself.
            if number == signal.SIGINT:
                os.killpg(demo.pid, number)
            else:
                demo.send_signal(number)
            demo.wait(90)
            wait_for(lambda: not processes(userdir), 90)
        finally:
            for process in processes(userdir):
                process.kill()


def wait_for(condition: object, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)
