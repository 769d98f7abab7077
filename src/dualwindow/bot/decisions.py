"""From FreqAI's frame to the decision of each candle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException
from numpy.typing import NDArray

from dualwindow.columns import HOLD
from dualwindow.confidence import Thresholds
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.prediction_frame import calibrated_of, is_calibrated, quantile_levels
from dualwindow.confidence.thresholds import CalibrationKind, decide_reached, threshold_text
from dualwindow.evaluation.text import calibration_text

#: FreqAI's `do_predict` of a candle to trade upon.
_USABLE = 1

logger = logging.getLogger(__name__)

#: What makes a side go by its rank; the log's line on thresholds says which.
_BY_QUANTILE: Final = "a share (confidence_mode 'coverage', or hyperopt's coverage_short or _long)"


@dataclass(frozen=True)
class DecisionRule:
    """What decides: thresholds, or for some sides a share of each model's validation candles.

    Attributes:
        thresholds: what the probabilities are compared with.
        shares: class code to the share of validation candles for which the side fires, in place of
            its threshold; a frame holds the predictions of many models, each with its own.
        calibration: of the probabilities, by each model's own.
    """

    thresholds: Thresholds
    shares: Mapping[int, float]
    calibration: CalibrationKind

    def decide(self, frame: pd.DataFrame) -> NDArray[np.int_]:
        """(N,) class codes; HOLD where FreqAI has no current model or the window is not valid."""
        market = calibrated_of(frame, self.calibration).probabilities
        reached = self.thresholds.reached(market)
        for code, share in self.shares.items():
            reached[:, code] = quantile_levels(frame, code) >= least_level(share)
        decisions = decide_reached(market, reached, self.thresholds)
        return np.where(usable(frame), decisions, HOLD)

    def probabilities(self, frame: pd.DataFrame) -> NDArray[np.floating]:
        """(N, 3) probabilities that are compared; NaN where a model has no calibration.

        They are the network's own of sides that go by their rank.
        """
        return calibrated_of(frame, self.calibration, tuple(self.shares)).compared

    def without_level(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(N,) whether a side cannot be decided, because the model has kept no quantiles."""
        unknown = [quantile_levels(frame, code) <= 0 for code in self.shares]
        return np.any(unknown, axis=0) & usable(frame) if unknown else np.zeros(len(frame), bool)

    def uncalibrated(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(N,) whether nothing can be decided, because the model has kept no calibration."""
        if self.calibration == "none":
            return np.zeros(len(frame), dtype=np.bool_)
        return ~is_calibrated(frame) & usable(frame)

    def text(self, row: pd.DataFrame) -> str:
        """What decides one candle, in words for the log; `row` is a frame of it alone."""
        limits = self.thresholds.by_class()
        words = [
            f"rank {quantile_levels(row, code)[0]:.4f} of {least_level(self.shares[code]):.4f}"
            if code in self.shares
            else threshold_text(limit)
            for code, limit in enumerate(limits)
        ]
        return f"thresholds {' '.join(words)}{calibration_text(self.calibration)}"


def usable(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether FreqAI says that a candle may be traded upon."""
    return np.asarray((frame["do_predict"] == _USABLE).to_numpy())


class EarlierModels:
    """Refuses such predictions in a backtest, and warns once a pair in a running bot."""

    def __init__(self) -> None:
        self._waiting: set[tuple[str, str]] = set()

    def look_for(self, rule: DecisionRule, frame: pd.DataFrame, pair: str, *, live: bool) -> None:
        """Look through what is to be decided.

        Args:
            rule: that decides.
            frame: predictions of a pair.
            pair: its name.
            live: whether this is a running bot, in which only the newest candle matters.

        Raises:
            OperationalException: in a backtest, with the way out.
        """
        for setting, noun, lacking in (
            (_BY_QUANTILE, "ranks", rule.without_level(frame)),
            (f"calibration {rule.calibration!r}", "calibration", rule.uncalibrated(frame)),
        ):
            if live:
                self._warn(setting, noun, bool(lacking[-1:].any()), pair)
            elif lacking.any():
                raise OperationalException(
                    f"{pair}: {setting} needs {noun}, and {lacking.sum()} predictions of an "
                    "earlier version have none; delete backtesting_predictions in the folder of "
                    "freqai.identifier to predict anew. Models of that version have none either: "
                    "if this comes again, set another identifier to train anew"
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
