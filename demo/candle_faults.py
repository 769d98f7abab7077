"""Candles that are missing, late or doubled."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from demo.faults import CandleFault, DoubleFault, LateFault
from demo.intervals import Series


def withhold(candles: Series, faults: Iterable[CandleFault]) -> Series:
    """Leave out the candles that late and missing faults withhold.

    Args:
        candles: all that have opened so far.
        faults: those that are active now.

    """
    kept = np.ones(len(candles), dtype=np.bool_)
    for fault in faults:
        if not isinstance(fault, DoubleFault):
            kept &= ~_withheld(candles.open_time, fault)
    return Series(candles.open_time[kept], candles.ohlcv[kept])


def repeat(candles: Series, faults: Iterable[CandleFault]) -> Series:
    """Double the candles of double faults, one after the other.

    Args:
        candles: those of one response.
        faults: those that are active now.

    """
    times = np.ones(len(candles), dtype=np.int64)
    for fault in faults:
        if isinstance(fault, DoubleFault):
            times[np.isin(candles.open_time, fault.open_times)] = 2
    return Series(np.repeat(candles.open_time, times), np.repeat(candles.ohlcv, times, axis=0))


def _withheld(open_time: NDArray[np.int64], fault: CandleFault) -> NDArray[np.bool_]:
    if isinstance(fault, LateFault) and fault.newest:
        return open_time >= min(fault.open_times)
    return np.isin(open_time, fault.open_times)
