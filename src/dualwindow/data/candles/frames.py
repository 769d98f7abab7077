"""Rows of a frame of candles: their dates in seconds, and whether a candle is flat."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def utc_seconds(dates: pd.Series) -> NDArray[np.int64]:
    """Candle dates as (N,) int64 seconds since 1970, whatever unit or dtype they come in."""
    utc = pd.to_datetime(dates, utc=True).dt.as_unit("s")
    seconds: NDArray[np.int64] = utc.to_numpy("datetime64[s]").astype(np.int64)
    return seconds


def flat_candles(candles: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) true where a candle has no volume and one price: how freqtrade fills an outage."""
    price = candles["close"].to_numpy(np.float64)
    flat = candles["volume"].to_numpy(np.float64) == 0.0
    for column in ("open", "high", "low"):
        flat &= candles[column].to_numpy(np.float64) == price
    return np.asarray(flat)
