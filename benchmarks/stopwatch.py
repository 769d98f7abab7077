"""Seconds of every stage of a run that others call, such as freqtrade."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any


class Stopwatch:
    """Seconds that one thread, the one that makes it, spends in each stage.

    A stage inside another is not counted twice, and what other threads do is not counted at all.

    Args:
        stages: their names.
        clock: seconds, from any start.
    """

    def __init__(
        self, stages: Iterable[str], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds = dict.fromkeys(stages, 0.0)
        self._clock = clock
        self._thread = threading.get_ident()
        self._stack: list[str] = []
        self._since = 0.0

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted as the stage's."""

        @wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != self._thread:
                return function(*args, **kwargs)
            self._switch()
            self._stack.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._switch()
                self._stack.pop()

        return counted

    def watch(self, stage: str, owner: Any, *names: str) -> None:
        """Count functions of a class, a module or an object as the stage's from now on."""
        for name in names:
            setattr(owner, name, self.timed(stage, getattr(owner, name)))

    def read(self) -> dict[str, float]:
        """Seconds of every stage until now, the running one included."""
        self._switch()
        return dict(self.seconds)

    def _switch(self) -> None:
        now = self._clock()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now
