"""Days of a period without funding, though an exchange pays it in steps."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.data.candles.timerange import DAY_SECONDS

#: Seconds between two payments where nothing tells, and the least that freqtrade's files can hold.
_USUAL: Final = 8 * 3600
_LEAST: Final = 3600
#: Steps between payments around one, whose median is the usual step: exchanges change it.
_AROUND: Final = 11
#: Payments that are looked at before and after a period (seconds).
_BESIDE: Final = 10 * DAY_SECONDS
#: No market is that old (seconds); dates of damaged files are.
_LONGEST: Final = 100 * 366 * DAY_SECONDS
#: Stretches of days in a message.
_NAMED: Final = 3


def missing_payments(
    rates: NDArray[np.int64], paid: NDArray[np.int64], first: int, last: int
) -> NDArray[np.int64]:
    """Times in a period at which a payment is missing, all in seconds since 1970, ascending.

    Payments come in equal steps, which an exchange may change; a longer one has holes.

    Args:
        rates: (M,) times of known and unknown rates.
        paid: (K,) those that are paid.
        first: of the period.
        last: of the period, included.

    Example:
        >>> hours = np.array([0, 8, 16, 40, 48]) * 3600
        >>> (missing_payments(hours, hours[:4], 3600, 60 * 3600) // 3600).tolist()
        [24, 32, 48, 56]
    """
    if last - first > _LONGEST:
        return np.empty(0, np.int64)
    rates = np.unique(rates[(rates >= first - _BESIDE) & (rates <= last + _BESIDE)])
    if not len(rates):
        return np.arange(-(-first // _USUAL) * _USUAL, last + 1, _USUAL)
    steps = np.diff(rates)
    usual = np.full(1, _USUAL)
    if len(steps):
        around = pd.Series(steps).rolling(_AROUND, center=True, min_periods=1)
        median = around.quantile(0.5, interpolation="lower").to_numpy()
        usual = np.maximum(median, _LEAST).astype(np.int64)
    before = np.arange(rates[0] - usual[0], first - 1, -usual[0])
    after = np.arange(rates[-1] + usual[-1], last + 1, usual[-1])
    holes = [
        rates[hole] + usual[hole] * np.arange(1, round(steps[hole] / usual[hole]))
        for hole in np.flatnonzero(steps > 1.5 * usual[: len(steps)])
    ]
    missing = np.unique(np.concatenate([before, *holes, after, np.setdiff1d(rates, paid)]))
    return np.asarray(missing[(missing >= first) & (missing <= last)], dtype=np.int64)


def missing_text(missing: NDArray[np.int64], folder: Path) -> str:
    """The sentence about missing payments, at least one, with their days."""
    days = np.unique(missing // DAY_SECONDS)
    stretches = np.split(days, np.flatnonzero(np.diff(days) > 1) + 1)
    named = [_dates(int(days[0]), int(days[-1])) for days in stretches[:_NAMED]]
    if len(stretches) > _NAMED:
        named.append(f"{len(stretches) - _NAMED} more stretches up to {_dates(int(days[-1]))}")
    payments = "payments" if len(missing) > 1 else "payment"
    return (
        f"{len(missing):,} funding {payments} of {', '.join(named)} UTC cannot be found in {folder}"
        "; download funding rates and mark prices of these days with `freqtrade download-data`"
    )


def _dates(first: int, last: int | None = None) -> str:
    names = [str(np.datetime64(day, "D")) for day in (first, first if last is None else last)]
    return names[0] if names[0] == names[1] else " to ".join(names)
