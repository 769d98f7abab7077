"""freqtrade's own reading of an exchange's answers, without a network below it."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import Any, Final

import pandas as pd
from freqtrade.data.converter import ohlcv_to_dataframe
from freqtrade.enums import CandleType
from freqtrade.exceptions import DDosProtection, ExchangeError, OperationalException, TemporaryError
from freqtrade.exchange import date_minus_candles
from freqtrade.exchange.exchange import Exchange
from freqtrade.util import dt_ts

from tests.lives.market import BEGIN, HOUR, Market

TIMEFRAME: Final = "1h"
#: Candles of an answer.
LIMIT: Final = 60
_FAILS: Final = {
    "temporary": TemporaryError("the exchange does not answer"),
    "ddos": DDosProtection("too many requests"),
    "exchange": ExchangeError("the exchange does not have it"),
    "permanent": OperationalException("the exchange refuses"),
}


class LivedExchange(Exchange):  # type: ignore[misc]
    """Answers from a market at an hour; what it does with answers is freqtrade's."""

    def __init__(self, config: dict[str, Any], market: Market) -> None:
        # Not freqtrade's, which opens connections.
        self._config = config
        self._market = market
        self._klines: dict[Any, Any] = {}
        self._pairs_last_refresh_time: dict[Any, int] = {}
        self._pairs_last_poll_time: dict[Any, int] = {}
        self._loop_lock = Lock()
        self._ohlcv_partial_candle = True
        self._ohlcv_late_candle_grace_ms = 10_000
        self._ohlcv_max_poll_interval_ms = 600_000
        self._startup_candle_count = 0
        self.hour = 0
        #: Kinds of failures of the answers to come, those with older candles alone, and candles of
        #: the future in them, by pair.
        self.fails: deque[str] = deque()
        self.silent: deque[str] = deque()
        self.ahead: dict[str, deque[int]] = {}

    def __del__(self) -> None:
        """Nothing is open."""

    def ohlcv_candle_limit(self, *_about: Any, **_named: Any) -> int:
        return LIMIT

    @property
    def precisionMode(self) -> int:  # noqa: N802 - ccxt's name
        return 4

    precision_mode_price = 4

    def get_precision_price(self, _pair: str) -> float | None:
        return None

    @property
    def markets(self) -> dict[str, Any]:
        return {pair: {"active": True} for pair in self._market.listed}

    def _asked(
        self, pair: str, first: int, failures: deque[str] | None = None
    ) -> list[list[float]]:
        failures = failures or self.fails
        kind = failures.popleft() if failures else ""
        if kind == "empty":
            return []
        if kind:
            raise _FAILS[kind]
        if pair in self._market.delisted or self._market.listed[pair] > self.hour:
            raise ExchangeError(f"the exchange does not have {pair}")
        ticks = self._market.ticks(pair, first, self.hour)
        if (ahead := self.ahead.get(pair)) and ticks:
            last = ticks[-1]
            ticks.append([last[0] + ahead.popleft() * HOUR * 1000, *last[1:5], 3.0])
        return ticks

    def get_historic_ohlcv(
        self, pair: str, timeframe: str, since_ms: int, candle_type: CandleType, **more: Any
    ) -> pd.DataFrame:
        first = max((since_ms // 1000 - BEGIN) // HOUR, 0)
        ticks = self._asked(pair, first, self.silent)
        if (until := more.get("until_ms")) is not None:
            ticks = [tick for tick in ticks if tick[0] <= until]
        return ohlcv_to_dataframe(
            ticks,
            timeframe,
            pair,
            fill_missing=False,
            drop_incomplete=self._drop_incomplete_candle(candle_type),
            candle_type=candle_type,
        )

    def refresh(self, pairs: list[str]) -> None:
        """What freqtrade does once a loop for the pairs of the whitelist, one after the other."""
        for pair in pairs:
            key = (pair, TIMEFRAME, CandleType.FUTURES)
            if key in self._klines and not self._now_is_time_to_refresh(*key):
                continue
            if key in self._klines:
                oldest = dt_ts(date_minus_candles(TIMEFRAME, LIMIT - 5))
                if oldest >= self._pairs_last_refresh_time.get(key, 0):
                    del self._klines[key]
            began = dt_ts()
            try:
                ticks = self._asked(pair, self.hour - LIMIT + 1)
            except (TemporaryError, ExchangeError, OperationalException):
                continue  # freqtrade logs it and goes on
            if ticks:
                self._process_ohlcv_df(*key, ticks, True, True, began)

    def held(self, pair: str) -> pd.DataFrame:
        """The candles that a strategy is handed."""
        return self.klines((pair, TIMEFRAME, CandleType.FUTURES), copy=True)


__all__ = ["LIMIT", "TIMEFRAME", "LivedExchange"]
