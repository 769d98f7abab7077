"""Funding of perpetual futures: what longs pay to shorts, or shorts to longs, every few hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.frames import utc_seconds


@dataclass(frozen=True)
class Funding:
    """Funding payments of a pair.

    Attributes:
        seconds: (M,) int64 times in seconds since 1970, ascending.
        per_unit: (M,) what a long of one coin pays then (rate times mark price, in the stake
            currency); negative where it receives.
    """

    seconds: NDArray[np.int64]
    per_unit: NDArray[np.float64]

    @classmethod
    def of(cls, rates: pd.DataFrame, marks: pd.DataFrame) -> Funding:
        """Join freqtrade's two files, as freqtrade does: only times that both know count.

        Args:
            rates: `date` and `funding_rate`, or `open` as older files call it.
            marks: `date` and `open`, the mark price.
        """
        column = "funding_rate" if "funding_rate" in rates else "open"
        rate = pd.Series(rates[column].to_numpy(np.float64), utc_seconds(rates["date"]))
        mark = pd.Series(marks["open"].to_numpy(np.float64), utc_seconds(marks["date"]))
        paid = (rate * mark).dropna().sort_index()
        return cls(paid.index.to_numpy(np.int64), paid.to_numpy(np.float64))

    def paid(self, entered: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.float64]:
        """What longs of one coin pay between two times, both included as in freqtrade's backtest.

        Args:
            entered: (T,) seconds since 1970 at which positions were entered.
            left: (T,) the same for exits, the open of the candle in which they ended.

        Returns:
            (T,) in the stake currency.
        """
        sums = np.concatenate([[0.0], np.cumsum(self.per_unit)])
        first = np.searchsorted(self.seconds, entered, "left")
        end = np.searchsorted(self.seconds, left, "right")
        return np.asarray(sums[end] - sums[first])
