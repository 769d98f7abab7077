"""Block bootstrap over time: how far a figure would move on other days of the same pairs.

Labels of neighbouring candles overlap, and pairs move together, so that rows are far from
independent. Blocks of time are drawn instead, with every row of every pair that lies in them
(Künsch 1989, The jackknife and the bootstrap for general stationary observations). Few blocks give
intervals that are too narrow, which is corrected by Student's t (Hesterberg 2015, What teachers
should know about the bootstrap, section 5.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

#: Fewest blocks that an interval is computed from.
FEWEST_BLOCKS: Final = 5
#: Quantile levels of the ends of a 95 % interval.
CENTRAL_95: Final = (0.025, 0.975)
#: Blocks wanted, where the rows last long enough.
_WANTED_BLOCKS: Final = 20
_DAY: Final = 86_400
#: Counts of drawn blocks held at a time.
_COUNTS_IN_MEMORY: Final = 2**20


def block_length(seconds: NDArray[np.int64], future_seconds: int) -> int:
    """Length of a block in seconds: a day, or shorter to have 20 blocks.

    It is never shorter than a label's future, so that only neighbouring blocks share candles. The
    rows have (N,) dates in any order, N at least 1.
    """
    span = int(seconds.max() - seconds.min())
    return max(future_seconds, min(_DAY, span // _WANTED_BLOCKS), 1)


def time_blocks(seconds: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """(N,) block numbers of (N,) dates in any order, from 0 without a hole, in the order of time.

    Blocks begin at whole multiples of `length`, in seconds, since 1970.
    """
    _, numbers = np.unique(seconds // length, return_inverse=True)
    return np.asarray(numbers, dtype=np.int64)


def block_sums(blocks: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, K) sums of (N, K) values by (N,) block numbers."""
    count = int(blocks.max()) + 1
    return np.column_stack([np.bincount(blocks, column, count) for column in values.T])


def resampled_totals(
    sums: NDArray[np.float64], *, draws: int = 1000, seed: int = 0
) -> NDArray[np.float64]:
    """(draws, K) totals of (B, K) block sums, B blocks a draw, drawn with replacement.

    All columns of one draw are of the same blocks, so that ratios of totals are paired.
    """
    blocks = len(sums)
    random = np.random.default_rng(seed)
    totals = np.empty((draws, sums.shape[1]))
    step = max(_COUNTS_IN_MEMORY // blocks, 1)
    for first in range(0, draws, step):
        rows = min(step, draws - first)
        picks = random.integers(0, blocks, (rows, blocks)) + blocks * np.arange(rows)[:, None]
        times = np.bincount(picks.ravel(), minlength=rows * blocks).reshape(rows, blocks)
        totals[first : first + rows] = times @ sums
    return totals


def interval_of(values: NDArray[np.float64], blocks: int) -> tuple[float, float] | None:
    """95 % interval of resampled figures.

    Args:
        values: (draws,) one figure a draw; those that are not finite are left out.
        blocks: how many there are to draw from.

    Returns:
        Lower and upper end; None where `FEWEST_BLOCKS` are not reached.

    Example:
        >>> low, high = interval_of(np.linspace(0, 1, 1001), blocks=20)
        >>> round(low, 3), round(high, 3)
        (0.016, 0.984)
        >>> interval_of(np.linspace(0, 1, 1001), blocks=4) is None
        True
    """
    values = values[np.isfinite(values)]
    if blocks < FEWEST_BLOCKS or not len(values):
        return None
    wider = math.sqrt(blocks / (blocks - 1)) * t.ppf(CENTRAL_95[0], blocks - 1)
    tail = float(norm.cdf(wider))
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class Interval:
    """A figure with the lower and upper end of its 95 % interval."""

    value: float
    low: float
    high: float
