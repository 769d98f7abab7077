"""Whether the newest candle of a live pair may be traded upon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import CandleType
from freqtrade.exceptions import FreqtradeException
from numpy.typing import NDArray

from dualwindow.candle_watch import CandleWatch
from dualwindow.data.candles.frames import utc_seconds


class NewestCandle:
    """Judges the newest candle of each pair, once a candle.

    Args:
        provider: of the running bot's candles.
        config: freqtrade's configuration.
    """

    def __init__(self, provider: DataProvider, config: Mapping[str, Any]) -> None:
        self._provider = provider
        self._timeframe: str = config["timeframe"]
        self._candle_type = CandleType(config.get("candle_type_def", CandleType.SPOT))
        features = config["freqai"]["feature_parameters"]
        self._correlated: list[str] = features.get("include_corr_pairlist", [])
        self._watch = CandleWatch(self._delivered, self._renew)
        self._seen: set[str] = set()

    def is_first(self, pair: str) -> bool:
        """Whether this is the pair's first candle since the bot was started; true only once."""
        first = pair not in self._seen
        self._seen.add(pair)
        return first

    def is_complete(self, pair: str, candles: pd.DataFrame) -> bool:
        """Whether no candle that the features need is late.

        Args:
            pair: the base pair.
            candles: N rows with freqtrade's candle columns, in time order.
        """
        frames = {pair: candles}
        for other in self._correlated:
            frames.setdefault(other, self._provider.get_pair_dataframe(other, self._timeframe))
        # Every pair is looked at, also when one is late: each look is remembered.
        complete = {
            name: self._watch.is_complete(name, frame)
            for name, frame in frames.items()
            if len(frame)
        }
        return all(complete.values())

    def _delivered(self, pair: str, since: int) -> NDArray[np.int64]:
        """Dates of the candles that the exchange has, seconds since 1970."""
        exchange = self._provider._exchange
        try:
            # Unlike the candles that the bot refreshes, these are not filled.
            candles = exchange.get_historic_ohlcv(
                pair, self._timeframe, since_ms=since * 1000, candle_type=self._candle_type
            )
        except FreqtradeException:
            # No answer, or an exchange that keeps no history.
            return np.empty(0, dtype=np.int64)
        return utc_seconds(candles["date"]) if len(candles) else np.empty(0, dtype=np.int64)

    def _renew(self, pair: str) -> None:
        # What freqtrade does itself after a jump in time: the next refresh begins from nothing.
        key = (pair, self._timeframe, self._candle_type)
        self._provider._exchange._klines.pop(key, None)
