"""What time the exchange believes it is."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Returns milliseconds since 1970, UTC.
Clock = Callable[[], int]


def wall_clock() -> int:
    """Real time, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def replay_clock(start_ms: int, speed: float = 1.0) -> Clock:
    """A clock that shows `start_ms` now and runs `speed` times as fast as real time."""
    began = time.monotonic()

    def now() -> int:
        return start_ms + int((time.monotonic() - began) * speed * 1000.0)

    return now
