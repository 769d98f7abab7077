"""Pairs that a running bot may not trade, such as one whose price step is a whole barrier.

freqtrade asks for a pair again every few seconds while its analysis fails, and logs every failure.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from freqtrade.exceptions import OperationalException

from dualwindow.bot.live.pauses import GrowingPauses, in_words

logger = logging.getLogger(__name__)


class RefusedPairs:
    """Remembers which pairs are refused; each look that fails gives one line and a longer pause.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pauses = GrowingPauses(clock=clock)
        self._refused: set[str] = set()

    def refuses(self, pair: str, check: Callable[[], None]) -> bool:
        """Whether a pair may not be traded at this candle.

        Args:
            pair: as freqtrade names it.
            check: raises OperationalException, with the reason, where it may not; not called
                within a pause.
        """
        if not self._pauses.is_over(pair):
            return True
        try:
            check()
        except OperationalException as error:
            self._refused.add(pair)
            pause = in_words(self._pauses.failed(pair))
            reason = str(error).removeprefix(f"{pair}: ")
            logger.error(
                "%s is neither traded nor trained: %s; it is looked at again in %s",
                pair,
                reason,
                pause,
            )
            return True
        self._refused.discard(pair)
        self._pauses.succeeded(pair)
        return False

    def left(self, pairs: Iterable[str]) -> list[str]:
        """Those of some pairs that are not refused, in their order."""
        return [pair for pair in pairs if pair not in self._refused]
