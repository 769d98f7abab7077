"""What time the exchange believes it is."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Returns milliseconds since 1970, UTC.
Clock = Callable[[], int]


def wall_clock() -> int:
    """Real time, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def replay_clock(start_ms: int, speed: float = 1.0, since: float | None = None) -> Clock:
    """A clock that shows another time and runs at another speed than the real one.

    Args:
        start_ms: what it shows at first, milliseconds since 1970.
        speed: its seconds in a real one.
        since: when it showed that, in real seconds since 1970; None is now.
    """
    began = time.monotonic() - (0.0 if since is None else time.time() - since)

    def now() -> int:
        return start_ms + int((time.monotonic() - began) * speed * 1000.0)

    return now
