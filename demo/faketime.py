"""A process whose clock shows another time and runs at another speed, through libfaketime.

Everything in it that looks at a clock or sleeps is faked alike: `time.time`, `time.monotonic`,
`time.sleep`, an event loop's timers and a socket's timeouts. Waiting for a lock or an event with a
timeout is not: in Python the timeout never ends. Each child process begins at the start anew. A
process that is killed leaves two small files of the library's in /dev/shm.
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
    """Find libfaketime where Debian and its kin, or an own build, put it."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    for folder in (f"/usr/lib/{multiarch}", "/usr/lib", "/usr/lib64", "/usr/local/lib"):
        path = Path(folder) / NAME
        if path.exists():
            return path
    return None


def environment(start: datetime, speed: float) -> dict[str, str]:
    """Variables for a process whose clock begins at `start`, to be merged over `os.environ`.

    Args:
        start: with a time zone; the process's own zone stays what it is. Counted in whole seconds.
        speed: seconds of that clock a real second.

    Raises:
        FileNotFoundError: when libfaketime is not there, with the way out.
        ValueError: for a start without a zone or a speed of 0 or less.

    """
    if start.tzinfo is None:
        raise ValueError(f"the start {start.isoformat()} needs a time zone")
    if speed <= 0:
        raise ValueError(f"the speed must be above 0, not {speed:g}")
    found = library()
    if found is None:
        raise FileNotFoundError(WAY_OUT)
    preloaded = os.environ.get("LD_PRELOAD")
    return {
        "LD_PRELOAD": f"{found} {preloaded}" if preloaded else str(found),
        "FAKETIME": f"@{int(start.timestamp())} x{speed:g}",
        # A date would be read in the process's own zone, of which an hour a year is ambiguous.
        "FAKETIME_FMT": "%s",
        # Python sleeps until a moment of the monotonic clock, which the library takes for a faked
        # one: left real, every time.sleep would fail.
        "FAKETIME_DONT_FAKE_MONOTONIC": "0",
    }
