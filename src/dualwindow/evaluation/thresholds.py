"""Figures of thresholds: how often they fire, how often that is right, and the decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.confidence import Thresholds, decide
from dualwindow.evaluation.classification import DecisionFigures

#: Half of the width of the band around a threshold.
NEAR: Final = 0.05
#: Most points of a precision-coverage curve.
_CURVE_POINTS: Final = 50


@dataclass(frozen=True)
class ThresholdFigures:
    """One class's threshold, by that class's probability alone, or its lead.

    Attributes:
        threshold: smallest probability at which the class is predicted.
        fired: rows whose probability reaches it.
        fires: their share.
        above: of those rows, the share in which the class occurred: the precision of the
            threshold; None where there are none.
        near: of the rows whose probability is at most `NEAR` from the threshold, the share in which
            the class occurred: the probability that the threshold itself stands for; None where
            there are none.
        near_rows: number of these rows.
    """

    threshold: float
    fired: int
    fires: float
    above: float | None
    near: float | None
    near_rows: int

    @classmethod
    def from_probabilities(
        cls,
        actual: NDArray[np.bool_],
        probability: NDArray[np.floating],
        threshold: float | NDArray[np.float64],
    ) -> ThresholdFigures:
        """Compare (N,) probabilities of one class with (N,) whether it occurred, N at least 1.

        The threshold is one number, or (N,) where models have their own; the last one is named.
        """
        values = probability.astype(np.float64)
        reached, near = values >= threshold, np.abs(values - threshold) <= NEAR
        return cls(
            threshold=float(np.ravel(threshold)[-1]),
            fired=int(np.count_nonzero(reached)),
            fires=float(reached.mean()),
            above=_share(actual, reached),
            near=_share(actual, near),
            near_rows=int(np.count_nonzero(near)),
        )


@dataclass(frozen=True)
class ModeFigures:
    """Figures of one set of thresholds.

    Attributes:
        decisions: figures of the decisions.
        thresholds: class name to figures of its threshold.
    """

    decisions: DecisionFigures
    thresholds: dict[str, ThresholdFigures]

    @classmethod
    def from_probabilities(
        cls,
        labels: NDArray[np.integer],
        probabilities: NDArray[np.floating],
        thresholds: Thresholds,
    ) -> ModeFigures:
        """Apply thresholds to (N, 3) probabilities of rows with (N,) known labels."""
        return cls(
            DecisionFigures.from_decisions(labels, decide(probabilities, thresholds)),
            {
                CLASS_NAMES[code]: ThresholdFigures.from_probabilities(
                    labels == code, probabilities[:, code], threshold
                )
                for code, threshold in enumerate(thresholds.by_class())
            },
        )


@dataclass(frozen=True)
class PrecisionCurve:
    """Precision of a side if only its most confident rows are predicted.

    Attributes:
        threshold: falling probabilities, or leads.
        coverage: share of rows that reach them.
        precision: of those rows, the share in which the side occurred.
    """

    threshold: list[float]
    coverage: list[float]
    precision: list[float]

    @classmethod
    def from_probabilities(
        cls,
        actual: NDArray[np.bool_],
        probability: NDArray[np.floating],
        points: int = _CURVE_POINTS,
    ) -> PrecisionCurve:
        """Take thresholds at coverages evenly spaced on a logarithmic scale.

        Of (N,) probabilities of a side and (N,) whether it occurred, N at least 1. There are at
        most `points` thresholds; equal probabilities cannot be told apart and give one.
        """
        order = np.argsort(-probability, kind="stable")
        falling, hits = probability[order], np.cumsum(actual[order])
        places = np.geomspace(1, len(falling), points).round().astype(np.int64) - 1
        chosen = np.unique(-falling[places])
        # A threshold lets through all rows of its probability, not only those sorted before.
        reached = np.searchsorted(-falling, chosen, side="right")
        return cls(
            threshold=(-chosen).astype(np.float64).tolist(),
            coverage=(reached / len(falling)).tolist(),
            precision=(hits[reached - 1] / reached).tolist(),
        )


def precision_curves(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> dict[str, PrecisionCurve]:
    """Side to its curve, of (N, 3) probabilities and (N,) known labels."""
    return {
        CLASS_NAMES[code]: PrecisionCurve.from_probabilities(labels == code, probabilities[:, code])
        for code in (SHORT, LONG)
    }


def _share(actual: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float | None:
    return float(actual[chosen].mean()) if chosen.any() else None
