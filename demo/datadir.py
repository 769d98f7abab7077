"""Candles in freqtrade's data folder: file names, writing and reading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from demo.funding import funding_rates

FUTURES_FOLDER: Final = "futures"
#: freqtrade looks for funding rates and mark prices under this timeframe.
FUTURES_TIMEFRAME: Final = "1h"
SPOT_FILE: Final = re.compile(r"^([^-_]+)_([^-_]+)-1m\.feather$")
FUTURES_FILE: Final = re.compile(r"^([^-_]+)_([^-_]+)_([^-_]+)-1m-futures\.feather$")
#: File in a data folder that marks its candles as synthetic.
SYNTHETIC_NOTE: Final = "SYNTHETIC.txt"


def write_candles(datadir: Path, pair: str, candles: pd.DataFrame) -> Path:
    """Write synthetic 1-minute candles where freqtrade looks for them, and a note that marks them.

    Args:
        datadir: the exchange's folder, such as user_data/data/binance.
        pair: BTC/USDT is written as spot, BTC/USDT:USDT as futures with its funding rates and mark
            prices, without which a futures backtest runs without funding.
        candles: date, open, high, low, close, volume.

    Returns:
        The file with the candles.

    """
    datadir.mkdir(parents=True, exist_ok=True)
    note = "The candles in this folder are synthetic: these prices were never traded.\n"
    (datadir / SYNTHETIC_NOTE).write_text(note, encoding="utf-8")
    if ":" not in pair:
        return _write(datadir, f"{_stem(pair)}-1m.feather", candles)
    folder = datadir / FUTURES_FOLDER
    extra = f"{_stem(pair)}-{FUTURES_TIMEFRAME}"
    _write(folder, f"{extra}-funding_rate.feather", funding_rates(candles))
    _write(folder, f"{extra}-mark.feather", mark_prices(candles))
    return _write(folder, f"{_stem(pair)}-1m-futures.feather", candles)


def mark_prices(candles: pd.DataFrame) -> pd.DataFrame:
    """Hourly mark prices, equal to the traded prices, as candles with volume 0."""
    rules = {"open": "first", "high": "max", "low": "min", "close": "last"}
    hourly = candles.set_index("date").resample(FUTURES_TIMEFRAME).agg(rules).dropna().reset_index()
    hourly["date"] = hourly["date"].dt.as_unit("ms")
    return hourly.assign(volume=0.0)


def candle_files(datadir: Path) -> Iterator[tuple[str, Path]]:
    """Pairs with 1-minute candles in a data folder and their files, spot first."""
    for folder, pattern in ((datadir, SPOT_FILE), (datadir / FUTURES_FOLDER, FUTURES_FILE)):
        for path in sorted(folder.glob("*.feather")):
            if match := pattern.match(path.name):
                base, quote, *settle = match.groups()
                yield ":".join([f"{base}/{quote}", *settle]), path


def read_funding(datadir: Path, pair: str) -> pd.DataFrame | None:
    """Read a contract's funding rates: date and funding_rate, or None without a file."""
    name = f"{_stem(pair)}-{FUTURES_TIMEFRAME}-funding_rate.feather"
    path = datadir / FUTURES_FOLDER / name
    if not path.exists():
        return None
    rates = pd.read_feather(path)
    # freqtrade used to store the rate as the open of a candle.
    column = "funding_rate" if "funding_rate" in rates else "open"
    return rates[["date", column]].rename(columns={column: "funding_rate"})


def _stem(pair: str) -> str:
    return pair.replace("/", "_").replace(":", "_")


def _write(folder: Path, name: str, frame: pd.DataFrame) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    frame.to_feather(path, compression="lz4")
    return path
