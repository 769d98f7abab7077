"""Ctrl-C and SIGTERM ask a run to stop at the next batch; a second one ends it at once."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType
from typing import Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
#: A shell adds this to the number of the signal that ended a program.
_SIGNAL_STATUS: Final = 128
#: Seconds within which a second signal counts as the same one: a terminal sends Ctrl-C to a whole
#: process group, and a launcher may forward it as well.
_ONE_SIGNAL: Final = 1.0
_STDERR: Final = 2
_NOTICE: Final = b"\nstopping after this step; once more ends it at once\n"


class StopSignals:
    """Context manager: keeps the first stop signal as `received`, restores handlers at its end."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._since = 0.0
        self._before: dict[int, object] = {}

    def requested(self) -> bool:
        """Whether a stop signal was received."""
        return self.received is not None

    @property
    def exit_status(self) -> int:
        """Exit status of a program that the signal stopped: 128 and the signal's number."""
        return _SIGNAL_STATUS + (self.received or signal.SIGINT)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.received is None:
            self.received, self._since = signal.Signals(number), now
            # Not through a log or a console, which the handler may have interrupted.
            os.write(_STDERR, _NOTICE)
        elif now - self._since >= _ONE_SIGNAL:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
