"""Candles that no market can have made, planted into good ones, and a slow rule to find them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from tests.makers.markets import PRICES

#: Changes that make one candle impossible, by what is wrong with it.
IMPOSSIBLE: dict[str, Callable[[dict[str, float]], dict[str, float]]] = {
    "prices of -5": lambda _candle: dict.fromkeys(PRICES, -5.0),
    "prices of 0": lambda _candle: dict.fromkeys(PRICES, 0.0),
    "a low of 0": lambda _candle: {"low": 0.0},
    "a negative low": lambda candle: {"low": -candle["low"]},
    "a negative close": lambda candle: {"close": -candle["close"]},
    "an infinite high": lambda _candle: {"high": math.inf},
    "infinite prices": lambda _candle: dict.fromkeys(PRICES, math.inf),
    "a close of minus infinity": lambda _candle: {"close": -math.inf},
    "unknown prices": lambda _candle: dict.fromkeys(PRICES, math.nan),
    "high below low": lambda candle: {"high": candle["low"] * 0.9},
    "close above high": lambda candle: {"close": candle["high"] * 1.05},
    "open below low": lambda candle: {"open": candle["low"] * 0.95},
    "a negative volume": lambda _candle: {"volume": -1.0},
    "prices of 1e301": lambda _candle: dict.fromkeys(PRICES, 1e301),
    "a low of 1e-300": lambda _candle: {"low": 1e-300},
    "a volume of 1e200": lambda _candle: {"volume": 1e200},
    "an infinite volume": lambda _candle: {"volume": math.inf},
}


def planted(candles: pd.DataFrame, kinds: Mapping[int, str]) -> pd.DataFrame:
    """A copy whose candles at the given rows are impossible in the given way."""
    changed = candles.copy()
    for row, kind in kinds.items():
        before = {str(name): changed[name].iloc[row] for name in (*PRICES, "volume")}
        for name, value in IMPOSSIBLE[kind](before).items():
            changed.loc[changed.index[row], name] = value
    return changed


def as_missing(candles: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    """A copy whose given rows look as freqtrade fills missing candles: last price, no volume."""
    changed = candles.copy()
    for row in sorted(rows):
        price = changed["close"].iloc[row - 1] if row else np.nan
        changed.loc[changed.index[row], PRICES] = price
        changed.loc[changed.index[row], "volume"] = price * 0.0
    return changed


def slow_impossible(candles: pd.DataFrame) -> list[bool]:
    """Which candles of a frame are impossible."""

    def bad(candle: dict[str, float]) -> bool:
        prices = [candle[name] for name in PRICES if name in candle]
        if not all(1e-18 <= price <= 1e15 for price in prices):
            return True
        volume = candle["volume"]
        if not 0 <= volume <= 1e30 or candle["high"] < candle["low"]:
            return True
        ends = [candle[name] for name in ("open", "close") if name in candle]
        return any(p > candle["high"] * 1.001 or p < candle["low"] * 0.999 for p in ends)

    return [bad(candle) for candle in candles.to_dict("records")]
