"""The candles that trades are made on: prices, price steps and funding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.errors import DataError
from dualwindow.funding import Funding
from dualwindow.ticks import tick_sizes

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class TradeCandles:
    """N candles that follow one another without a gap, as freqtrade hands them over.

    Attributes:
        seconds: (N,) int64 dates in seconds since 1970.
        open: (N,) float64, each within low and high.
        high: (N,) float64.
        low: (N,) float64.
        tick: (N,) float64 price steps, 0 where prices are not rounded.
        funding: what a future pays and receives, None on spot.
    """

    seconds: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    tick: NDArray[np.float64]
    funding: Funding | None = None

    @classmethod
    def of(
        cls, candles: pd.DataFrame, *, funding: Funding | None = None, rounded: bool = True
    ) -> TradeCandles:
        """Take them from a frame with freqtrade's candle columns.

        Args:
            candles: N rows in time order, missing minutes filled as freqtrade fills them.
            funding: of the pair.
            rounded: false leaves prices as they come, for markets without a step.

        Raises:
            DataError: when a price is missing, not finite or not above 0.
        """
        table = np.ascontiguousarray(candles[list(_PRICES)].to_numpy(np.float64).T)
        bad = ~(np.isfinite(table) & (table > 0.0)).all(axis=0)
        if bad.any():
            date = candles["date"].iloc[int(bad.argmax())]
            raise DataError(
                f"{np.count_nonzero(bad)} candles have no usable price, the first at {date}; "
                "leave them out and fill the gap as freqtrade does (flat candles without volume)"
            )
        seconds = utc_seconds(candles["date"])
        tick = tick_sizes(table.T, seconds) if rounded else np.zeros(len(seconds))
        return cls(seconds, table[0], table[1], table[2], tick, funding)

    def __len__(self) -> int:
        return len(self.open)
