"""Everything outside a bot that a life decides: its clock, its disk, its threads, its numbers."""

from __future__ import annotations

import itertools
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import time_machine
import torch

from dualwindow.bot.live import journal
from dualwindow.bot.lookahead_check import LookaheadCheck
from dualwindow.models import checkpoint
from tests.lives.disk import Disk, watched
from tests.lives.light import quick
from tests.lives.market import BEGIN, HOUR

#: Seconds after the end of a candle at which a bot looks.
AFTER_CLOSE = 20


class Enough(BaseException):
    """The training thread has had its turns."""


class Clock:
    """The machine's clock, which may be wrong, and the one that never goes back."""

    def __init__(self, hour: int) -> None:
        self.hour = hour
        self.wrong_by = 0
        self._passed = 0.0
        self._steps = itertools.count()
        self._traveller: Any = None
        #: Seconds that the training thread may still sleep.
        self.turns = 0

    @property
    def now(self) -> float:
        return BEGIN + self.hour * HOUR + AFTER_CLOSE + self.wrong_by + self._passed

    def pass_hour(self) -> None:
        self.hour += 1
        self._passed = 0.0
        self.show()

    def show(self) -> None:
        self._traveller.move_to(self.now, tick=False)

    def monotonic(self) -> float:
        return self.hour * HOUR + self._passed

    def ticking(self) -> float:
        """Every look is ten seconds after the last, so that every checkpoint is written."""
        return 10.0 * next(self._steps)

    def sleep(self, seconds: float) -> None:
        if seconds < 1:  # between two pieces of a download
            return
        self.turns -= 1
        if self.turns < 0:
            raise Enough
        self._passed = min(self._passed + seconds, HOUR - AFTER_CLOSE - 1.0)
        self.show()

    @contextmanager
    def running(self) -> Iterator[None]:
        with time_machine.travel(self.now, tick=False) as self._traveller:
            yield


@contextmanager
def world(
    clock: Clock, disk: Disk, download: Callable[..., None], *, checks_lookahead: bool
) -> Iterator[None]:
    """The outside of a life, for the length of the block.

    The check for features that look ahead, the same ones in every life, takes a tenth of its time.
    """
    numbers = itertools.count()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    looks = SimpleNamespace(monotonic=clock.monotonic, time=time.time, sleep=clock.sleep)
    with ExitStack() as stack:
        stack.enter_context(clock.running())
        stack.enter_context(watched(disk))
        stack.enter_context(quick())
        for name, value in {
            "dualwindow.bot.live.stopping.end_with_main_thread": lambda _strategy: None,
            "freqtrade.freqai.utils.download_all_data_for_training": download,
            "time.sleep": clock.sleep,
            # The settings are known ones; to look for mistyped names takes a tenth of a second.
            "dualwindow.settings.checks.whole.unread_keys": lambda *_of, **_named: [],
        }.items():
            stack.enter_context(patch(name, value))
        if not checks_lookahead:
            stack.enter_context(patch.object(LookaheadCheck, "__call__", lambda *_of: None))
        stack.enter_context(patch.object(secrets, "randbelow", lambda _below: next(numbers)))
        stack.enter_context(patch.object(journal, "time", looks))
        ticking = SimpleNamespace(monotonic=clock.ticking)
        stack.enter_context(patch.object(checkpoint, "time", ticking))
        try:
            yield
        finally:
            logging.disable(level)
            torch.set_num_threads(threads)


def open_handles() -> int:
    """Files that this process has open; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
