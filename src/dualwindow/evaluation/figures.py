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
from dualwindow.confidence.measure import at_least_text, lead_text
from dualwindow.confidence.thresholds import (
    MODE_THRESHOLDS,
    CalibrationKind,
    Fallback,
    calibration_text,
    deciding_classes,
    fallback_text,
)
from dualwindow.evaluation.classification import DecisionFigures, by_class, counts_of
from dualwindow.evaluation.forecast import ForecastFigures
from dualwindow.evaluation.reference import Comparison, EvaluatedPart
from dualwindow.evaluation.text import decision_lines, forecast_lines, threshold_line
from dualwindow.evaluation.thresholds import (
    ModeFigures,
    PrecisionCurve,
    ThresholdFigures,
    precision_curves,
)
from dualwindow.runtime.counts import counted


@dataclass(frozen=True)
class Evaluation:
    """A model's decisions and probabilities on candles whose labels are known.

    Attributes:
        rows: number of candles.
        real: class name to the number of labels.
        argmax: figures when the likeliest class is always predicted.
        thresholded: figures with the configured thresholds.
        thresholds: class name to its threshold.
        fired: class name to the rows whose probability, or lead, reached its threshold.
        highest: class name to the highest probability, or lead.
        meaning: class name to figures of its configured threshold.
        modes: confidence mode to figures of its thresholds.
        curves: side to its precision by coverage.
        forecast: losses and skill of the probabilities, beside the baselines.
        uses_thresholds: false where the likeliest class is always predicted; the figures of
            thresholds are then hypothetical.
        calibration: of the probabilities in everything but the forecast.
        fallback: the decision below all thresholds; with HOLD that of HOLD has no effect.
        leads: names of the sides whose configured threshold, highest value and curve are of their
            leads, see `confidence.measure`, not of their probabilities.
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
    # Figures that earlier versions wrote lack these.
    uses_thresholds: bool = True
    calibration: CalibrationKind = "none"
    fallback: Fallback = "hold"
    leads: tuple[str, ...] = ()

    def silent_sides(self) -> list[str]:
        """Sides that the thresholds never let through."""
        return [name for name in ("SHORT", "LONG") if self.thresholded.predicted[name] == 0]

    def rule_text(self) -> str:
        """The thresholds that decide and what is decided below them, or that none does."""
        if not self.uses_thresholds:
            rule = "the likeliest class (use_confidence_thresholding false)"
        else:
            names = deciding_classes(self.fallback)
            limits = [self.limit_text(name) for name in names]
            rule = f"thresholds {', '.join(limits)}, {fallback_text(self.fallback)}"
        return f"{rule}{calibration_text(self.calibration)}"

    def limit_text(self, name: str) -> str:
        """A class with its configured threshold."""
        return at_least_text(name, self.thresholds[name], is_lead=name in self.leads)

    def highest_text(self, name: str) -> str:
        """A class with its highest probability, or by how much it leads at most."""
        highest = self.highest[name]
        text = lead_text(name, highest) if name in self.leads else f"{highest:.2f}"
        return f"{name} {text}"

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON types."""
        return asdict(self) | {"leads": list(self.leads)}

    def lines(self, rows: str = "validation") -> list[str]:
        """The figures as lines of text; `rows` names the candles."""
        real = ", ".join(f"{name} {count}" for name, count in self.real.items())
        return [
            f"{rows} on {counted(self.rows, 'candle')}: {real}",
            *decision_lines({"argmax": self.argmax, "thresholds": self.thresholded}),
            threshold_line(
                self.meaning,
                self.highest,
                self.calibration,
                self.fallback if self.uses_thresholds else None,
                self.leads,
            ),
            *forecast_lines(self.forecast),
        ]


def evaluate(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    thresholds: Thresholds,
    comparison: Comparison | None = None,
    predicted: Calibrated | None = None,
) -> Evaluation:
    """Compare a model with the labels, by argmax and by thresholds, and with its baselines.

    Args:
        labels: (N,) class codes, all known, N at least 1.
        probabilities: (N, 3) of the network, without NaN.
        thresholds: of the configured mode.
        comparison: of the same rows; None compares with no baseline.
        predicted: the same probabilities as the thresholds see them; None as they are.

    Raises:
        ValueError: when there are no rows or shapes differ.

    Example:
        >>> probabilities = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]])
        >>> limits = Thresholds(short=0.6, hold=0.3, long=0.8)
        >>> evaluation = evaluate(np.array([0, 1, 2]), probabilities, limits)
        >>> evaluation.argmax.accuracy, evaluation.thresholded.predicted
        (1.0, {'SHORT': 1, 'HOLD': 2, 'LONG': 0})
    """
    if not len(labels) or probabilities.shape != (len(labels), len(CLASS_NAMES)):
        raise ValueError(
            f"labels {labels.shape} and probabilities {probabilities.shape} must be (N,) and "
            "(N, 3) with N at least 1"
        )
    return evaluate_parts([EvaluatedPart(labels, probabilities, thresholds, comparison, predicted)])


def evaluate_parts(parts: Sequence[EvaluatedPart]) -> Evaluation:
    """Evaluate the rows of several models together, by their own thresholds and baselines.

    Args:
        parts: at least one, all with at least one row and of one calibration. Where thresholds
            differ, those of the last are named.
    """
    labels = np.concatenate([part.labels for part in parts])
    probabilities = np.concatenate([part.calibrated.probabilities for part in parts])
    compared = np.concatenate([part.calibrated.compared for part in parts])
    decisions = np.concatenate([part.calibrated.decide(part.thresholds) for part in parts])
    limits = np.concatenate(
        [np.tile(part.thresholds.by_class(), (len(part.labels), 1)) for part in parts]
    )
    meaning = {
        name: ThresholdFigures.from_probabilities(
            labels == code, compared[:, code], limits[:, code]
        )
        for code, name in enumerate(CLASS_NAMES)
    }
    newest = parts[-1].thresholds
    return Evaluation(
        rows=len(labels),
        real=counts_of(labels),
        argmax=DecisionFigures.from_decisions(labels, probabilities.argmax(axis=1)),
        thresholded=DecisionFigures.from_decisions(labels, decisions),
        thresholds=by_class(newest.by_class()),
        fired={name: figures.fired for name, figures in meaning.items()},
        highest=by_class(compared.max(axis=0)),
        meaning=meaning,
        modes={
            name: ModeFigures.from_probabilities(
                labels, probabilities, replace(mode, fallback=newest.fallback)
            )
            for name, mode in MODE_THRESHOLDS.items()
        },
        curves=precision_curves(labels, compared),
        forecast=ForecastFigures.from_parts(parts),
        uses_thresholds=newest.enabled,
        calibration=parts[-1].calibrated.kind,
        fallback=newest.fallback,
        leads=tuple(CLASS_NAMES[code] for code in parts[-1].calibrated.leads),
    )
