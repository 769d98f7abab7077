"""Candles that the exchange delivers when it is asked for them."""

from __future__ import annotations

from typing import Any

import pandas as pd
from freqtrade.exceptions import TemporaryError
from freqtrade.exchange.exchange import Exchange


def delivered_candles(exchange: Exchange, pair: str, timeframe: str, **wanted: Any) -> pd.DataFrame:
    """Candles of a pair, not filled; `wanted` are arguments of freqtrade's `get_historic_ohlcv`.

    freqtrade's own reading of an answer ends in pandas' errors where it holds what no market has
    made, such as a date of the year 554,359.

    Raises:
        freqtrade's errors: when the exchange does not answer, or with what cannot be read.
    """
    try:
        candles: pd.DataFrame = exchange.get_historic_ohlcv(pair, timeframe, **wanted)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise TemporaryError(
            f"the exchange's answer with {timeframe} candles of {pair} cannot be read ({error})"
        ) from error
    return candles
