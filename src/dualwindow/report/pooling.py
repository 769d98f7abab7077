"""Pooled figures of several evaluations, exact because they are made of counts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dualwindow.evaluation.reliability import RELIABILITY_BINS, ReliabilityCurve
from dualwindow.evaluation.thresholds import ThresholdFigures

#: Standard deviations of the normal distribution on either side that hold 95 %.
_NORMAL: Final = 1.96


@dataclass(frozen=True)
class Fired:
    """Share of all rows that reached one threshold of one class, and its precision.

    That is the share of them in which the class occurred; None where there are none.
    """

    coverage: float
    precision: float | None


def pooled_confusion(matrices: Iterable[list[list[int]]]) -> list[list[int]]:
    """(3, 3) sum of at least one confusion matrix, rows by label."""
    total: list[list[int]] = np.sum([np.array(matrix) for matrix in matrices], axis=0).tolist()
    return total


def pooled_reliability(curves: Sequence[ReliabilityCurve]) -> ReliabilityCurve:
    """The curve of all rows of at least one curve together; their bins are the same."""
    count, stated, observed = (np.zeros(RELIABILITY_BINS) for _ in range(3))
    for curve in curves:
        rows, mean = np.array(curve.count, float), np.array(curve.stated)
        place = np.minimum((mean * RELIABILITY_BINS).astype(np.int64), RELIABILITY_BINS - 1)
        np.add.at(count, place, rows)
        np.add.at(stated, place, rows * mean)
        np.add.at(observed, place, rows * np.array(curve.observed))
    filled = count > 0
    count = count[filled]
    stated, observed = stated[filled] / count, observed[filled] / count
    error = float(count @ np.abs(stated - observed) / count.sum())
    return ReliabilityCurve(
        count.astype(np.int64).tolist(), stated.tolist(), observed.tolist(), error
    )


def merged(curve: ReliabilityCurve, fewest: int) -> ReliabilityCurve:
    """The curve with neighbouring bins merged until every one is of at least so many rows.

    The last ones join the bin before them; where all rows are fewer, one bin is left.

    Example:
        >>> merged(ReliabilityCurve([90, 8, 2], [0.1, 0.5, 0.9], [0.1, 0.5, 1.0], 0.0), 10)
        ReliabilityCurve(count=[90, 10], stated=[0.1, 0.58], observed=[0.1, 0.6], error=0.0)
    """
    ends: list[int] = []
    rows = 0
    for number, own in enumerate(curve.count):
        rows += own
        if rows >= fewest:
            ends.append(number + 1)
            rows = 0
    if rows or not ends:
        ends = [*ends[:-1], len(curve.count)]
    parts = [slice(*both) for both in itertools.pairwise([0, *ends])]

    def means(column: list[float]) -> list[float]:
        return [
            weighed_mean(list(zip(curve.count[part], column[part], strict=True))) for part in parts
        ]

    count = [sum(curve.count[part]) for part in parts]
    return ReliabilityCurve(count, means(curve.stated), means(curve.observed), curve.error)


def wilson(share: float, count: float) -> tuple[float, float]:
    """95 % interval of a share of so many independent rows, above 0 (Wilson 1927).

    Example:
        >>> [round(end, 3) for end in wilson(0.5, 100)]
        [0.404, 0.596]
    """
    square = _NORMAL**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    root = math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    half = _NORMAL / (1 + square / count) * root
    return max(middle - half, 0.0), min(middle + half, 1.0)


def pooled_threshold(figures: Sequence[tuple[int, ThresholdFigures]]) -> Fired:
    """Pool the (rows, figures of a threshold) of at least one evaluation."""
    rows = sum(count for count, _ in figures)
    fired = sum(threshold.fired for _, threshold in figures)
    right = sum(threshold.fired * (threshold.above or 0.0) for _, threshold in figures)
    return Fired(fired / rows, right / fired if fired else None)


def weighed_mean(values: Sequence[tuple[int, float]]) -> float:
    """Mean over all rows, from the (rows, value) of every evaluation."""
    return sum(rows * value for rows, value in values) / sum(rows for rows, _ in values)
