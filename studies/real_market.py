"""Real candles of a pair, read for a contest."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import pandas as pd

from demo.running import REPOSITORY
from dualwindow.backtest.price_files import read_candle_frame, with_funding
from dualwindow.backtest.prices import TradeCandles
from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.feature_sets import FeatureStream
from dualwindow.data.features.windows import label_frame
from dualwindow.errors import DataError
from dualwindow.model_selection.contest.market import Market
from dualwindow.settings import TrainingConfig

#: Names another folder of candles than the one beside the repository.
FOLDER_VARIABLE: Final = "DUALWINDOW_STUDY_DATA"
#: Candles of the moving averages, those of config.json.
PERIODS: Final = (1440, 43_200)


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


def feature_stream(config: TrainingConfig, candle_seconds: int = 60) -> FeatureStream:
    """Features that a network of these settings looks at."""
    return FeatureStream(periods_of(candle_seconds), config.feature_set)


def periods_of(candle_seconds: int) -> tuple[int, ...]:
    """`PERIODS` on other candles, as long in time."""
    return tuple(period * 60 // candle_seconds for period in PERIODS)


@dataclass(frozen=True)
class CandleMarket(Market):
    """A pair of a contest with its candles.

    Attributes:
        candles: N rows without a missing minute, those of the dataset.
    """

    candles: pd.DataFrame = field(repr=False, kw_only=True)

    @classmethod
    def read(cls, source: CandleSource, config: TrainingConfig, candle_seconds: int = 60) -> Self:
        """Read a pair, missing minutes filled and funding beside it as freqtrade has them.

        Raises:
            DataError: when a file is missing or damaged.
        """
        candles = read_candle_frame(source, candle_seconds)
        market = cls.from_frame(source.pair, candles, config, candle_seconds)
        prices = with_funding(market.read_prices(), source)
        return replace(market, read_prices=lambda: prices)

    @classmethod
    def from_frame(
        cls, name: str, candles: pd.DataFrame, config: TrainingConfig, candle_seconds: int = 60
    ) -> Self:
        """Compute features and labels of N candles."""
        stream = feature_stream(config, candle_seconds)
        seconds, flat = utc_seconds(candles["date"]), flat_candles(candles)
        arrays = CandleArrays(stream.names, seconds, stream.update(candles), flat)
        labels, _ = label_frame(candles, config, candle_seconds)
        dataset = Dataset.from_candles(
            arrays, labels, config, name=name, candle_seconds=candle_seconds
        )
        prices = TradeCandles.from_frame(candles)
        return cls(name, dataset, lambda: prices, config, candles=candles)
