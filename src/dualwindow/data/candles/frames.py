"""Rows of a frame of candles: their dates in seconds, and whether a candle is flat."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Candles(Protocol):
    """Candle columns by name: a DataFrame, a batch, or a dictionary of arrays."""

    def __getitem__(self, column: str, /) -> Any:
        """The values of one column."""


def utc_seconds(dates: pd.Series) -> NDArray[np.int64]:
    """Candle dates as (N,) int64 seconds since 1970, whatever unit or dtype they come in."""
    utc = pd.to_datetime(dates, utc=True).dt.as_unit("s")
    seconds: NDArray[np.int64] = utc.to_numpy("datetime64[s]").astype(np.int64)
    return seconds


def flat_candles(candles: Candles) -> NDArray[np.bool_]:
    """(N,) true where a candle has no volume and one price: how freqtrade fills an outage."""
    price = np.asarray(candles["close"], dtype=np.float64)
    flat = np.asarray(candles["volume"], dtype=np.float64) == 0.0
    for column in ("open", "high", "low"):
        flat &= np.asarray(candles[column], dtype=np.float64) == price
    return np.asarray(flat)
