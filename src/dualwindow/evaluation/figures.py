"""All figures of a model on candles whose labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence import Thresholds
from dualwindow.confidence.calibration import Calibrated
from dualwindow.confidence.thresholds import MODE_THRESHOLDS, CalibrationKind
from dualwindow.evaluation.classification import DecisionFigures, by_class, counts_of
from dualwindow.evaluation.forecast import ForecastFigures
from dualwindow.evaluation.reference import Comparison
from dualwindow.evaluation.text import decision_lines, forecast_lines, threshold_line
from dualwindow.evaluation.thresholds import (
    ModeFigures,
    PrecisionCurve,
    ThresholdFigures,
    precision_curves,
    thresholds_by_class,
)


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
        uses_thresholds: false where the likeliest class is always said; the figures of thresholds
            then say what they would do.
        calibration: of the probabilities that everything but the forecast is about.
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
    # Figures that earlier versions wrote do not say these two.
    uses_thresholds: bool = True
    calibration: CalibrationKind = "none"

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
            threshold_line(self.meaning, self.highest, self.calibration),
            *forecast_lines(self.forecast),
        ]


def evaluate(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    thresholds: Thresholds,
    comparison: Comparison | None = None,
    predicted: Calibrated | None = None,
) -> Evaluation:
    """Compare a model with the labels, by argmax beside the thresholds, and with its baselines.

    Args:
        labels: (N,) class codes, all known, N at least 1.
        probabilities: (N, 3) of the network, without NaN.
        thresholds: of the configured mode.
        comparison: of the same rows; without it nothing is compared.
        predicted: the same probabilities as the thresholds see them; None as they are.

    Raises:
        ValueError: when there are no rows or shapes differ.
    """
    if not len(labels) or probabilities.shape != (len(labels), len(CLASS_NAMES)):
        raise ValueError(
            f"labels {labels.shape} and probabilities {probabilities.shape} must be (N,) and "
            "(N, 3) with N at least 1"
        )
    return evaluate_parts([EvaluatedPart(labels, probabilities, thresholds, comparison, predicted)])


@dataclass(frozen=True)
class EvaluatedPart:
    """One model's rows; as the arguments of `evaluate`."""

    labels: NDArray[np.integer]
    probabilities: NDArray[np.floating]
    thresholds: Thresholds
    comparison: Comparison | None = None
    predicted: Calibrated | None = None

    @property
    def calibrated(self) -> Calibrated:
        """What the thresholds are held against."""
        return Calibrated.plain(self.probabilities) if self.predicted is None else self.predicted


def evaluate_parts(parts: Sequence[EvaluatedPart]) -> Evaluation:
    """Judge the rows of several models together, each by its own thresholds and baselines.

    Args:
        parts: at least one, each with at least one row, all of one calibration. Where thresholds
            differ, those of the last are named.
    """
    labels = np.concatenate([each.labels for each in parts])
    market = np.concatenate([each.calibrated.probabilities for each in parts])
    compared = np.concatenate([each.calibrated.compared for each in parts])
    decisions = np.concatenate([each.calibrated.decide(each.thresholds) for each in parts])
    limits = np.concatenate(
        [np.tile(each.thresholds.by_class(), (len(each.labels), 1)) for each in parts]
    )
    meaning = {
        name: ThresholdFigures.from_probabilities(
            labels == code, compared[:, code], limits[:, code]
        )
        for code, name in enumerate(CLASS_NAMES)
    }
    newest = parts[-1].thresholds
    modes = {
        name: replace(mode, fallback=newest.fallback) for name, mode in MODE_THRESHOLDS.items()
    }
    return Evaluation(
        rows=len(labels),
        real=counts_of(labels),
        argmax=DecisionFigures.from_decisions(labels, market.argmax(axis=1)),
        thresholded=DecisionFigures.from_decisions(labels, decisions),
        thresholds=thresholds_by_class(newest),
        fired={name: each.fired for name, each in meaning.items()},
        highest=by_class(compared.max(axis=0)),
        meaning=meaning,
        modes={
            name: ModeFigures.from_probabilities(labels, market, mode)
            for name, mode in modes.items()
        },
        curves=precision_curves(labels, compared),
        forecast=ForecastFigures.of_parts(
            [(each.labels, each.probabilities, each.comparison) for each in parts]
        ),
        uses_thresholds=newest.enabled,
        calibration=parts[-1].calibrated.kind,
    )
