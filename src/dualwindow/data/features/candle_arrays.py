"""Candles as the arrays that training and prediction work on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import CANDLE_COLUMNS, canonical_feature_name
from dualwindow.data.candles.frames import flat_candles, require_order, utc_seconds
from dualwindow.data.candles.impossible import impossible_candles
from dualwindow.data.features.other_candles import OtherCandles
from dualwindow.data.features.windows import valid_windows
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class CandleArrays:
    """Candles in time order with their unscaled features.

    Attributes:
        names: (C,) canonical feature names in the order of the columns of `features`.
        seconds: (N,) int64 candle dates, seconds since 1970.
        features: (N, C) float32, C-contiguous.
        flat: (N,) true where a candle has no volume and one price.

    Example:
        >>> columns = 60 * np.arange(4), np.zeros((4, 1), np.float32), np.zeros(4, np.bool_)
        >>> CandleArrays(("close_change",), *columns).tail(2).seconds.tolist()
        [120, 180]
    """

    names: tuple[str, ...]
    seconds: NDArray[np.int64]
    features: NDArray[np.float32]
    flat: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.seconds)

    @classmethod
    def none(cls, names: tuple[str, ...]) -> CandleArrays:
        """No candles, with the features that they would have."""
        return cls(
            names,
            np.empty(0, dtype=np.int64),
            np.empty((0, len(names)), dtype=np.float32),
            np.empty(0, dtype=np.bool_),
        )

    def tail(self, rows: int) -> CandleArrays:
        """The last `rows` rows, copied, so that the rest can be freed."""
        start = max(len(self) - rows, 0)
        return CandleArrays(
            self.names,
            self.seconds[start:].copy(),
            self.features[start:].copy(),
            self.flat[start:].copy(),
        )

    def after(self, context: CandleArrays) -> CandleArrays:
        """These candles with the rows of `context` that are older put in front."""
        older = int(np.searchsorted(context.seconds, self.seconds[0])) if len(self) else 0
        return CandleArrays(
            self.names,
            np.concatenate([context.seconds[:older], self.seconds]),
            np.concatenate([context.features[:older], self.features]),
            np.concatenate([context.flat[:older], self.flat]),
        )

    def valid_windows(self, config: TrainingConfig, candle_seconds: int = 60) -> NDArray[np.bool_]:
        """Rows whose window can be used, (N,) bool; see `windows.valid_windows`."""
        return valid_windows(
            self.features,
            self.seconds,
            self.flat,
            window_size=config.window_size,
            max_flat_candles=config.max_flat_candles,
            candle_seconds=candle_seconds,
        )


def read_candles(
    frame: pd.DataFrame,
    feature_columns: Sequence[str],
    pair: str,
    timeframe: str,
    others: Iterable[OtherCandles] = (),
) -> CandleArrays:
    """Take the arrays out of FreqAI's frame; NaN in features that come from unknown candles.

    An impossible candle is unknown, and of another pair or timeframe also one that is missing or
    lies in an outage.

    Args:
        frame: N rows with freqtrade's candle columns and the feature columns, in time order.
        feature_columns: (C,) FreqAI's names of the features.
        pair: the base pair.
        timeframe: the base timeframe.
        others: of other pairs and timeframes that the features may come from.

    Raises:
        DataError: when a candle column is missing, two features get one name, or rows are not in
            time order.
    """
    missing = [column for column in CANDLE_COLUMNS if column not in frame.columns]
    if missing:
        raise DataError(f"{pair}: the frame has no column {', '.join(missing)}")
    names = tuple(canonical_feature_name(column, pair, timeframe) for column in feature_columns)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{pair}: two feature columns are both called {', '.join(twice)}")
    seconds = utc_seconds(frame["date"])
    require_order(seconds, pair)
    features = np.empty((len(frame), len(names)), dtype=np.float32)
    # Column by column: a whole-frame conversion would hold a second, Fortran-ordered copy.
    for index, column in enumerate(feature_columns):
        features[:, index] = frame[column].to_numpy(np.float64, na_value=np.nan)
    own = f"_{pair.replace(':', '')}_{timeframe}"
    for other in others:
        # A pair may be a correlated one of others': its own candles are known by their own rules.
        if other.column_end == own:
            continue
        columns = [i for i, column in enumerate(feature_columns) if other.made(column)]
        if columns:
            rows = np.flatnonzero(other.unknown_rows(seconds))
            features[rows[:, None], columns] = np.nan
    features[impossible_candles(frame)] = np.nan
    return CandleArrays(names, seconds, features, flat_candles(frame))
