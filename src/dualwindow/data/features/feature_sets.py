"""The features of a pair's own candles, by feature set: which, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import BASE, EXTENDED, FeatureSet
from dualwindow.data.candles.frames import Candles
from dualwindow.data.candles.impossible import KnownCandles
from dualwindow.data.features.base import (
    ChangeFeatures,
    MovingAverageFeatures,
    moving_average_features,
    without_rows,
)
from dualwindow.data.features.extended import ExtendedFeatures, extended_features


class FeatureStream:
    """All features of one pair, fed block by block, in the bot's order; NaN in unknown rows.

    Impossible candles are unknown, and the rows after them; see `candles.impossible`. Averages are
    over `periods` candles, such as (1440, 43200).
    """

    def __init__(self, periods: Sequence[int], feature_set: FeatureSet = BASE) -> None:
        self._known = KnownCandles()
        self._parts: list[ChangeFeatures | MovingAverageFeatures | ExtendedFeatures]
        self._parts = [ChangeFeatures()]
        self._parts += [MovingAverageFeatures(period) for period in periods]
        self._parts += [ExtendedFeatures()] if feature_set == EXTENDED else []
        self.names: tuple[str, ...] = tuple(name for part in self._parts for name in part.names)

    def update(self, candles: Candles) -> NDArray[np.float32]:
        """(N, C) float32 of the next N candles, C-contiguous; set `extended` needs their dates."""
        known, unknown = self._known.update(candles)
        table = np.empty((len(unknown), len(self.names)), dtype=np.float32)
        columns = (values for part in self._parts for values in part.update(known).values())
        for index, values in enumerate(columns):
            table[:, index] = values
        table[unknown] = np.nan
        return table


def standard_features(
    candles: Candles, periods: Sequence[int], feature_set: FeatureSet
) -> dict[str, NDArray[np.float64]]:
    """Those features of a whole frame that only the base pair and timeframe have, in order.

    The frame has columns date, close and volume in time order, and open, high and low if they are
    to be looked at; averages are over `periods` candles.

    Returns:
        Feature name to (N,) float64; NaN in unknown rows, as in `FeatureStream`.
    """
    known, unknown = KnownCandles().update(candles)
    features: dict[str, NDArray[np.float64]] = {}
    for period in periods:
        features |= moving_average_features(known, period)
    features |= extended_features(known) if feature_set == EXTENDED else {}
    return without_rows(features, unknown)
