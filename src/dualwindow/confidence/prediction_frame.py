"""Columns of a frame of predictions as arrays, whichever models and versions made its rows."""

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
from dualwindow.confidence.measure import ConfidenceMeasure
from dualwindow.confidence.thresholds import CalibrationKind


def quantile_levels(frame: pd.DataFrame, code: int) -> NDArray[np.float64]:
    """(N,) quantile levels of a side; 0, unknown, where a model or cached prediction lacks them."""
    return _numbers(frame, QUANTILE_COLUMNS[code])


def calibrated_of(
    frame: pd.DataFrame,
    kind: CalibrationKind,
    by_share: tuple[int, ...] = (),
    measure: ConfidenceMeasure = "probability",
) -> Calibrated:
    """Calibrate N rows of predictions by the models that made them.

    FreqAI's frames before the first model lack the classes that were not seen.
    """
    own, shifts = (
        np.column_stack([_numbers(frame, name) for name in names])
        for names in (CLASS_NAMES, (SHIFT_COLUMNS[SHORT], SHIFT_COLUMNS[LONG]))
    )
    return Calibrated.from_probabilities(
        own, kind, _numbers(frame, SHARPNESS_COLUMN), shifts, by_share, measure=measure
    )


def is_calibrated(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether the model that predicted the row had a calibration."""
    return np.asarray(_numbers(frame, SHARPNESS_COLUMN) > 0)


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame:
        return np.zeros(len(frame))
    return np.asarray(pd.to_numeric(frame[name]).fillna(0.0), dtype=np.float64)
