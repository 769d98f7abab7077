"""Impossible candles: which they are, and what stands in their place.

An impossible candle is unknown: no window holds it, no label reaches over it. What looks further
back, such as a moving average, takes it as freqtrade takes a missing candle: the last price, no
volume. A change from it to the next candle is unknown, so the row after it is unknown too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.frames import Candles

#: How far an open or close may lie beyond high or low (fraction): some exchanges round them apart.
ROUNDING: Final = 1e-3
#: A price that changes by this factor within one candle is possible, but worth a warning.
HUGE_MOVE: Final = 3.0

#: Prices and volumes of markets lie far inside these bounds, and sums of their squares are finite.
PRICES: Final = (1e-18, 1e15)
LARGEST_VOLUME: Final = 1e30

_PRICES: Final = ("open", "high", "low", "close")
_VALUES: Final = (*_PRICES, "volume")


def impossible_candles(candles: Candles) -> NDArray[np.bool_]:
    """Candles that no market can have made.

    A price that is NaN or not within `PRICES`, a high below the low, an open or close outside them
    by more than `ROUNDING`, a volume that is NaN, negative or above `LARGEST_VOLUME`. Columns that
    are not there are not looked at.

    Returns:
        (N,) bool.

    Example:
        >>> prices = {name: [5.0, -5.0, 5.0] for name in ("open", "low", "close")}
        >>> impossible_candles(prices | {"high": [6.0, -5.0, 4.0], "volume": [0.0, 1.0, 1.0]})
        array([False,  True,  True])
    """
    columns = _columns(candles)
    possible = np.ones(len(next(iter(columns.values()))), dtype=np.bool_)
    for name, values in columns.items():
        least, most = (0.0, LARGEST_VOLUME) if name == "volume" else PRICES
        possible &= (values >= least) & (values <= most)
    if "high" in columns and "low" in columns:
        possible &= columns["high"] >= columns["low"]
    with np.errstate(over="ignore"):
        for name in ("open", "close"):
            if name in columns and "high" in columns:
                possible &= columns[name] <= columns["high"] * (1.0 + ROUNDING)
            if name in columns and "low" in columns:
                possible &= columns[name] >= columns["low"] * (1.0 - ROUNDING)
    return ~possible


def huge_moves(candles: Candles) -> NDArray[np.bool_]:
    """(N,) true where a possible candle goes beyond `HUGE_MOVE` times the last close, or a part.

    Example:
        >>> close = np.array([5.0, 5000.0, 5.0, 5.1])
        >>> huge_moves(dict.fromkeys(("open", "high", "low", "close"), close)).tolist()
        [False, True, True, False]
    """
    known, _ = KnownCandles().update(candles)
    close = np.asarray(known["close"], dtype=np.float64)
    before = np.concatenate([close[:1], close[:-1]])
    with np.errstate(invalid="ignore", over="ignore"):
        high, low = (np.asarray(known[name], dtype=np.float64) for name in ("high", "low"))
        moved = (high >= before * HUGE_MOVE) | (low * HUGE_MOVE <= before)
    # After an impossible candle the last price that is known counts.
    moved[impossible_candles(candles)] = False
    return np.asarray(moved)


class KnownCandles:
    """Puts the last known price, without volume, in place of impossible candles, block by block."""

    def __init__(self) -> None:
        self._close = np.nan
        self._after_impossible = False

    def update(self, candles: Candles) -> tuple[Candles, NDArray[np.bool_]]:
        """Take the next N candles.

        Args:
            candles: columns close and volume and any others of freqtrade's, (N,) each, in time
                order.

        Returns:
            The candles, the same object where all are possible; NaN before the first known price.
            And (N,) which rows are unknown: impossible candles and those that follow one.
        """
        impossible = impossible_candles(candles)
        if not len(impossible):
            return candles, impossible
        unknown = impossible | np.concatenate([[self._after_impossible], impossible[:-1]])
        self._after_impossible = bool(impossible[-1])
        known = candles
        if impossible.any():
            columns: dict[str, Any] = {**_filled(_columns(candles), impossible, self._close)}
            with suppress(KeyError):
                columns["date"] = candles["date"]
            known = columns
        self._close = float(np.asarray(known["close"], dtype=np.float64)[-1])
        return known, unknown


def known_frame(candles: pd.DataFrame) -> pd.DataFrame:
    """The frame, itself where all candles are possible, with the last price in place of others."""
    impossible = impossible_candles(candles)
    if not impossible.any():
        return candles
    return candles.assign(**_filled(_columns(candles), impossible, np.nan))


def _filled(
    columns: dict[str, NDArray[np.float64]], impossible: NDArray[np.bool_], close: float
) -> dict[str, NDArray[np.float64]]:
    """Columns whose impossible candles have the last known close, at first the given one."""
    last = np.maximum.accumulate(np.where(impossible, -1, np.arange(len(impossible))))
    price = np.where(last < 0, close, columns["close"][last])
    # Before the first known price a volume is as unknown as a price.
    values = {name: price * 0.0 if name == "volume" else price for name in columns}
    return {name: np.where(impossible, values[name], columns[name]) for name in columns}


def _columns(candles: Candles) -> dict[str, NDArray[np.float64]]:
    columns = {}
    for name in _VALUES:
        with suppress(KeyError):
            columns[name] = np.asarray(candles[name], dtype=np.float64)
    return columns
