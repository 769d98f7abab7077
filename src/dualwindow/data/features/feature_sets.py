"""The features of a pair's own candles, by feature set: which, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import BASE, EXTENDED, SUMMARY, FeatureSet
from dualwindow.data.candles.frames import Candles
from dualwindow.data.candles.impossible import KnownCandles
from dualwindow.data.features.base import ChangeFeatures, MovingAverageFeatures, without_rows
from dualwindow.data.features.extended import ExtendedFeatures
from dualwindow.data.features.summary import SameTimeFeatures, SummaryFeatures

#: Parts that only the base pair and timeframe have.
_Part = MovingAverageFeatures | ExtendedFeatures | SummaryFeatures | SameTimeFeatures


class FeatureStream:
    """All features of one pair, fed block by block, in the bot's order; NaN in unknown rows.

    Impossible candles are unknown, and the rows after them; see `candles.impossible`. Averages are
    over `periods` candles, such as (1440, 43200).
    """

    def __init__(self, periods: Sequence[int], feature_set: FeatureSet = BASE) -> None:
        self._known = KnownCandles()
        self._parts = [ChangeFeatures(), *_standard_parts(periods, feature_set)]
        self.names: tuple[str, ...] = tuple(name for part in self._parts for name in part.names)

    def update(self, candles: Candles) -> NDArray[np.float32]:
        """(N, C) float32 of the next N candles, C-contiguous; sets beside `base` need dates."""
        known, unknown = self._known.update(candles)
        table = np.empty((len(unknown), len(self.names)), dtype=np.float32)
        index = 0
        for part in self._parts:
            for values in part.update(known).values():
                table[:, index] = values
                index += 1
        table[unknown] = np.nan
        return table


def standard_features(
    candles: Candles, periods: Sequence[int], feature_set: FeatureSet
) -> dict[str, NDArray[np.float64]]:
    """Those features of a whole frame that only the base pair and timeframe have, in order.

    The frame has columns date, close and volume in time order, for `summary` high and low, and
    open, high and low if they are to be looked at; averages are over `periods` candles.

    Returns:
        Feature name to (N,) float64; NaN in unknown rows, as in `FeatureStream`.
    """
    known, unknown = KnownCandles().update(candles)
    features: dict[str, NDArray[np.float64]] = {}
    for part in _standard_parts(periods, feature_set):
        features |= part.update(known)
    return without_rows(features, unknown)


def newest_features(
    columns: Mapping[str, NDArray[Any]], rows: int, periods: Sequence[int], feature_set: FeatureSet
) -> dict[str, NDArray[np.float64]]:
    """`standard_features` of the last `rows` of many candles, none of them impossible.

    Every part looks at no more candles than its own features need.
    """
    features: dict[str, NDArray[np.float64]] = {}
    for part in _standard_parts(periods, feature_set):
        seen = {name: values[-(rows + part.look_back - 1) :] for name, values in columns.items()}
        features |= {name: values[-rows:] for name, values in part.update(seen).items()}
    return features


def _standard_parts(periods: Sequence[int], feature_set: FeatureSet) -> list[_Part]:
    parts: list[_Part] = [MovingAverageFeatures(period) for period in periods]
    if feature_set == EXTENDED:
        parts.append(ExtendedFeatures())
    if feature_set == SUMMARY:
        parts += [SummaryFeatures(), SameTimeFeatures()]
    return parts
