"""How good the decisions are, by argmax and with the thresholds, as plain figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence import Thresholds, decide

_CODES = list(range(len(CLASS_NAMES)))


def trading_f1(labels: NDArray[np.integer], decisions: NDArray[np.integer]) -> float:
    """Mean F1 of SHORT and LONG; a class that is neither there nor said counts as 0."""
    scores = f1_score(labels, decisions, labels=[SHORT, LONG], average=None, zero_division=0)
    return float(np.mean(scores))


@dataclass(frozen=True)
class DecisionFigures:
    """Figures of one way to decide.

    Attributes:
        accuracy: share of rows decided right.
        precision: class name to precision, 0 when the class was never said.
        recall: class name to recall, 0 when the class never was.
        f1: class name to F1.
        trading_f1: mean F1 of SHORT and LONG.
        confusion: (3, 3) rows by label, columns by decision.
        predicted: class name to the number of rows decided so.
        coverage: share of rows that are not HOLD.
    """

    accuracy: float
    precision: dict[str, float]
    recall: dict[str, float]
    f1: dict[str, float]
    trading_f1: float
    confusion: list[list[int]]
    predicted: dict[str, int]
    coverage: float

    @classmethod
    def of(cls, labels: NDArray[np.integer], decisions: NDArray[np.integer]) -> DecisionFigures:
        """Compare decisions with known labels, both (N,) class codes, N at least 1."""
        precision, recall, f1, _ = precision_recall_fscore_support(
            labels, decisions, labels=_CODES, zero_division=0
        )
        matrix = confusion_matrix(labels, decisions, labels=_CODES)
        return cls(
            accuracy=float(accuracy_score(labels, decisions)),
            precision=_by_class(precision),
            recall=_by_class(recall),
            f1=_by_class(f1),
            trading_f1=trading_f1(labels, decisions),
            confusion=matrix.tolist(),
            predicted=_counts(decisions),
            coverage=float(np.mean(decisions != HOLD)),
        )


@dataclass(frozen=True)
class Evaluation:
    """A model's decisions on candles whose labels are known.

    Attributes:
        rows: how many candles.
        real: class name to the number of labels.
        argmax: figures when the likeliest class is always said.
        thresholded: figures with the configured thresholds.
        thresholds: class name to its threshold.
        fired: class name to the rows whose probability reached its threshold.
        highest: class name to the highest probability seen.
    """

    rows: int
    real: dict[str, int]
    argmax: DecisionFigures
    thresholded: DecisionFigures
    thresholds: dict[str, float]
    fired: dict[str, int]
    highest: dict[str, float]

    def silent_sides(self) -> list[str]:
        """Sides that the thresholds never let through."""
        return [name for name in ("SHORT", "LONG") if self.thresholded.predicted[name] == 0]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON types."""
        content = dict(vars(self))
        content["argmax"] = dict(vars(self.argmax))
        content["thresholded"] = dict(vars(self.thresholded))
        return content

    def lines(self, rows: str = "validation") -> list[str]:
        """The figures as text, one line each.

        Args:
            rows: what the candles are called.
        """
        real = ", ".join(f"{name} {count}" for name, count in self.real.items())
        lines = [f"{rows} on {self.rows} candles: {real}"]
        for title, figures in (("argmax", self.argmax), ("thresholds", self.thresholded)):
            said = ", ".join(f"{name} {count}" for name, count in figures.predicted.items())
            lines.append(
                f"{title}: accuracy {figures.accuracy:.3f}, Trading F1 {figures.trading_f1:.3f}, "
                f"precision SHORT {figures.precision['SHORT']:.3f} "
                f"LONG {figures.precision['LONG']:.3f}, "
                f"recall SHORT {figures.recall['SHORT']:.3f} LONG {figures.recall['LONG']:.3f}, "
                f"said {said}"
            )
        fired = ", ".join(
            f"{name} >= {self.thresholds[name]:.2f} on {count / self.rows:.2%} "
            f"(highest {self.highest[name]:.3f})"
            for name, count in self.fired.items()
        )
        lines.append(f"thresholds fire: {fired}")
        return lines


def evaluate(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating], thresholds: Thresholds
) -> Evaluation:
    """Compare a model with the labels, by argmax beside the thresholds.

    Args:
        labels: (N,) class codes, all known, N at least 1.
        probabilities: (N, 3) without NaN.
        thresholds: of the configured mode.

    Raises:
        ValueError: when there are no rows or shapes differ.
    """
    if not len(labels) or probabilities.shape != (len(labels), len(CLASS_NAMES)):
        raise ValueError(
            f"labels {labels.shape} and probabilities {probabilities.shape} must be (N,) and "
            "(N, 3) with N at least 1"
        )
    limits = {"SHORT": thresholds.short, "HOLD": thresholds.hold, "LONG": thresholds.long}
    reached = {
        name: int(np.count_nonzero(probabilities[:, code].astype(np.float64) >= limits[name]))
        for code, name in enumerate(CLASS_NAMES)
    }
    return Evaluation(
        rows=len(labels),
        real=_counts(labels),
        argmax=DecisionFigures.of(labels, probabilities.argmax(axis=1)),
        thresholded=DecisionFigures.of(labels, decide(probabilities, thresholds)),
        thresholds=limits,
        fired=reached,
        highest=_by_class(probabilities.max(axis=0)),
    )


def _by_class(values: NDArray[np.floating]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(CLASS_NAMES, values, strict=True)}


def _counts(codes: NDArray[np.integer]) -> dict[str, int]:
    return {name: int(np.count_nonzero(codes == code)) for code, name in enumerate(CLASS_NAMES)}
