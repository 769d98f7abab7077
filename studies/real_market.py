"""Real candles of a pair, cut into walk-forward folds that every contender gets alike."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo.running import REPOSITORY
from dualwindow.backtest.price_files import read_candle_frame, with_funding
from dualwindow.backtest.prices import TradeCandles
from dualwindow.columns import UNKNOWN
from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.split import split_dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.feature_sets import FeatureStream
from dualwindow.data.features.windows import label_frame
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig

#: Names another folder of candles than the one beside the repository.
FOLDER_VARIABLE: Final = "DUALWINDOW_STUDY_DATA"
DAY: Final = 86_400
#: Candles of the moving averages, those of config.json.
PERIODS: Final = (1440, 43_200)
_CANDLE: Final = 60


def data_folder() -> Path:
    """The folder of real candles.

    Raises:
        DataError: when it is missing.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        raise DataError(
            f"there is no folder of real candles {folder}; name one in {FOLDER_VARIABLE}"
        )
    return folder


def source_of(pair: str, path: Path) -> CandleSource:
    """The pair's file.

    Raises:
        DataError: when it is missing.
    """
    if not path.is_file():
        raise DataError(f"there is no candle file {path}; name its folder in {FOLDER_VARIABLE}")
    return CandleSource(pair, path)


def feature_stream(config: TrainingConfig) -> FeatureStream:
    """Features that a network of these settings looks at."""
    return FeatureStream(PERIODS, config.feature_set)


@dataclass(frozen=True)
class Fold:
    """One training window and the candles after it; rows are those of the pair.

    Attributes:
        market: the pair.
        first: first row of the training window.
        stop: row after it; no label of a training row looks at this candle or later.
        train: (N,) rows to train on.
        validation: (M,) rows to stop and calibrate on.
        test: (K,) rows after the window.
        training: flat features and labels of the window.
    """

    market: Market
    first: int
    stop: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    training: Dataset = field(repr=False)

    @property
    def rows_key(self) -> str:
        """Hash of all rows and their labels: equal where contenders had the same rows."""
        digest = hashlib.sha256()
        for rows in (self.train, self.validation, self.test):
            digest.update(rows.astype(np.int64).tobytes())
            digest.update(self.market.labels[rows].tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Market:
    """One pair: candles, features and labels.

    Attributes:
        name: of the pair.
        candles: N rows without a missing minute.
        arrays: the same with features.
        labels: (N,) int8, -1 where the future is unknown or the window is not valid.
        prices: that trades are made on.
        config: window and label settings.
    """

    name: str
    candles: pd.DataFrame = field(repr=False)
    arrays: CandleArrays = field(repr=False)
    labels: NDArray[np.int8] = field(repr=False)
    prices: TradeCandles = field(repr=False)
    config: TrainingConfig = field(repr=False)

    @classmethod
    def read(cls, source: CandleSource, config: TrainingConfig) -> Market:
        """Read a pair, missing minutes filled and funding beside it as freqtrade has them.

        Raises:
            DataError: when a file is missing or damaged.
        """
        frame = read_candle_frame(source)
        market = cls.from_source(source.pair, frame, config)
        return replace(market, prices=with_funding(market.prices, source))

    @classmethod
    def from_source(cls, name: str, candles: pd.DataFrame, config: TrainingConfig) -> Market:
        """Reckon features and labels of N candles."""
        stream = feature_stream(config)
        features = stream.update(candles)
        seconds = utc_seconds(candles["date"])
        arrays = CandleArrays(stream.names, seconds, features, flat_candles(candles))
        known, _ = label_frame(candles, config)
        labels = np.where(arrays.valid_windows(config), known, UNKNOWN).astype(np.int8)
        return cls(name, candles, arrays, labels, TradeCandles.from_frame(candles), config)

    def folds(self, train_days: int, step_days: int) -> Iterator[Fold]:
        """Yield every window that has a whole step after it, from the first usable candle on."""
        usable = np.flatnonzero(np.isfinite(self.arrays.features).all(axis=1))
        first = int(usable[0]) if len(usable) else len(self.labels)
        span, step = (days * DAY // _CANDLE for days in (train_days, step_days))
        while first + span + step <= len(self.labels):
            yield self._fold(first, first + span, step)
            first += step

    def _fold(self, first: int, stop: int, step: int) -> Fold:
        part = slice(first, stop)
        whole = self.arrays
        arrays = replace(
            whole,
            seconds=whole.seconds[part],
            features=whole.features[part],
            flat=whole.flat[part],
        )
        # Labelled anew: what lies after the window is not known to whoever trains on it.
        labels, _ = label_frame(self.candles.iloc[part], self.config)
        training = Dataset.from_candles(arrays, labels, self.config, name=self.name)
        split = split_dataset(
            training,
            validation_fraction=self.config.validation_fraction,
            future_window=self.config.future_window,
        )
        test = stop + np.flatnonzero(self.labels[stop : stop + step] != UNKNOWN)
        return Fold(
            self,
            first,
            stop,
            first + split.train.all_rows(),
            first + split.validation.all_rows(),
            test,
            training,
        )
