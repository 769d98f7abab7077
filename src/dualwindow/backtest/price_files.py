"""Prices of a date range from freqtrade's candle files, with the funding beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from dualwindow.backtest.funding_files import read_funding
from dualwindow.backtest.prices import TradeCandles
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.candles.reader import CandleFile
from dualwindow.data.candles.sources import CandleSource

#: Candles read at a time.
_ROWS: Final = 65_536


def read_trade_candles(
    source: CandleSource, candle_seconds: int = 60, *, funding: bool = True
) -> TradeCandles:
    """Read the candles of a source, missing and impossible ones at the last price.

    Args:
        source: the pair's files, and the date range that is wanted.
        candle_seconds: seconds between two candles.
        funding: false leaves payments out; so do spot, and missing files of them, which is logged.

    Raises:
        DataError: when a file is missing or damaged, the date range has no candle, or a price
            cannot be traded at.
    """
    frame = known_frame(read_candle_frame(source, candle_seconds))
    return with_funding(TradeCandles.from_frame(frame), source, funding=funding)


def read_candle_frame(source: CandleSource, candle_seconds: int = 60) -> pd.DataFrame:
    """Read the same candles as freqtrade's frame: date, prices and volume.

    Raises:
        DataError: when a file is missing or damaged, or the date range has no candle.
    """
    file = CandleFile(source.paths, candle_seconds, source.timerange)
    batches = list(file.batches(lambda: _ROWS))
    columns = {
        name: np.concatenate([batch[name] for batch in batches]) for name in batches[0].columns
    }
    seconds = np.concatenate([batch.seconds for batch in batches])
    return pd.DataFrame({"date": pd.to_datetime(seconds, unit="s", utc=True), **columns})


def with_funding(
    candles: TradeCandles, source: CandleSource, *, funding: bool = True
) -> TradeCandles:
    """Candles of a source with its funding, as in `read_trade_candles`."""
    if not funding or ":" not in source.pair:
        return candles
    return replace(candles, funding=read_funding(source, candles))
