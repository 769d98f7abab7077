"""Why so few candles of a training can be used."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from dualwindow.columns import CHANGE_FEATURES, SUMMARY, SUMMARY_FEATURES, candles_looked_at
from dualwindow.data.candles.timerange import DAY_SECONDS
from dualwindow.data.datasets.dataset import Dataset

#: Fewer candles that are impossible, of all, are not why there are too few.
_MOST_IMPOSSIBLE: Final = 0.005
#: End of a feature's name that is made of another pair's or timeframe's candles.
_OF_OTHERS: Final = re.compile(r"_\d+[smhdwM]$")
#: Candles that the features of averages and volatilities look back.
_PERIODS: Final = re.compile(r"(?:_ma|rms_change)(\d+)")


def why_unusable(dataset: Dataset) -> str:
    """The sentence about the feature with the most holes, which is nearly always the cause."""
    finite = np.array([np.isfinite(column).sum() for column in dataset.features.T])
    worst, rows = int(finite.argmin()), len(dataset)
    if finite[worst] == rows:
        return "the candles begin too late, or have many gaps or outages; download the data again"
    name = dataset.names[worst]
    known = f"the feature {name} is known for only {finite[worst]} of them; "
    changes = [finite[i] for i, other in enumerate(dataset.names) if other in CHANGE_FEATURES]
    unknown = rows - min(changes, default=rows)
    if _OF_OTHERS.search(name) is not None:
        return known + (
            "it is made of another pair's or timeframe's candles, which are missing, impossible or "
            "off their timeframe's grid there; download those again, from before the training on"
        )
    # The first change of a pair is unknown.
    if unknown > len(dataset.pairs) and unknown > _MOST_IMPOSSIBLE * rows:
        return known + (
            f"{unknown:,} of {rows:,} candles are impossible or come right after an impossible one "
            "(prices that no market has, high below low); compare them with the exchange, and "
            "download the pair again"
        )
    if name in SUMMARY_FEATURES:
        look_back = candles_looked_at(SUMMARY) - 1
        return known + (
            f"it looks back {look_back:,} candles: freqai.feature_parameters."
            "indicator_periods_candles must hold a period of that many or more, and the candles "
            "must begin as much earlier than the first training day"
        )
    periods = [int(period) for text in dataset.names for period in _PERIODS.findall(text)]
    if not _PERIODS.findall(name):
        return known + (
            "look at how it is made in feature_engineering_*; if it needs candles before the first "
            "training day, download an earlier start"
        )
    longest = max(periods)
    days = -(-longest * dataset.candle_seconds // DAY_SECONDS)
    return known + (
        "a moving average needs that many candles before the first training day, so download an "
        f"earlier start (training days + {days} before the time range for a {longest:,}-candle "
        "average)"
    )
