"""Candles of a running bot's pairs: downloaded, loaded, dropped.

freqtrade downloads for a start those pairs alone that the whitelist holds then, and FreqAI loads
them once: without those of a download that failed, and of an outage longer than an answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.data.converter import clean_ohlcv_dataframe
from freqtrade.data.history import get_datahandler, load_pair_history
from freqtrade.enums import CandleType
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.exchange.exchange import Exchange
from freqtrade.freqai.data_drawer import FreqaiDataDrawer

from dualwindow.bot.candles.delivered import delivered_candles
from dualwindow.errors import DataError, TrainingStoppedError

logger = logging.getLogger(__name__)

#: Requests of one piece of a download: the candle loop waits until a piece is there.
_REQUESTS_AT_ONCE: Final = 10
#: Seconds between two pieces, in which the candle loop gets the connection.
_BETWEEN_PIECES: Final = 0.05


class PairHistories:
    """FreqAI's candles in memory, in step with the pairs that are trained.

    The training thread alone calls this; the candle loop meanwhile appends to what is loaded.
    """

    def __init__(
        self,
        drawer: FreqaiDataDrawer,
        config: Mapping[str, Any],
        exchange: Exchange,
        should_stop: Callable[[], bool],
    ) -> None:
        features = config["freqai"]["feature_parameters"]
        self._drawer = drawer
        self._exchange = exchange
        self._should_stop = should_stop
        self._timeframes: list[str] = features["include_timeframes"]
        self._correlated: list[str] = features.get("include_corr_pairlist", [])
        self._datadir = Path(config["datadir"])
        self._format: str = config.get("dataformat_ohlcv", "feather")
        self._type = CandleType(config.get("candle_type_def", CandleType.SPOT))

    def is_loaded(self, pair: str) -> bool:
        """Whether candles of every timeframe are in memory, without a hole that is known."""
        frames = self._drawer.historic_data.get(pair, {})
        found = all(len(frames.get(timeframe, ())) for timeframe in self._timeframes)
        return found and pair not in self._drawer.incomplete

    def incomplete(self) -> list[str]:
        """Pairs with a hole, also those whose candles only the features of others need."""
        return sorted(self._drawer.incomplete)

    def load(self, pair: str, needed: TimeRange) -> None:
        """Download what the disk lacks, and bring a pair's candles into memory.

        Raises:
            DataError: when there is no candle of a timeframe.
            TrainingStoppedError: when the bot stops meanwhile; what came is on the disk.
            freqtrade's errors: when the exchange does not answer.
        """
        frames = {}
        for timeframe in self._timeframes:
            self._download(pair, timeframe, needed)
            frames[timeframe] = load_pair_history(
                pair,
                timeframe,
                self._datadir,
                timerange=needed,
                data_format=self._format,
                candle_type=self._type,
            )
            if frames[timeframe].empty:
                raise DataError(f"the exchange has no {timeframe} candles of the pair")
        with self._drawer.history_lock:
            self._drawer.historic_data[pair] = frames
            self._drawer.incomplete.discard(pair)
        logger.info("%s: its candles are loaded", pair)

    def keep(self, pairs: Collection[str]) -> None:
        """Drop the candles of all other pairs: in memory they would get holes."""
        with self._drawer.history_lock:
            held = self._drawer.historic_data
            for pair in held.keys() - {*pairs, *self._correlated}:
                del held[pair]
                self._drawer.incomplete.discard(pair)

    def _download(self, pair: str, timeframe: str, needed: TimeRange) -> None:
        """Append to a pair's file, piece by piece: freqtrade would keep the candle loop waiting."""
        handler = get_datahandler(self._datadir, self._format)
        held = handler.ohlcv_load(
            pair,
            timeframe,
            self._type,
            fill_missing=False,
            drop_incomplete=True,
            warn_no_data=False,
        )
        seconds = timeframe_to_seconds(timeframe)
        first = needed.startts if held.empty else int(held["date"].iloc[-1].timestamp())
        limit = self._exchange.ohlcv_candle_limit(timeframe, self._type)
        step = _REQUESTS_AT_ONCE * limit * seconds
        parts = [] if held.empty else [held]
        # Pieces overlap, because freqtrade drops the last candle of every answer. One that has not
        # closed yet is not worth a request.
        for since in range(first, needed.stopts - seconds, step - 2 * seconds):
            if self._should_stop():
                break
            parts.append(
                delivered_candles(
                    self._exchange,
                    pair,
                    timeframe,
                    since_ms=since * 1000,
                    candle_type=self._type,
                    is_new_pair=held.empty,
                    until_ms=min(since + step, needed.stopts) * 1000,
                )
            )
            time.sleep(_BETWEEN_PIECES)
        new = [part for part in parts if not part.empty]
        if new:
            handler.ohlcv_store(
                pair, timeframe, data=self._joined(new, pair, timeframe), candle_type=self._type
            )
        if self._should_stop():
            raise TrainingStoppedError("the bot was stopped while candles were downloaded")

    def _joined(self, parts: list[pd.DataFrame], pair: str, timeframe: str) -> pd.DataFrame:
        """Candles in time order; of one that came twice, the newer answer."""
        return clean_ohlcv_dataframe(
            pd.concat(parts, ignore_index=True),
            timeframe,
            pair,
            fill_missing=False,
            drop_incomplete=False,
            candle_type=self._type,
        )
