"""Clocks of the exchange: real time, or a replay."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Returns milliseconds since 1970, UTC.
Clock = Callable[[], int]


def wall_clock() -> int:
    """Real time, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def replay_clock(start_ms: int, speed: float = 1.0, since: float | None = None) -> Clock:
    """A clock with its own time and speed.

    Args:
        start_ms: its first time, milliseconds since 1970.
        speed: its seconds per real second.
        since: real time at which it showed the first time, seconds since 1970; None is now.
    """
    began = time.monotonic() - (0.0 if since is None else time.time() - since)

    def now() -> int:
        return start_ms + int((time.monotonic() - began) * speed * 1000.0)

    return now
