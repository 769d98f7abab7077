"""Rows of a frame of candles: their dates in seconds, and whether a candle is flat."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.errors import DataError


class Candles(Protocol):
    """Candle columns by name: a DataFrame, a batch, or a dictionary of arrays."""

    def __getitem__(self, column: str, /) -> Any:
        """The values of one column."""


def utc_seconds(dates: pd.Series) -> NDArray[np.int64]:
    """Candle dates as (N,) int64 seconds since 1970, whatever unit or dtype they come in."""
    utc = pd.to_datetime(dates, utc=True).dt.as_unit("s")
    seconds: NDArray[np.int64] = utc.to_numpy("datetime64[s]").astype(np.int64)
    return seconds


def require_order(seconds: NDArray[np.int64], name: str) -> None:
    """Refuse (N,) dates, seconds since 1970, that do not ascend.

    Raises:
        DataError: naming whose candles they are, and the first that is not later than the last.
    """
    wrong = np.flatnonzero(np.diff(seconds) <= 0)
    if len(wrong):
        at = pd.Timestamp(int(seconds[wrong[0] + 1]), unit="s", tz="UTC")
        raise DataError(f"{name}: candles are not in time order, or doubled, at {at}")


def flat_candles(candles: Candles) -> NDArray[np.bool_]:
    """(N,) true where a candle has no volume and one price: how freqtrade fills an outage."""
    price = np.asarray(candles["close"], dtype=np.float64)
    flat = np.asarray(candles["volume"], dtype=np.float64) == 0.0
    for column in ("open", "high", "low"):
        flat &= np.asarray(candles[column], dtype=np.float64) == price
    return np.asarray(flat)
