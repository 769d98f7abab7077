"""The decision rule on FreqAI's frame of predictions: SHORT, HOLD or LONG for every candle."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.confidence import Thresholds
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.prediction_frame import calibrated_of, is_calibrated, quantile_levels
from dualwindow.confidence.thresholds import CalibrationKind, decide_reached, threshold_text
from dualwindow.evaluation.text import calibration_text
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

#: FreqAI's `do_predict` of a candle to trade upon.
_USABLE: Final = 1

#: Settings that decide a side by its quantile level.
_BY_QUANTILE: Final = "a share (confidence_mode 'coverage', or hyperopt's coverage_short or _long)"


@dataclass(frozen=True)
class DecisionRule:
    """A decision rule: a threshold for every class, or for some sides a share.

    A frame holds the predictions of many models; quantiles and calibration are those of the row's.

    Attributes:
        thresholds: smallest probabilities, of the classes without a share.
        shares: class code to the share of a model's validation candles for which the side fires.
        calibration: of the probabilities.
    """

    thresholds: Thresholds
    shares: Mapping[int, float]
    calibration: CalibrationKind

    @classmethod
    def from_settings(cls, settings: TrainingConfig) -> DecisionRule:
        """The configured rule, before hyperopt's file or a strategy's code."""
        shares = dict.fromkeys(settings.coverage_sides, settings.confidence_coverage)
        return cls(settings.thresholds, shares, settings.calibration)

    def decide(self, frame: pd.DataFrame) -> NDArray[np.int_]:
        """(N,) class codes; HOLD where FreqAI has no current model or the window is not valid."""
        calibrated = calibrated_of(frame, self.calibration).probabilities
        reached = self.thresholds.reached(calibrated)
        for code, share in self.shares.items():
            reached[:, code] = quantile_levels(frame, code) >= least_level(share)
        decisions = decide_reached(calibrated, reached, self.thresholds)
        return np.where(usable(frame), decisions, HOLD)

    def probabilities(self, frame: pd.DataFrame) -> NDArray[np.floating]:
        """(N, 3) probabilities to compare: calibrated, of sides with a share the network's own.

        NaN where a model has no calibration.
        """
        return calibrated_of(frame, self.calibration, tuple(self.shares)).compared

    def without_level(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(N,) whether a side cannot be decided: its model has no quantiles."""
        unknown = [quantile_levels(frame, code) <= 0 for code in self.shares]
        return np.any(unknown, axis=0) & usable(frame) if unknown else np.zeros(len(frame), bool)

    def uncalibrated(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(N,) whether nothing can be decided: the model has no calibration."""
        if self.calibration == "none":
            return np.zeros(len(frame), dtype=np.bool_)
        return ~is_calibrated(frame) & usable(frame)

    def text(self, row: pd.DataFrame) -> str:
        """Probabilities and limits of one candle, a frame of one row, for the log."""
        probabilities = [
            f"{name} {value:.3f}"
            for name, value in zip(CLASS_NAMES, self.probabilities(row)[0], strict=True)
        ]
        limits = [
            f"quantile {quantile_levels(row, code)[0]:.4f} of {least_level(self.shares[code]):.4f}"
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


def warn_of_silent_sides(
    rule: DecisionRule,
    frame: pd.DataFrame,
    decisions: NDArray[np.integer],
    sides: Iterable[int],
    pair: str,
) -> None:
    """Log a warning for every traded side without a decision in a backtest.

    `frame` holds N predictions of the pair, `decisions` (N,) the class codes of the rule.
    """
    rows = usable(frame)
    for code in sides:
        if rows.any() and not (decisions == code).any():
            logger.warning(
                "%s: no %s signal in %d predicted candles, the highest probability is %.2f: "
                "lower its threshold or choose another confidence_mode",
                pair,
                CLASS_NAMES[code],
                rows.sum(),
                rule.probabilities(frame)[rows, code].max(),
            )


class EarlierModels:
    """Predictions of earlier versions, which lack quantiles or calibration for a rule.

    A backtest refuses them; a running bot logs one warning a pair, and trades nothing until the
    pair has a new model.
    """

    def __init__(self) -> None:
        self._waiting: set[tuple[str, str]] = set()

    def look_for(self, rule: DecisionRule, frame: pd.DataFrame, pair: str, *, live: bool) -> None:
        """Check a pair's predictions before a rule decides; live, only the newest candle matters.

        Raises:
            OperationalException: in a backtest, with the way out.
        """
        for setting, noun, lacking in (
            (_BY_QUANTILE, "quantiles", rule.without_level(frame)),
            (f"calibration {rule.calibration!r}", "calibration", rule.uncalibrated(frame)),
        ):
            if live:
                self._warn(setting, noun, bool(lacking[-1:].any()), pair)
            elif lacking.any():
                raise OperationalException(
                    f"{pair}: {setting} needs {noun}, and {lacking.sum()} predictions of an "
                    "earlier version have none; delete backtesting_predictions in the folder of "
                    "freqai.identifier to predict again. Models of that version have none either: "
                    "if this comes again, set another identifier to train again"
                )

    def _warn(self, setting: str, noun: str, lacks: bool, pair: str) -> None:
        if not lacks:
            self._waiting.discard((pair, noun))
        elif (pair, noun) not in self._waiting:
            self._waiting.add((pair, noun))
            logger.warning(
                "%s: the model is of an earlier version and has no %s for %s: nothing is entered "
                "until its next training",
                pair,
                noun,
                setting,
            )
