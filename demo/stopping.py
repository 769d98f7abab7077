"""Stopping a demo and the processes that it started."""

from __future__ import annotations

import signal
import subprocess
from types import FrameType
from typing import Any, Final

#: Ctrl-C, the end of a service, a closed terminal.
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_signals() -> None:
    """Raise KeyboardInterrupt on the first signal to stop, and ignore further ones.

    A second Ctrl-C would interrupt the cleanup and leave processes behind.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)


def end(process: subprocess.Popen[Any], seconds: float) -> None:
    """Ask a child process to end, and kill it if it still runs after `seconds`."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
