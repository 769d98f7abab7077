"""Pooled figures of several evaluations, exact because they are made of counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dualwindow.evaluation.reliability import RELIABILITY_BINS, ReliabilityCurve
from dualwindow.evaluation.thresholds import ThresholdFigures


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


def pooled_threshold(figures: Sequence[tuple[int, ThresholdFigures]]) -> Fired:
    """Pool the (rows, figures of a threshold) of at least one evaluation."""
    rows = sum(count for count, _ in figures)
    fired = sum(threshold.fired for _, threshold in figures)
    right = sum(threshold.fired * (threshold.above or 0.0) for _, threshold in figures)
    return Fired(fired / rows, right / fired if fired else None)


def weighed_mean(values: Sequence[tuple[int, float]]) -> float:
    """Mean over all rows, from the (rows, value) of every evaluation."""
    return sum(rows * value for rows, value in values) / sum(rows for rows, _ in values)
