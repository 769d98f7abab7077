"""Whether the newest candle of a live pair may be traded upon."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import CandleType
from freqtrade.exceptions import FreqtradeException
from numpy.typing import NDArray

from dualwindow.bot.candles.delivered import delivered_candles
from dualwindow.data.candles.frames import flat_candles, utc_seconds

logger = logging.getLogger(__name__)

#: Candles that a live bot waits for a missing one; then it counts as it does in a backtest.
PATIENCE: Final = 5


class NewestCandle:
    """Decides once a candle whether the newest one of a pair may be traded upon."""

    def __init__(self, provider: DataProvider, config: Mapping[str, Any]) -> None:
        self._provider = provider
        self._timeframe: str = config["timeframe"]
        self._candle_type = CandleType(config.get("candle_type_def", CandleType.SPOT))
        features = config["freqai"]["feature_parameters"]
        self._correlated: list[str] = features.get("include_corr_pairlist", [])
        timeframes = dict.fromkeys([self._timeframe, *features.get("include_timeframes", [])])
        self._watches = {
            name: CandleWatch(partial(self._delivered, name), partial(self._renew, name))
            for name in timeframes
        }
        self._seen: set[str] = set()
        #: What the newest look waited for: name of the series to dates, seconds since 1970.
        self.awaited: dict[str, list[int]] = {}
        #: Whether a candle that was waited for had arrived at the newest look.
        self.arrived = False

    def is_first(self, pair: str) -> bool:
        """Whether this is the pair's first candle since the bot was started; true only once."""
        first = pair not in self._seen
        self._seen.add(pair)
        return first

    def is_complete(self, pair: str, candles: pd.DataFrame) -> bool:
        """Whether no candle that the features need is late; `candles` are the pair's, in order."""
        complete = []
        self.awaited, self.arrived = {}, False
        # All are checked, also when one is late, because the watches remember the frames.
        for timeframe, watch in self._watches.items():
            for name in dict.fromkeys([pair, *self._correlated]):
                is_own = name == pair and timeframe == self._timeframe
                frame = candles if is_own else self._provider.get_pair_dataframe(name, timeframe)
                complete.append(not len(frame) or watch.is_complete(name, frame))
                if len(frame) and watch.awaited:
                    self.awaited[f"{name} {timeframe}"] = sorted(watch.awaited)
                self.arrived |= bool(len(frame)) and watch.has_arrived
        return all(complete)

    def _delivered(self, timeframe: str, pair: str, since: int) -> pd.DataFrame:
        """The candles that the exchange has from a date on, seconds since 1970."""
        try:
            # Unlike the candles that the bot refreshes, these are not filled.
            return delivered_candles(
                self._provider._exchange,
                pair,
                timeframe,
                since_ms=since * 1000,
                candle_type=self._candle_type,
            )
        except FreqtradeException:
            # No answer, or an exchange that keeps no history.
            return pd.DataFrame()

    def _renew(self, timeframe: str, pair: str) -> None:
        # As freqtrade itself does after a jump in time: the next refresh starts from nothing.
        key = (pair, timeframe, self._candle_type)
        self._provider._exchange._klines.pop(key, None)


class CandleWatch:
    """Remembers, pair by pair, which candles the exchange left out.

    Args:
        delivered: pair and seconds since 1970 to the M candles that the exchange delivers from
            then on; empty when it does not answer.
        renew: makes freqtrade load all of a pair's candles again for the next candle.
    """

    def __init__(
        self, delivered: Callable[[str, int], pd.DataFrame], renew: Callable[[str], None]
    ) -> None:
        self._delivered = delivered
        self._renew = renew
        self._missing: dict[str, set[int]] = {}
        self._silent: dict[str, set[int]] = {}
        self._seen_until: dict[str, int] = {}
        #: Dates that the newest look waited for, seconds since 1970.
        self.awaited: set[int] = set()
        #: Whether one that was waited for had arrived at the newest look.
        self.has_arrived = False

    def is_complete(self, pair: str, candles: pd.DataFrame) -> bool:
        """Whether the newest of N candles, filled by freqtrade, are final.

        False while one of the newest `PATIENCE` candles is missing, and for the one candle at which
        a missing one has arrived.
        """
        flat = flat_candles(candles)
        seconds = utc_seconds(candles["date"])
        arrived = self._arrived(pair, seconds[~flat])
        newest = seconds >= seconds[-PATIENCE:][0]
        unseen = seconds > self._seen_until.get(pair, 0)
        suspects = set(seconds[flat & (newest | unseen)].tolist())
        missing, just_now = self._confirm(pair, suspects)
        arrived |= just_now
        awaited = missing.intersection(seconds[newest].tolist())
        self.awaited, self.has_arrived = awaited, bool(arrived)
        if awaited:
            logger.warning("%s: the exchange has left out %s; waiting", pair, _named(awaited))
        if arrived:
            logger.info("%s: %s arrived late; loading its candles again", pair, _named(arrived))
            self._renew(pair)
        self._seen_until[pair] = int(seconds[-1])
        first = int(seconds[0])
        for known in (self._missing, self._silent):
            known[pair] = {date for date in known.get(pair, set()) if date >= first}
        return not awaited and not arrived

    def _arrived(self, pair: str, traded: NDArray[np.int64]) -> set[int]:
        """Missing candles that hold trades now; they are removed from the missing ones."""
        missing = self._missing.get(pair, set())
        arrived = missing.intersection(traded.tolist()) if missing else set()
        missing -= arrived
        return arrived

    def _confirm(self, pair: str, suspects: set[int]) -> tuple[set[int], set[int]]:
        """Those of the flat candles that the exchange has not delivered, or only now.

        A candle may come between the load of the bot's candles and this question: then it holds
        trades, and the bot's own is a filled one.
        """
        silent, known = (of.setdefault(pair, set()) for of in (self._silent, self._missing))
        unknown = suspects - silent
        if not unknown:
            return set(), set()
        candles = self._delivered(pair, min(unknown))
        dates, quiet = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_)
        if len(candles):
            dates, quiet = utc_seconds(candles["date"]), flat_candles(candles)
        delivered = set(dates.tolist())
        just_now = unknown.intersection(dates[~quiet].tolist())
        silent |= unknown & delivered - just_now
        missing = unknown - delivered
        known -= delivered
        known |= missing
        return missing, just_now


def _named(dates: set[int]) -> str:
    moments = [f"{pd.Timestamp(date, unit='s'):%H:%M}" for date in sorted(dates)]
    return f"the candle{'s' if len(moments) > 1 else ''} of {', '.join(moments)}"
