"""The decision rule on a frame of predictions: SHORT, HOLD or LONG for every candle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence.calibration import Calibrated
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.measure import LEAD, ConfidenceMeasure, quantile_noun
from dualwindow.confidence.prediction_frame import calibrated_of, is_calibrated, quantile_levels
from dualwindow.confidence.thresholds import (
    CalibrationKind,
    Thresholds,
    calibration_text,
    decide_reached,
    threshold_text,
)

#: FreqAI's `do_predict` of a candle to trade upon.
_USABLE: Final = 1


class ConfidenceSettings(Protocol):
    """The settings that a rule follows from, as `TrainingConfig` has them."""

    @property
    def calibration(self) -> CalibrationKind:
        """Of the probabilities."""

    @property
    def confidence_coverage(self) -> float:
        """Share of a model's validation candles for which a side fires."""

    @property
    def confidence_measure(self) -> ConfidenceMeasure:
        """By which the share is chosen."""

    @property
    def thresholds(self) -> Thresholds:
        """Smallest probabilities."""

    @property
    def coverage_sides(self) -> tuple[int, ...]:
        """Class codes that are decided by a share."""


@dataclass(frozen=True)
class DecisionRule:
    """A decision rule: a threshold for every class, or for some sides a share.

    A frame holds the predictions of many models; quantiles and calibration are those of the row's.

    Attributes:
        thresholds: smallest probabilities, of the classes without a share.
        shares: class code to the share of a model's validation candles for which the side fires.
        calibration: of the probabilities.
        measure: by which the models' quantile levels choose a share.
    """

    thresholds: Thresholds
    shares: Mapping[int, float]
    calibration: CalibrationKind
    measure: ConfidenceMeasure = "probability"

    @classmethod
    def from_settings(cls, settings: ConfidenceSettings) -> DecisionRule:
        """The configured rule, before hyperopt's file or a strategy's code."""
        shares = dict.fromkeys(settings.coverage_sides, settings.confidence_coverage)
        return cls(settings.thresholds, shares, settings.calibration, settings.confidence_measure)

    def decide(self, frame: pd.DataFrame) -> NDArray[np.int_]:
        """(N,) class codes; HOLD where FreqAI has no current model or the window is not valid."""
        calibrated = calibrated_of(frame, self.calibration).probabilities
        reached = self.thresholds.reached(calibrated)
        for code, share in self.shares.items():
            reached[:, code] = quantile_levels(frame, code) >= least_level(share)
        decisions = decide_reached(calibrated, reached, self.thresholds)
        return np.where(usable(frame), decisions, HOLD)

    def probabilities(self, frame: pd.DataFrame) -> NDArray[np.floating]:
        """(N, 3) probabilities to show: calibrated, of sides with a share the network's own.

        They are probabilities whatever the measure. NaN where a model has no calibration.
        """
        return calibrated_of(frame, self.calibration, tuple(self.shares)).compared

    def calibrated(self, frame: pd.DataFrame) -> Calibrated:
        """The frame's N probabilities as the rule's thresholds and shares see them."""
        return calibrated_of(frame, self.calibration, tuple(self.shares), self.measure)

    def without_level(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(N,) whether a side cannot be decided: its model has no quantiles."""
        unknown = [quantile_levels(frame, code) <= 0 for code in self.shares]
        return np.any(unknown, axis=0) & usable(frame) if unknown else np.zeros(len(frame), bool)

    def uncalibrated(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(N,) whether nothing can be decided: the model has no calibration."""
        if self.calibration == "none":
            return np.zeros(len(frame), dtype=np.bool_)
        return ~is_calibrated(frame) & usable(frame)

    def summary(self) -> str:
        """The limits of the classes in one line.

        Example:
            >>> DecisionRule(Thresholds(0.45, 0.4, 0.45), {2: 0.01}, "prior").summary()
            "SHORT 0.45, LONG at most 1.00% of each model's validation (calibration prior)"
        """
        end = calibration_text(self.calibration)
        if not self.thresholds.enabled:
            return f"the likeliest class{end}"
        limits = [
            f"{CLASS_NAMES[code]} {self.limit_text(code)}"
            for code in (SHORT, LONG, HOLD)
            # Without the fallback to the likeliest class, HOLD's threshold decides nothing.
            if code != HOLD or self.thresholds.fallback == "argmax"
        ]
        fallback = ["else the likeliest class"] if self.thresholds.fallback == "argmax" else []
        return f"{', '.join([*limits, *fallback])}{end}"

    def limit_text(self, code: int) -> str:
        """The threshold or the share of a class."""
        if code in self.shares:
            by_lead = " (by lead)" if self.measure == LEAD else ""
            return f"at most {self.shares[code]:.2%} of each model's validation{by_lead}"
        return threshold_text(self.thresholds.by_class()[code])

    def text(self, row: pd.DataFrame) -> str:
        """Probabilities and limits of one candle, a frame of one row, for the log."""
        probabilities = [
            f"{name} {value:.3f}"
            for name, value in zip(CLASS_NAMES, self.probabilities(row)[0], strict=True)
        ]
        noun = quantile_noun(self.measure)
        limits = [
            f"{noun} {quantile_levels(row, code)[0]:.4f} of {least_level(self.shares[code]):.4f}"
            if code in self.shares
            else "none"
            if code == HOLD and self.thresholds.fallback == "hold"
            else threshold_text(limit)
            for code, limit in enumerate(self.thresholds.by_class())
        ]
        calibration = calibration_text(self.calibration)
        return f"{' '.join(probabilities)} (thresholds {' '.join(limits)}{calibration})"


def usable(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether a candle may be traded upon: a valid window and a current model."""
    return np.asarray((frame["do_predict"] == _USABLE).to_numpy())
