"""What a chart shows of predictions and decisions: few columns, and gaps where nothing is known."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import (
    CLASS_NAMES,
    CONFIDENCE_COLUMNS,
    DECISION_COLUMN,
    HOLD,
    LABEL_COLUMN,
    LONG,
    SHORT,
)
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.prediction_frame import quantile_levels

#: The smallest probability of a class that decides, by class code.
THRESHOLD_COLUMNS: Final = {code: f"{name}_threshold" for code, name in enumerate(CLASS_NAMES)}
#: Quantile level of a side, and the level from which on the side fires, by class code.
LEVEL_COLUMNS: Final = {code: f"{CLASS_NAMES[code]}_quantile" for code in (SHORT, LONG)}
LEAST_LEVEL_COLUMNS: Final = {code: f"{name}_needed" for code, name in LEVEL_COLUMNS.items()}

_COLORS: Final = {SHORT: "#d95f02", HOLD: "#7f7f7f", LONG: "#1b9e77"}
#: Order of the legend.
_SHOWN: Final = (LONG, SHORT, HOLD)

#: FreqAI adds them to the candles of a running bot: their dates and prices, once more.
_OF_FREQAI: Final = ("date_pred", "high_price", "low_price", "close_price")
_NUMBERS: Final = (*CLASS_NAMES, *CONFIDENCE_COLUMNS)
#: Columns that decide or that FreqAI adds, of which a chart shows the outcome.
_INTERNAL: Final = frozenset(
    {
        *(LABEL_COLUMN, *CONFIDENCE_COLUMNS, *_OF_FREQAI),
        *(f"{name}_{end}" for name in (LABEL_COLUMN, *_NUMBERS) for end in ("mean", "std")),
    }
)

#: What freqtrade and FreqUI draw below the candles, whatever the thresholds.
PLOT_CONFIG: Final[dict[str, Any]] = {
    "main_plot": {},
    "subplots": {
        "probability": {CLASS_NAMES[code]: {"color": _COLORS[code]} for code in _SHOWN},
        "decision": {DECISION_COLUMN: {"color": "#4c6faf", "type": "bar"}},
        "usable": {"do_predict": {"color": "#a6761d"}},
    },
}


def plot_config(rule: DecisionRule) -> dict[str, Any]:
    """`PLOT_CONFIG` with the rule's thresholds, and with quantile levels where it has shares.

    Example:
        >>> from dualwindow.confidence.thresholds import Thresholds
        >>> subplots = plot_config(DecisionRule(Thresholds(0.6, 0.3, 0.6), {2: 0.01}, "none"))
        >>> [*subplots["subplots"]["probability"]]
        ['LONG', 'SHORT', 'HOLD', 'SHORT_threshold']
        >>> [*subplots["subplots"]["quantile"]]
        ['LONG_quantile', 'LONG_quantile_needed']
    """
    below = deepcopy(PLOT_CONFIG["subplots"])
    probability = below.pop("probability")
    probability |= {THRESHOLD_COLUMNS[code]: _dotted(code) for code in _limits(rule)}
    levels: dict[str, Any] = {}
    for code in rule.shares:
        levels[LEVEL_COLUMNS[code]] = {"color": _COLORS[code]}
        levels[LEAST_LEVEL_COLUMNS[code]] = _dotted(code)
    by_level = {"quantile": levels} if levels else {}
    return {"main_plot": {}, "subplots": {"probability": probability, **by_level, **below}}


def charted(frame: pd.DataFrame, rule: DecisionRule) -> pd.DataFrame:
    """N decided candles as a chart shows them; a user's own columns stay.

    Probabilities are calibrated as for the thresholds, and sum to 1. Without a prediction they, the
    quantile levels and the decision are NaN, not 0; thresholds are shown for all candles.
    """
    gaps = without_prediction(frame)
    shown = frame.drop(columns=[name for name in frame.columns if name in _INTERNAL])
    probabilities = rule.calibrated(frame).probabilities
    for name, values in zip(CLASS_NAMES, probabilities.T, strict=True):
        shown[name] = np.where(gaps, np.nan, values)
    for code, limit in _limits(rule).items():
        shown[THRESHOLD_COLUMNS[code]] = limit
    for code, share in rule.shares.items():
        levels = quantile_levels(frame, code)
        # 0 stands for a model without quantiles.
        shown[LEVEL_COLUMNS[code]] = np.where(gaps | (levels <= 0), np.nan, levels)
        shown[LEAST_LEVEL_COLUMNS[code]] = least_level(share)
    if DECISION_COLUMN in shown:
        shown[DECISION_COLUMN] = shown[DECISION_COLUMN].astype(np.float64).mask(gaps)
    return shown


def without_prediction(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether a candle has none: FreqAI writes zeros, and probabilities sum to 1."""
    known = [name for name in CLASS_NAMES if name in frame]
    numbers = frame[known].apply(pd.to_numeric).fillna(0.0)
    return np.asarray(numbers.sum(axis=1).to_numpy() == 0)


def _limits(rule: DecisionRule) -> dict[int, float]:
    """Thresholds that decide and that a probability can reach, by class code."""
    if not rule.thresholds.enabled:
        return {}
    codes = (LONG, SHORT, HOLD) if rule.thresholds.fallback == "argmax" else (LONG, SHORT)
    limits = {code: rule.thresholds.by_class()[code] for code in codes if code not in rule.shares}
    return {code: limit for code, limit in limits.items() if limit <= 1}


def _dotted(code: int) -> dict[str, Any]:
    color = _COLORS[code]
    return {"color": color, "plotly": {"line": {"color": color, "dash": "dot"}}}
