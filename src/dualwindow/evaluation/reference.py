"""What a model is judged by: fitted where it was trained, used wherever it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualwindow.confidence.calibration import Calibration
from dualwindow.evaluation.baselines import Baselines


@dataclass(frozen=True)
class Reference:
    """Baselines and calibration of one model.

    Attributes:
        baselines: fitted on the training rows.
        calibration: its priors come from the training rows; its temperature, if it has one, from
            rows other than those that are judged.
    """

    baselines: Baselines
    calibration: Calibration

    def with_temperature(
        self, labels: NDArray[np.integer], probabilities: NDArray[np.floating]
    ) -> Reference:
        """These yardsticks with a temperature fitted on some rows.

        Args:
            labels: (N,) class codes, N at least 1.
            probabilities: (N, 3) of the model.
        """
        return replace(self, calibration=self.calibration.fitted(labels, probabilities))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "baselines": self.baselines.to_dict(),
            "calibration": self.calibration.to_dict(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Reference:
        """Read what `to_dict` made.

        Raises:
            ValueError: when the shapes do not fit; KeyError or TypeError when it is something else.
        """
        return cls(
            Baselines.from_dict(content["baselines"]),
            Calibration.from_dict(content["calibration"]),
        )


@dataclass(frozen=True)
class Comparison:
    """What the judged rows are compared with.

    Attributes:
        reference: of the model.
        seconds: (N,) dates of the judged rows, seconds since 1970; pairs may share dates.
        volatility: (N,) trailing volatility of these rows; None where it is not known.
        future_seconds: how far a label looks ahead.
    """

    reference: Reference
    seconds: NDArray[np.int64]
    volatility: NDArray[np.float64] | None
    future_seconds: int
