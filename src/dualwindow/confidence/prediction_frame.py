"""What the columns of a frame of predictions say, whichever models and versions made its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import (
    CLASS_NAMES,
    LONG,
    QUANTILE_COLUMNS,
    SHARPNESS_COLUMN,
    SHIFT_COLUMNS,
    SHORT,
)
from dualwindow.confidence.calibration import Calibrated
from dualwindow.confidence.thresholds import CalibrationKind


def probabilities_of(frame: pd.DataFrame) -> NDArray[np.float64]:
    """(N, 3) probabilities; FreqAI's frames before the first model lack unseen classes."""
    return np.column_stack([_numbers(frame, name) for name in CLASS_NAMES])


def quantile_levels(frame: pd.DataFrame, code: int) -> NDArray[np.float64]:
    """(N,) ranks of a side; 0, unknown, where a model or a cached prediction lacks them."""
    return _numbers(frame, QUANTILE_COLUMNS[code])


def calibrated_of(
    frame: pd.DataFrame, kind: CalibrationKind, by_share: tuple[int, ...] = ()
) -> Calibrated:
    """Calibrate each row as the model that made it would.

    Args:
        frame: of N predictions.
        kind: the setting `calibration`.
        by_share: class codes of mode coverage.
    """
    shifts = [_numbers(frame, SHIFT_COLUMNS[code]) for code in (SHORT, LONG)]
    return Calibrated.from_probabilities(
        probabilities_of(frame),
        kind,
        _numbers(frame, SHARPNESS_COLUMN),
        np.column_stack(shifts),
        by_share,
    )


def is_calibrated(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether the model that made the row had a calibration."""
    return np.asarray(_numbers(frame, SHARPNESS_COLUMN) > 0)


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame:
        return np.zeros(len(frame))
    return np.asarray(pd.to_numeric(frame[name]).fillna(0.0), dtype=np.float64)
