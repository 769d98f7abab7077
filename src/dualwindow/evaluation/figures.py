"""All figures of a model on candles whose labels are known."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence import MODE_THRESHOLDS, Thresholds
from dualwindow.evaluation.decisions import DecisionFigures, by_class, counts_of
from dualwindow.evaluation.forecast import ForecastFigures
from dualwindow.evaluation.text import decision_lines, forecast_lines, threshold_line
from dualwindow.evaluation.thresholds import (
    ModeFigures,
    PrecisionCurve,
    ThresholdFigures,
    precision_curves,
    thresholds_by_class,
)
from dualwindow.evaluation.yardsticks import Comparison


@dataclass(frozen=True)
class Evaluation:
    """A model's decisions and probabilities on candles whose labels are known.

    Attributes:
        rows: how many candles.
        real: class name to the number of labels.
        argmax: figures when the likeliest class is always said.
        thresholded: figures with the configured thresholds.
        thresholds: class name to its threshold.
        fired: class name to the rows whose probability reached its threshold.
        highest: class name to the highest probability seen.
        meaning: class name to what its configured threshold does and means.
        modes: confidence mode to what its thresholds do.
        curves: side to its precision by coverage.
        forecast: what the probabilities are worth, beside the baselines.
    """

    rows: int
    real: dict[str, int]
    argmax: DecisionFigures
    thresholded: DecisionFigures
    thresholds: dict[str, float]
    fired: dict[str, int]
    highest: dict[str, float]
    meaning: dict[str, ThresholdFigures]
    modes: dict[str, ModeFigures]
    curves: dict[str, PrecisionCurve]
    forecast: ForecastFigures

    def silent_sides(self) -> list[str]:
        """Sides that the thresholds never let through."""
        return [name for name in ("SHORT", "LONG") if self.thresholded.predicted[name] == 0]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON types."""
        return asdict(self)

    def lines(self, rows: str = "validation") -> list[str]:
        """The figures as text, one line each.

        Args:
            rows: what the candles are called.
        """
        real = ", ".join(f"{name} {count}" for name, count in self.real.items())
        return [
            f"{rows} on {self.rows} candles: {real}",
            *decision_lines({"argmax": self.argmax, "thresholds": self.thresholded}),
            threshold_line(self.meaning, self.highest),
            *forecast_lines(self.forecast),
        ]


def evaluate(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    thresholds: Thresholds,
    comparison: Comparison | None = None,
) -> Evaluation:
    """Compare a model with the labels, by argmax beside the thresholds, and with its baselines.

    Args:
        labels: (N,) class codes, all known, N at least 1.
        probabilities: (N, 3) without NaN.
        thresholds: of the configured mode.
        comparison: of the same rows; without it nothing is calibrated or compared.

    Raises:
        ValueError: when there are no rows or shapes differ.
    """
    if not len(labels) or probabilities.shape != (len(labels), len(CLASS_NAMES)):
        raise ValueError(
            f"labels {labels.shape} and probabilities {probabilities.shape} must be (N,) and "
            "(N, 3) with N at least 1"
        )
    configured = ModeFigures.of(labels, probabilities, thresholds)
    modes = {
        name: replace(mode, fallback=thresholds.fallback) for name, mode in MODE_THRESHOLDS.items()
    }
    return Evaluation(
        rows=len(labels),
        real=counts_of(labels),
        argmax=DecisionFigures.of(labels, probabilities.argmax(axis=1)),
        thresholded=configured.decisions,
        thresholds=thresholds_by_class(thresholds),
        fired={name: each.fired for name, each in configured.thresholds.items()},
        highest=by_class(probabilities.max(axis=0)),
        meaning=configured.thresholds,
        modes={name: ModeFigures.of(labels, probabilities, mode) for name, mode in modes.items()},
        curves=precision_curves(labels, probabilities),
        forecast=ForecastFigures.of(labels, probabilities, comparison),
    )
