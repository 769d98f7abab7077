"""Figures of decisions: predicted against actual classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT

_CLASSES = len(CLASS_NAMES)


def confusion_of(labels: NDArray[np.integer], decisions: NDArray[np.integer]) -> NDArray[np.int64]:
    """(3, 3) rows by label, columns by decision, of (N,) known labels and decisions."""
    cells = labels.astype(np.int64) * _CLASSES + decisions
    return np.bincount(cells, minlength=_CLASSES**2).reshape(_CLASSES, _CLASSES).astype(np.int64)


def trading_f1(labels: NDArray[np.integer], decisions: NDArray[np.integer]) -> float:
    """Mean F1 of SHORT and LONG; a class neither actual nor predicted counts as 0."""
    return float(_f1(confusion_of(labels, decisions))[[SHORT, LONG]].mean())


@dataclass(frozen=True)
class DecisionFigures:
    """Figures of one decision rule.

    Attributes:
        accuracy: share of rows decided right.
        precision: class name to precision, 0 when the class was never predicted.
        recall: class name to recall, 0 when the class never occurred.
        f1: class name to F1.
        trading_f1: mean F1 of SHORT and LONG.
        macro_f1: mean F1 of all three classes.
        confusion: (3, 3) rows by label, columns by decision.
        predicted: class name to the number of rows decided so.
        coverage: share of rows that are not HOLD.
    """

    accuracy: float
    precision: dict[str, float]
    recall: dict[str, float]
    f1: dict[str, float]
    trading_f1: float
    macro_f1: float
    confusion: list[list[int]]
    predicted: dict[str, int]
    coverage: float

    @classmethod
    def from_decisions(
        cls, labels: NDArray[np.integer], decisions: NDArray[np.integer]
    ) -> DecisionFigures:
        """Compare decisions with known labels, both (N,) class codes, N at least 1."""
        matrix = confusion_of(labels, decisions)
        hits, actual, predicted = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
        f1 = _f1(matrix)
        return cls(
            accuracy=float(hits.sum() / matrix.sum()),
            precision=by_class(_ratio(hits, predicted)),
            recall=by_class(_ratio(hits, actual)),
            f1=by_class(f1),
            trading_f1=float(f1[[SHORT, LONG]].mean()),
            macro_f1=float(f1.mean()),
            confusion=matrix.tolist(),
            predicted=counts_of(decisions),
            coverage=float(1 - predicted[HOLD] / matrix.sum()),
        )


def confusion_text(confusion: list[list[int]]) -> str:
    """A (3, 3) confusion matrix, rows by label and columns by decision, as a table."""
    heads = ["", *(f"predicted {name}" for name in CLASS_NAMES)]
    table = [heads] + [
        [f"actual {name}", *(f"{count:,}" for count in counts)]
        for name, counts in zip(CLASS_NAMES, confusion, strict=True)
    ]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )


def by_class(values: Iterable[float]) -> dict[str, float]:
    """Class name to its value, of three values in the order of the classes."""
    return {name: float(value) for name, value in zip(CLASS_NAMES, values, strict=True)}


def counts_of(codes: NDArray[np.integer]) -> dict[str, int]:
    """Class name to the number of its codes, of (N,) codes."""
    return {name: int(np.count_nonzero(codes == code)) for code, name in enumerate(CLASS_NAMES)}


def _f1(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    return _ratio(2 * matrix.diagonal(), matrix.sum(axis=0) + matrix.sum(axis=1))


def _ratio(part: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """0 where there is nothing to divide by."""
    return np.asarray(part / np.maximum(total, 1), dtype=np.float64)
