"""Intervals from a bootstrap over whole days, because trades of one day move together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Ends of a 95 % interval.
_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval.

    Attributes:
        value: as measured.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


def day_mean(
    values: NDArray[np.float64], days: NDArray[np.int64], *, draws: int, seed: int
) -> Interval:
    """Mean of values with an interval from days drawn with replacement.

    Args:
        values: (T,) one a trade, T at least 1.
        days: (T,) the day each belongs to.
        draws: bootstrap samples.
        seed: of the bootstrap.
    """
    names, index = np.unique(days, return_inverse=True)
    totals, counts = np.bincount(index, weights=values), np.bincount(index)
    picks = np.random.default_rng(seed).integers(0, len(names), size=(draws, len(names)))
    means = totals[picks].sum(axis=1) / counts[picks].sum(axis=1)
    low, high = np.quantile(means, _QUANTILES)
    return Interval(float(values.mean()), float(low), float(high))


def day_total(
    values: NDArray[np.float64],
    days: NDArray[np.int64],
    calendar: tuple[int, int],
    *,
    draws: int,
    seed: int,
) -> Interval:
    """Sum of values with an interval from days drawn with replacement, idle days included.

    Args:
        values: (T,) one a trade.
        days: (T,) the day each belongs to.
        calendar: first and last day on which there could have been trades.
        draws: bootstrap samples.
        seed: of the bootstrap.
    """
    first, last = calendar
    totals = np.bincount(days - first, weights=values, minlength=last - first + 1)
    picks = np.random.default_rng(seed).integers(0, len(totals), size=(draws, len(totals)))
    low, high = np.quantile(totals[picks].sum(axis=1), _QUANTILES)
    return Interval(float(values.sum()), float(low), float(high))
