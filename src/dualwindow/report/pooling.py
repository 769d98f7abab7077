"""Figures of several evaluations put together, where counts make that exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dualwindow.columns import CLASS_NAMES
from dualwindow.evaluation.reliability import RELIABILITY_BINS, ReliabilityCurve
from dualwindow.evaluation.thresholds import ThresholdFigures


@dataclass(frozen=True)
class Fired:
    """What one threshold of one class let through.

    Attributes:
        coverage: share of all rows.
        precision: of those rows, the share in which the class came; None where there are none.
    """

    coverage: float
    precision: float | None


def pooled_confusion(matrices: Iterable[list[list[int]]]) -> list[list[int]]:
    """(3, 3) sum of confusion matrices, rows by label."""
    total = np.zeros((len(CLASS_NAMES),) * 2, dtype=np.int64)
    for each in matrices:
        total += np.array(each)
    return [[int(count) for count in row] for row in total]


def pooled_reliability(curves: Sequence[ReliabilityCurve]) -> ReliabilityCurve:
    """The curve that all rows together have: bins are the same everywhere.

    Args:
        curves: at least one.
    """
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


def pooled_threshold(figures: Sequence[tuple[int, ThresholdFigures]]) -> Fired:
    """What a threshold lets through of all rows together.

    Args:
        figures: (rows, figures of the threshold) of each evaluation, at least one.
    """
    rows = sum(count for count, _ in figures)
    fired = sum(each.fired for _, each in figures)
    right = sum(each.fired * (each.above or 0.0) for _, each in figures)
    return Fired(fired / rows, right / fired if fired else None)


def weighed_mean(values: Sequence[tuple[int, float]]) -> float:
    """Mean over rows, of (rows, value) of each evaluation."""
    return sum(rows * value for rows, value in values) / sum(rows for rows, _ in values)
