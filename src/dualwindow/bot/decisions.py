"""From FreqAI's frame to the decision of each candle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, HOLD, RANK_COLUMNS
from dualwindow.confidence import Thresholds, decide_reached, threshold_text
from dualwindow.coverage import least_rank

#: FreqAI's `do_predict` of a candle to trade upon.
_USABLE = 1


@dataclass(frozen=True)
class DecisionRule:
    """What decides: thresholds, or for some sides a share of each model's validation candles.

    Attributes:
        thresholds: what the probabilities are compared with.
        shares: class code to the share of validation candles for which the side fires, in place of
            its threshold; a frame holds the predictions of many models, each with its own.
    """

    thresholds: Thresholds
    shares: Mapping[int, float]

    def decide(self, frame: pd.DataFrame) -> NDArray[np.int_]:
        """(N,) class codes; HOLD where FreqAI has no current model or the window is not valid."""
        probabilities = probabilities_of(frame)
        reached = self.thresholds.reached(probabilities)
        for code, share in self.shares.items():
            reached[:, code] = _ranks(frame, code) >= least_rank(share)
        decisions = decide_reached(probabilities, reached, self.thresholds)
        return np.where(usable(frame), decisions, HOLD)

    def unranked(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """(N,) whether a side cannot be decided, because the model has kept no quantiles."""
        unknown = [_ranks(frame, code) <= 0 for code in self.shares]
        return np.any(unknown, axis=0) & usable(frame) if unknown else np.zeros(len(frame), bool)

    def text(self, row: pd.DataFrame) -> str:
        """What decides one candle, in words for the log; `row` is a frame of it alone."""
        limits = self.thresholds.by_class()
        words = [
            f"rank {_ranks(row, code)[0]:.4f} of {least_rank(self.shares[code]):.4f}"
            if code in self.shares
            else threshold_text(limit)
            for code, limit in enumerate(limits)
        ]
        return f"thresholds {' '.join(words)}"


def usable(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether FreqAI says that a candle may be traded upon."""
    return np.asarray((frame["do_predict"] == _USABLE).to_numpy())


def probabilities_of(frame: pd.DataFrame) -> NDArray[np.float64]:
    """(N, 3) probabilities; FreqAI's frames before the first model lack unseen classes."""
    return np.column_stack([_numbers(frame, name) for name in CLASS_NAMES])


def _ranks(frame: pd.DataFrame, code: int) -> NDArray[np.float64]:
    """(N,) ranks of a side; 0, unknown, where a model or a cached prediction lacks them."""
    return _numbers(frame, RANK_COLUMNS[code])


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame:
        return np.zeros(len(frame))
    return np.asarray(pd.to_numeric(frame[name]).fillna(0.0), dtype=np.float64)
