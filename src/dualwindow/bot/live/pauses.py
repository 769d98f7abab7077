"""Growing pauses between the attempts to train a pair that cannot be trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final

#: Seconds between the first failure and the next attempt; twice as long after every further one.
FIRST_PAUSE: Final = 60.0
#: The longest pause, unless a retraining is due less often (seconds).
LONGEST_PAUSE: Final = 3_600.0


class GrowingPauses:
    """When what has failed may be tried again.

    Args:
        longest: seconds at which a pause stops growing; at least the first pause.
        clock: seconds that never go back.

    Example:
        >>> pauses = GrowingPauses(longest=300.0, clock=lambda: 0.0)
        >>> [pauses.failed("BTC/USDT") for _ in range(4)]
        [60.0, 120.0, 240.0, 300.0]
        >>> pauses.succeeded("BTC/USDT")
        >>> pauses.failed("BTC/USDT")
        60.0
    """

    def __init__(
        self, longest: float = LONGEST_PAUSE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._longest = max(longest, FIRST_PAUSE)
        self._clock = clock
        self._pauses: dict[Hashable, float] = {}
        self._until: dict[Hashable, float] = {}

    def is_over(self, name: Hashable) -> bool:
        """Whether the next attempt may begin."""
        until = self._until.get(name)
        return until is None or self._clock() >= until

    def failed(self, name: Hashable) -> float:
        """Begin a pause after a failure; its seconds."""
        pause = min(2 * self._pauses.get(name, FIRST_PAUSE / 2), self._longest)
        self._pauses[name] = pause
        self._until[name] = self._clock() + pause
        return pause

    def succeeded(self, name: Hashable) -> None:
        """Forget all failures."""
        self._pauses.pop(name, None)
        self._until.pop(name, None)


def in_words(seconds: float) -> str:
    """A pause for the log: minutes, or hours from two on."""
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minute{'s' if minutes != 1 else ''}"
    return f"{seconds / 3600:.1f} hours".replace(".0 ", " ")
