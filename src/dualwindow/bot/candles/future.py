"""Candles that an exchange dates into the future, which would be traded upon and stop the bot.

freqtrade asks for new candles only when the newest it holds is older than the clock.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import pandas as pd
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.strategy.interface import IStrategy

from dualwindow.bot.config_checks import is_live
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.timerange import utc_text

logger = logging.getLogger(__name__)

#: How far the exchange's clock may be ahead of the bot's (seconds); half a candle, if that is less.
_AHEAD: Final = 30.0
#: Seconds between two warnings about a pair and timeframe.
_QUIET: Final = 3600.0


class FutureCandles:
    """Takes candles that have not closed by the clock out of those that freqtrade holds."""

    def __init__(self) -> None:
        self._warned: dict[tuple[str, str], float] = {}
        self._aside: list[Any] = []

    def set_aside(self, exchange: Any) -> None:
        """Look through all pairs and timeframes, before they are analysed."""
        now = time.time()
        for key, candles in list(exchange._klines.items()):
            pair, timeframe, _ = key
            step = timeframe_to_seconds(timeframe)
            latest = now + min(_AHEAD, step / 2) - step
            if not len(candles) or candles["date"].iloc[-1].timestamp() <= latest:
                continue
            seconds = utc_seconds(candles["date"])
            # freqtrade drops the last candle as the forming one, which then is another.
            exchange._klines[key] = candles[seconds <= now - step]
            self._aside.append(key)
            self._warn(pair, timeframe, candles, int(seconds[-1]), now)

    def load_again(self, exchange: Any) -> None:
        """Let freqtrade load all candles of what was set aside at its next loop, as after a start.

        Those filled in before a candle of the future may have pushed out older ones.
        """
        while self._aside:
            key = self._aside.pop()
            exchange._klines.pop(key, None)
            exchange._pairs_last_refresh_time.pop(key, None)

    def _warn(
        self, pair: str, timeframe: str, candles: pd.DataFrame, last: int, now: float
    ) -> None:
        if now - self._warned.get((pair, timeframe), -_QUIET) < _QUIET:
            return
        self._warned[pair, timeframe] = now
        values = ", ".join(
            f"{name} {candles[name].iloc[-1]:.10g}"
            for name in ("open", "high", "low", "close", "volume")
        )
        logger.warning(
            "%s %s: the exchange dates a candle %s (%s), which has not closed at %s by this "
            "machine's clock; it is set aside, and so are those filled in before it: if the clock "
            "is slow, set it",
            pair,
            timeframe,
            utc_text(last),
            values,
            utc_text(int(now)),
        )


class ClosedCandlesStrategy(IStrategy):
    """A strategy that is never handed a candle of the future."""

    def analyze(self, pairs: list[str]) -> None:
        """Analyse the newest closed candles of the pairs, as freqtrade asks once a loop."""
        exchange = self.dp._exchange if is_live(self.config) else None
        if exchange is None:
            super().analyze(pairs)
            return
        self._future_candles.set_aside(exchange)
        super().analyze(pairs)
        self._future_candles.load_again(exchange)

    @property
    def _future_candles(self) -> FutureCandles:
        """Made at first use, whatever a derived strategy's `__init__` does."""
        own: FutureCandles = self.__dict__.setdefault("_set_aside", FutureCandles())
        return own
