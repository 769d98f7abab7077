"""The yardstick of direction: a logistic regression on what lies behind a candle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.datasets.dataset import Dataset


@dataclass(frozen=True)
class Spans:
    """How far back the regression looks.

    Attributes:
        returns: candles of each trailing return.
        volatilities: candles of each trailing volatility.
    """

    returns: tuple[int, ...]
    volatilities: tuple[int, ...]


SPANS: Final = Spans((15, 30, 60, 120, 240, 480), (30, 120, 480))
#: No further back than the default window, in which the network sees each candle.
WITHIN_WINDOW: Final = Spans((15, 30, 60, 120, 180), (30, 120, 180))
_DAY_SECONDS: Final = 86_400
#: Prices that stood still have no volatility to take a logarithm of.
_LEAST: Final = 1e-8


def trailing_table(candles: pd.DataFrame, spans: Spans = SPANS) -> NDArray[np.float64]:
    """(N, K) trailing returns, trailing volatilities and time of day; NaN where unknown.

    Args:
        candles: N rows with date and close, none missing.
        spans: of the returns and volatilities; `SPANS` make K 11.
    """
    price = np.log(candles["close"])
    changes = price.diff()
    returns = [price.diff(span) for span in spans.returns]
    moved = [np.log(changes.rolling(span).std().clip(lower=_LEAST)) for span in spans.volatilities]
    angle = 2 * np.pi * (utc_seconds(candles["date"]) % _DAY_SECONDS) / _DAY_SECONDS
    return np.stack([*returns, *moved, np.sin(angle), np.cos(angle)], axis=1)


def fitted(table: NDArray[np.float64], dataset: Dataset) -> Any:
    """A regression on the labelled rows of a dataset, classes balanced.

    Args:
        table: (N, K) of the dataset's rows.
        dataset: of one pair.

    Returns:
        What has `predict_proba`, columns SHORT, HOLD, LONG.
    """
    rows = dataset.labelled().all_rows()
    rows = rows[np.isfinite(table[rows]).all(axis=1)]
    regression = LogisticRegression(max_iter=500, class_weight="balanced")
    return make_pipeline(StandardScaler(), regression).fit(table[rows], dataset.labels[rows])
