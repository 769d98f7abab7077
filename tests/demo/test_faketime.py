from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from demo import faketime
from tests.conftest import IN_CI

START = datetime(2024, 2, 29, 23, 30, tzinfo=UTC)
REPORT = """
import time
from datetime import datetime
print(time.time())
print(datetime.now())
time.sleep(40)
print(time.time())
"""


@pytest.fixture
def installed() -> None:
    if faketime.library() is None:
        if IN_CI:
            pytest.fail(faketime.WAY_OUT)
        pytest.skip(faketime.WAY_OUT)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("zone", ["UTC0", "EST5"])
def test_a_process_begins_at_the_start_and_runs_so_fast(zone: str) -> None:
    # The same moment, said in a third zone.
    start = START.astimezone(timezone(timedelta(hours=5)))
    environment = {**os.environ, "TZ": zone, **faketime.environment(start, 20)}
    done = subprocess.run(
        [sys.executable, "-c", REPORT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    began, local, ended = done.stdout.splitlines()
    # Each real second of starting Python is 20 of its own.
    assert 0 <= float(began) - START.timestamp() < 300
    assert 40 <= float(ended) - float(began) < 300
    assert local.startswith("2024-02-29 23:3" if zone == "UTC0" else "2024-02-29 18:3")


@pytest.mark.usefixtures("installed")
def test_a_library_that_is_preloaded_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/lib/other.so")
    preloaded = faketime.environment(START, 1)["LD_PRELOAD"]
    assert preloaded == f"{faketime.library()} /lib/other.so"


def test_without_the_library_the_way_out_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(faketime, "NAME", str(tmp_path / "not there"))
    assert faketime.library() is None
    with pytest.raises(FileNotFoundError, match="apt install libfaketime"):
        faketime.environment(START, 20)


@pytest.mark.parametrize(
    ("start", "speed", "named"),
    [(START.replace(tzinfo=None), 1, "2024-02-29T23:30:00"), (START, 0, "not 0")],
)
def test_a_start_without_a_zone_and_no_speed_are_refused(
    start: datetime, speed: float, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        faketime.environment(start, speed)
