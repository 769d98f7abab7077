"""How a model's probabilities are decided on: thresholds, quantiles and calibration of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.calibration import Calibrated, Calibration
from dualwindow.confidence.coverage import ValidationQuantiles
from dualwindow.errors import ModelFileError
from dualwindow.settings import TrainingConfig


class ModelConfidence:
    """The part of a model that was measured on its validation candles; None in earlier versions."""

    def __init__(
        self, quantiles: ValidationQuantiles | None, calibration: Calibration | None
    ) -> None:
        self.quantiles = quantiles
        self.calibration = calibration

    def lacks(self, config: TrainingConfig) -> str | None:
        """Why some settings cannot be used with the model, with the way out; else None."""
        if config.coverage_sides and self.quantiles is None:
            return (
                "confidence_mode 'coverage' needs quantiles of the validation candles, which this "
                "model lacks because an earlier version made it; train it again, or choose another "
                "confidence_mode"
            )
        wanted = config.confidence_measure
        if config.coverage_sides and self.quantiles and self.quantiles.measure != wanted:
            return (
                f"confidence_measure {wanted!r} needs quantiles of it, and those of this model are "
                f"of {self.quantiles.measure!r}; set that, or train it again"
            )
        if config.calibration != "none" and self.calibration is None:
            return (
                f"calibration {config.calibration!r} needs what this model lacks because an "
                "earlier version made it; train it again, or set calibration to 'none'"
            )
        return None

    def thresholds(self, config: TrainingConfig) -> Thresholds:
        """The thresholds that `decide` takes with some settings: in mode coverage the model's own.

        Raises:
            ModelFileError: when the model lacks what the settings need.
        """
        thresholds = config.thresholds
        if (lacking := self.lacks(config)) is not None:
            raise ModelFileError(lacking)
        if self.quantiles is None:
            return thresholds
        own = {
            code: self.quantiles.threshold(code, config.confidence_coverage)
            for code in config.coverage_sides
        }
        return replace(
            thresholds,
            short=own.get(SHORT, thresholds.short),
            long=own.get(LONG, thresholds.long),
        )

    def ranks(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 3) ranks of (N, 3) probabilities, see `ValidationQuantiles`; 0 without quantiles."""
        if self.quantiles is None:
            return np.zeros(probabilities.shape)
        return self.quantiles.levels(probabilities)

    def calibrated(self, probabilities: NDArray[np.floating], config: TrainingConfig) -> Calibrated:
        """(N, 3) of its probabilities as some settings see them; unknown where it `lacks` that."""
        sharpness, shifts = self.calibration_terms
        return Calibrated.from_probabilities(
            probabilities,
            config.calibration,
            sharpness,
            shifts,
            config.coverage_sides,
            measure=config.confidence_measure,
        )

    @property
    def calibration_terms(self) -> tuple[float, NDArray[np.float64]]:
        """Sharpness, 0 without a calibration, and (2,) shifts of SHORT and LONG."""
        if self.calibration is None:
            return 0.0, np.zeros(2)
        return self.calibration.sharpness, self.calibration.shifts
