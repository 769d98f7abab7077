"""Candles written as freqtrade's files, and read back as freqtrade fills them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dualwindow.bot.why.market import RawCandles
from dualwindow.data.candles.pairs import stem_of
from dualwindow.data.candles.sources import find_sources
from dualwindow.settings.timeframes import timeframe_seconds


def write_futures(datadir: Path, pair: str, candles: pd.DataFrame, timeframe: str = "1m") -> Path:
    """Write the candles of a futures pair into an exchange's folder."""
    folder = datadir / "futures"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem_of(pair)}-{timeframe}-futures.feather"
    candles.reset_index(drop=True).to_feather(path)
    return path


def read_futures(datadir: Path, pair: str, timeframe: str = "1m") -> RawCandles:
    """Read them as `why` does."""
    (source,) = find_sources([pair], datadir, trading_mode="futures", timeframe=timeframe)
    return RawCandles.read(source, timeframe_seconds(timeframe))
