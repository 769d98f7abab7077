"""Synthetic funding rates of a futures contract."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

FUNDING_INTERVAL: Final = "8h"
#: Binance's interest rate, which a balanced market pays every 8 hours.
INTEREST_RATE: Final = 0.0001
#: How strongly longs pay after a rise: a fraction of the return of the last 8 hours.
PREMIUM_PER_RETURN: Final = 0.005
HIGHEST_RATE: Final = 0.00075


def funding_rates(candles: pd.DataFrame) -> pd.DataFrame:
    """Rates at 00:00, 08:00 and 16:00 UTC: longs pay more after a rise.

    Args:
        candles: date, open and close of 1-minute candles, at least one.

    Returns:
        date (datetime64[ms, UTC]) and funding_rate (fraction of the position's value), from the
        first of those hours at or after the first candle.

    """
    closes = candles.set_index("date")["close"].resample(FUNDING_INTERVAL).last().ffill()
    # A bin is named after its first minute; its close is known at the end, when it is paid.
    rate = INTEREST_RATE + PREMIUM_PER_RETURN * closes.pct_change().fillna(0.0).shift(1)
    rate = rate.fillna(INTEREST_RATE).clip(-HIGHEST_RATE, HIGHEST_RATE)
    rates = pd.DataFrame(
        {
            "date": pd.DatetimeIndex(rate.index).as_unit("ms"),
            "funding_rate": np.round(rate.to_numpy(np.float64), 8),
        }
    )
    inside = rates["date"] >= candles["date"].iloc[0]
    paid: pd.DataFrame = rates.loc[inside].reset_index(drop=True)
    return paid
