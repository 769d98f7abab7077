"""Tells a minute that the exchange has not delivered yet from one in which nothing was traded.

freqtrade fills a minute that an answer of the exchange left out with the last price and no volume.
When the candle arrives after all it is merged with what stood in for it, so that its high, low and
open may be those of the stand-in. A live bot therefore waits some candles for a missing one, and
asks for the candles anew when it came.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.frames import flat_candles, utc_seconds

logger = logging.getLogger(__name__)

#: Candles that a live bot waits for a missing one; then it counts as it does in a backtest.
PATIENCE: Final = 5


class CandleWatch:
    """Remembers, pair by pair, which candles the exchange left out.

    Args:
        delivered: asks the exchange: pair and seconds since 1970 to the (M,) int64 dates of the
            candles that it delivers from then on; empty when it does not answer.
        renew: makes freqtrade load a pair's candles anew for the next candle.
    """

    def __init__(
        self, delivered: Callable[[str, int], NDArray[np.int64]], renew: Callable[[str], None]
    ) -> None:
        self._delivered = delivered
        self._renew = renew
        self._missing: dict[str, set[int]] = {}
        self._silent: dict[str, set[int]] = {}
        self._seen_until: dict[str, int] = {}

    def is_complete(self, pair: str, candles: pd.DataFrame) -> bool:
        """Whether the newest candles are what the exchange will always say they were.

        False while one of the newest `PATIENCE` candles is missing, and for the one candle at which
        a missing one has arrived.

        Args:
            pair: as freqtrade writes it.
            candles: N rows with freqtrade's candle columns, in time order, as freqtrade fills them.
        """
        flat = flat_candles(candles)
        seconds = utc_seconds(candles["date"])
        arrived = self._arrived(pair, seconds[~flat])
        newest = seconds >= seconds[-PATIENCE:][0]
        unseen = seconds > self._seen_until.get(pair, 0)
        missing = self._confirm(pair, set(seconds[flat & (newest | unseen)].tolist()))
        awaited = missing.intersection(seconds[newest].tolist())
        if awaited:
            logger.warning("%s: the exchange has left out %s; waiting", pair, _named(awaited))
        if arrived:
            logger.info("%s: %s arrived late; loading its candles anew", pair, _named(arrived))
            self._renew(pair)
        self._seen_until[pair] = int(seconds[-1])
        first = int(seconds[0])
        for known in (self._missing, self._silent):
            known[pair] = {date for date in known.get(pair, set()) if date >= first}
        return not awaited and not arrived

    def _arrived(self, pair: str, traded: NDArray[np.int64]) -> set[int]:
        """Candles that were missing and hold trades now; they are missing no longer."""
        missing = self._missing.get(pair, set())
        arrived = missing.intersection(traded.tolist()) if missing else set()
        missing -= arrived
        return arrived

    def _confirm(self, pair: str, suspects: set[int]) -> set[int]:
        """Those of the flat candles that the exchange did not deliver."""
        silent = self._silent.setdefault(pair, set())
        unknown = suspects - silent
        if not unknown:
            return set()
        delivered = set(self._delivered(pair, min(unknown)).tolist())
        silent |= unknown & delivered
        missing = unknown - delivered
        known = self._missing.setdefault(pair, set())
        known -= delivered
        known |= missing
        return missing


def _named(dates: set[int]) -> str:
    moments = [f"{pd.Timestamp(date, unit='s'):%H:%M}" for date in sorted(dates)]
    return f"the candle{'s' if len(moments) > 1 else ''} of {', '.join(moments)}"
