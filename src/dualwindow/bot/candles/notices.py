"""Warnings about a pair's candles, one for all of them."""

from __future__ import annotations

import logging
import time
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import HUGE_MOVE, huge_moves, impossible_candles
from dualwindow.data.candles.timerange import DAY_SECONDS, utc_text
from dualwindow.runtime.counts import counted

logger = logging.getLogger(__name__)

#: Fewer candles without a volume are usual.
_MANY: Final = 100


class CandleNotices:
    """Names what is wrong with candles: once a pair and timeframe, and again a day of candles on.

    A running bot sees the same candles every minute, and a broken feed breaks many of them.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], int] = {}

    def look_at(self, pair: str, timeframe: str, candles: pd.DataFrame) -> None:
        """Warn of impossible and future candles, huge moves, and candles without any volume."""
        name = f"{pair} {timeframe}"
        impossible = impossible_candles(candles)
        if (found := self._new(name, "impossible", candles, impossible)) is not None:
            logger.warning(
                "%s: %s impossible, the first of %s: no window and no label reaches over such a "
                "candle, averages and a backtest's trades take it as a missing one (last price, no "
                "volume); if it is in the pair's file, download the pair again",
                name,
                _counted(impossible),
                _named(candles, found),
            )
        moves = huge_moves(candles)
        if (found := self._new(name, "moves", candles, moves)) is not None:
            before = candles["close"].iloc[max(found - 1, 0)]
            logger.warning(
                "%s: a price changes by a factor of %g or more within %s, the first of %s after a "
                "close of %g; they count as they are: compare them with the exchange, and download "
                "the pair again if they are wrong",
                name,
                HUGE_MOVE,
                counted(int(np.count_nonzero(moves)), "candle"),
                _named(candles, found),
                before,
            )
        now = int(time.time())
        ahead = utc_seconds(candles["date"]) > now
        if (found := self._new(name, "future", candles, ahead)) is not None:
            logger.warning(
                "%s: candles are dated in the future of this machine's clock (%s), the first %s: "
                "set the clock, or download the pair again",
                name,
                utc_text(now - now % 60),
                _named(candles, found),
            )
        silent = np.asarray(candles["volume"].to_numpy(np.float64) == 0.0)
        if len(silent) < _MANY or not silent.all():
            return
        if self._new(name, "silent", candles, silent) is not None:
            logger.warning(
                "%s: no candle has a volume; the features of the volume are empty, and longer "
                "stretches at one price count as outages: check the pair, or download it again",
                name,
            )

    def _new(
        self, name: str, kind: str, candles: pd.DataFrame, wrong: NDArray[np.bool_]
    ) -> int | None:
        """The first row that is wrong, or None where no warning is due."""
        rows = np.flatnonzero(wrong)
        if not len(rows):
            return None
        newest = int(utc_seconds(candles["date"].iloc[rows[-1:]])[0])
        told = self._told.get((name, kind))
        if told is not None and newest < told + DAY_SECONDS:
            return None
        self._told[name, kind] = newest
        return int(rows[0])


def _counted(wrong: NDArray[np.bool_]) -> str:
    number = int(np.count_nonzero(wrong))
    return counted(number, "candle is", "candles are")


def _named(candles: pd.DataFrame, row: int) -> str:
    candle = candles.iloc[row]
    values = ", ".join(
        f"{name} {candle[name]:.10g}" for name in ("open", "high", "low", "close", "volume")
    )
    return f"{utc_text(int(utc_seconds(candles['date'].iloc[row : row + 1])[0]))} ({values})"
