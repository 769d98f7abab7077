"""A process whose clock shows another time and runs at another speed, through libfaketime.

All its clocks and sleeps are faked: `time.time`, `time.monotonic`, `time.sleep`, an event loop's
timers and a socket's timeouts. Not so a wait for a lock or an event with a timeout: in Python it
never times out. Every child process begins again at the start. A process that is killed leaves two
small files of the library in /dev/shm.
"""

from __future__ import annotations

import os
import sysconfig
from datetime import datetime
from pathlib import Path
from typing import Final

#: The variant for programs with threads.
NAME: Final = "faketime/libfaketimeMT.so.1"
WAY_OUT: Final = (
    "libfaketime is not installed, and without it freqtrade cannot run at another speed or time "
    "than real: apt install libfaketime"
)


def library() -> Path | None:
    """Find libfaketime in the folders of Debian and similar systems, or of a local build."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    for folder in (f"/usr/lib/{multiarch}", "/usr/lib", "/usr/lib64", "/usr/local/lib"):
        path = Path(folder) / NAME
        if path.exists():
            return path
    return None


def environment(start: datetime, speed: float) -> dict[str, str]:
    """Variables for a process whose clock begins at `start`, to be merged over `os.environ`.

    Args:
        start: with a time zone, in whole seconds; the process's own zone stays as it is.
        speed: seconds of that clock per real second.

    Raises:
        FileNotFoundError: when libfaketime is not installed, with the way out.
        ValueError: for a start without a zone or a speed of 0 or less.

    """
    if start.tzinfo is None:
        raise ValueError(f"the start {start.isoformat()} needs a time zone")
    if speed <= 0:
        raise ValueError(f"the speed must be above 0, not {speed:g}")
    path = library()
    if path is None:
        raise FileNotFoundError(WAY_OUT)
    preloaded = os.environ.get("LD_PRELOAD")
    return {
        "LD_PRELOAD": f"{path} {preloaded}" if preloaded else str(path),
        "FAKETIME": f"@{int(start.timestamp())} x{speed:g}",
        # A date would be read in the process's own zone, which has an ambiguous hour every year.
        "FAKETIME_FMT": "%s",
        # Python sleeps until a time of the monotonic clock, which the library treats as faked: with
        # a real one every time.sleep would fail.
        "FAKETIME_DONT_FAKE_MONOTONIC": "0",
    }
