"""Candles with their labels, as the tests of labels ask for them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.labels import LabelRule, label_candles

RULES: list[LabelRule] = ["hybrid", "first_touch"]


def barriers(
    long_tp: float = 0.01, long_sl: float = 0.005, short_tp: float = 0.01, short_sl: float = 0.005
) -> dict[str, float]:
    return {
        "long_tp_pct": long_tp,
        "long_sl_pct": long_sl,
        "short_tp_pct": short_tp,
        "short_sl_pct": short_sl,
    }


def label(candles: pd.DataFrame, future: int, rule: LabelRule, **pct: float) -> NDArray[np.int8]:
    return label_candles(
        candles["high"],
        candles["low"],
        candles["close"],
        future_window=future,
        rule=rule,
        **(pct or barriers()),  # type: ignore[arg-type]
    )
