"""How a demo is told to stop, and how it stops what it started."""

from __future__ import annotations

import signal
import subprocess
from types import FrameType
from typing import Any, Final

#: Ctrl-C, the end of a service, a closed terminal.
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_signals() -> None:
    """Raise KeyboardInterrupt on the first signal to stop, and heed no second one.

    An impatient second Ctrl-C would break off the cleaning up and leave processes behind.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)


def end(process: subprocess.Popen[Any], seconds: float) -> None:
    """Ask a child to end, and kill it when it has not done so after so many seconds."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
