"""Reliability: predicted probability against observed frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.calibration import normalised

#: Bins of equal width between 0 and 1.
RELIABILITY_BINS: Final = 20


@dataclass(frozen=True)
class ReliabilityCurve:
    """Observed frequency by predicted probability, in bins of equal width, empty ones left out.

    Attributes:
        count: rows by bin.
        stated: mean predicted probability by bin.
        observed: share of a bin's rows in which the class occurred.
        error: expected calibration error: mean distance of the two, weighted by the rows.
    """

    count: list[int]
    stated: list[float]
    observed: list[float]
    error: float

    @classmethod
    def from_probabilities(
        cls, actual: NDArray[np.bool_], stated: NDArray[np.floating], bins: int = RELIABILITY_BINS
    ) -> ReliabilityCurve:
        """Compare (N,) predicted probabilities with (N,) outcomes, N at least 1."""
        place = np.minimum((stated * bins).astype(np.int64), bins - 1)
        count = np.bincount(place, minlength=bins)
        filled = count > 0
        count = count[filled]
        mean = np.bincount(place, stated, bins)[filled] / count
        share = np.bincount(place, actual, bins)[filled] / count
        error = float(count @ np.abs(mean - share) / len(stated))
        return cls(count.tolist(), mean.tolist(), share.tolist(), error)


@dataclass(frozen=True)
class Reliability:
    """Reliability of one forecast.

    Attributes:
        classes: class name to the curve of its probability.
        likeliest: curve of the highest probability against whether that class occurred; its error
            is the one that the literature calls expected calibration error (Guo et al. 2017).

    Example:
        >>> labels = np.array([0, 1, 1, 2])
        >>> probabilities = np.tile([0.25, 0.5, 0.25], (4, 1))
        >>> reliability = Reliability.from_probabilities(labels, probabilities)
        >>> reliability.classes["HOLD"]
        ReliabilityCurve(count=[4], stated=[0.5], observed=[0.5], error=0.0)
    """

    classes: dict[str, ReliabilityCurve]
    likeliest: ReliabilityCurve

    @classmethod
    def from_probabilities(
        cls, labels: NDArray[np.integer], probabilities: NDArray[np.floating]
    ) -> Reliability:
        """Compare (N, 3) probabilities with (N,) known labels, N at least 1."""
        shares = normalised(probabilities)
        classes = {
            name: ReliabilityCurve.from_probabilities(labels == code, shares[:, code])
            for code, name in enumerate(CLASS_NAMES)
        }
        right = shares.argmax(axis=1) == labels
        return cls(classes, ReliabilityCurve.from_probabilities(right, shares.max(axis=1)))
