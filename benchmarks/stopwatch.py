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
        self._calls: dict[str, int] = {}
        self._clock = clock
        self._thread = threading.get_ident()
        self._stack: list[str] = []
        self._since = 0.0

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted as the stage's."""
        name = f"{function.__module__}.{function.__qualname__}"
        self._calls.setdefault(name, 0)

        @wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._calls[name] += 1
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

    def uncalled(self) -> list[str]:
        """Functions that no thread has called: what they did may have moved elsewhere."""
        return [name for name, calls in self._calls.items() if not calls]

    def read(self) -> dict[str, float]:
        """Seconds of every stage until now, the running one included."""
        self._switch()
        return dict(self.seconds)

    def _switch(self) -> None:
        now = self._clock()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now


def require_called(uncalled: Iterable[str]) -> None:
    """Refuse figures of stages whose functions have moved.

    Raises:
        RuntimeError: naming the functions that were watched and never called.
    """
    if names := ", ".join(uncalled):
        raise RuntimeError(f"never called: {names}; watch what is called in their place")
