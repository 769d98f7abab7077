"""References that a model is compared with: fitted on its training rows, used on any others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualwindow.confidence import Thresholds
from dualwindow.confidence.calibration import Calibrated, Calibration
from dualwindow.evaluation.baselines import Baselines


@dataclass(frozen=True)
class Reference:
    """Baselines and calibration of one model.

    Attributes:
        baselines: fitted on the training rows.
        calibration: its priors come from the training rows; its temperature, if it has one, from
            rows other than the evaluated ones.
    """

    baselines: Baselines
    calibration: Calibration

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "baselines": self.baselines.to_dict(),
            "calibration": self.calibration.to_dict(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Reference:
        """Read the result of `to_dict`.

        Raises:
            ValueError: when the shapes do not fit; KeyError or TypeError for other content.
        """
        return cls(
            Baselines.from_dict(content["baselines"]),
            Calibration.from_dict(content["calibration"]),
        )


@dataclass(frozen=True)
class Comparison:
    """Evaluated rows beside the reference that they are compared with.

    Attributes:
        reference: of the model.
        seconds: (N,) dates of the rows, seconds since 1970; pairs may share dates.
        volatility: (N,) trailing volatility of the rows; None where it is not known.
        future_seconds: how far a label looks ahead.
    """

    reference: Reference
    seconds: NDArray[np.int64]
    volatility: NDArray[np.float64] | None
    future_seconds: int


@dataclass(frozen=True)
class EvaluatedPart:
    """The rows of one model, as the arguments of `evaluate`."""

    labels: NDArray[np.integer]
    probabilities: NDArray[np.floating]
    thresholds: Thresholds
    comparison: Comparison | None = None
    predicted: Calibrated | None = None

    @property
    def calibrated(self) -> Calibrated:
        """The probabilities that thresholds are compared with."""
        return Calibrated.plain(self.probabilities) if self.predicted is None else self.predicted
