"""Synthetic markets, and what a network trained on their first days says of the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo.market import MINUTES_PER_DAY, MarketSpec, make_market
from demo.running import REPOSITORY
from dualwindow.columns import LONG, SHORT, FeatureSet
from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.feature_sets import FeatureStream
from dualwindow.data.features.windows import label_frame
from dualwindow.settings import TrainingConfig
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import DatasetFacts
from dualwindow.training.train import train_dataset

#: Moving averages in the features; one of 30 days would take half of the training days.
PERIODS: Final = (MINUTES_PER_DAY,)
#: Overlay of the settings' defaults: a network small enough for a test.
SMALL_NETWORK: Final[Mapping[str, Any]] = {
    "patch_size": 10,
    "lstm_units": (32, 16),
    "dense_units": (16,),
    "epochs": 16,
    "early_stopping_patience": 5,
}


def recipe(*presets: str) -> dict[str, Any]:
    """Settings of a model in config.json and presets above it, an overlay of the defaults."""
    settings: dict[str, Any] = {}
    for file in ("config.json", *(f"presets/{name}.json" for name in presets)):
        content = json.loads((REPOSITORY / file).read_text(encoding="utf-8"))["freqai"]
        fraction = content["data_split_parameters"]["test_size"]
        settings |= content["model_training_parameters"] | {"validation_fraction": fraction}
    return settings


@dataclass(frozen=True)
class Days:
    """Length of a market.

    Attributes:
        train: days to train on.
        test: days after them.
    """

    train: int = 60
    test: int = 80


@dataclass(frozen=True)
class StudyMarket:
    """A market of which the first days are trained on.

    Attributes:
        candles: N rows with freqtrade's columns.
        regime: (N,) +1 or -1, sign of the drift within each candle.
        first: row of the first test day.
        feature_set: that the candles are seen through.
    """

    candles: pd.DataFrame
    regime: NDArray[np.int8]
    first: int
    feature_set: FeatureSet = "base"

    @classmethod
    def from_seed(
        cls, seed: int, drift: float, days: Days, feature_set: FeatureSet = "base"
    ) -> StudyMarket:
        """Simulate one; drift 0 is a random walk with stochastic volatility."""
        spec = MarketSpec(seed=seed, days=days.train + days.test, drift_strength=drift)
        market = make_market(spec)
        return cls(market.candles, market.regime, days.train * MINUTES_PER_DAY, feature_set)

    @property
    def after(self) -> pd.DataFrame:
        """The candles of the test days."""
        return self.candles.iloc[self.first :].reset_index(drop=True)

    @cached_property
    def arrays(self) -> CandleArrays:
        """All candles with their features."""
        stream = FeatureStream(PERIODS, self.feature_set)
        features = stream.update(self.candles)
        seconds = utc_seconds(self.candles["date"])
        return CandleArrays(stream.names, seconds, features, flat_candles(self.candles))

    def dataset(self, config: TrainingConfig, rows: slice) -> Dataset:
        """Some of the candles with labels that look at none but them."""
        labels, _ = label_frame(self.candles.iloc[rows], config)
        whole = self.arrays
        part = CandleArrays(
            whole.names, whole.seconds[rows], whole.features[rows], whole.flat[rows]
        )
        return Dataset.from_candles(part, labels, config, name="market")

    def oracle_sides(self) -> NDArray[np.int8]:
        """The side of each test row that who knows the regime takes."""
        return np.where(self.regime[self.first :] > 0, LONG, SHORT).astype(np.int8)


def trained(market: StudyMarket, config: TrainingConfig) -> TrainingOutcome:
    """Train on the first days."""
    dataset = market.dataset(config, slice(market.first))
    whole = market.arrays
    past = slice(market.first - config.window_size + 1, market.first)
    context = CandleArrays(whole.names, whole.seconds[past], whole.features[past], whole.flat[past])
    return train_dataset(dataset, config, name="market", facts=DatasetFacts(context=context))


def said_after(market: StudyMarket, finished: TrainingOutcome) -> NDArray[np.float32]:
    """(N, 3) probabilities of the test days."""
    whole, after = market.arrays, slice(market.first, None)
    candles = CandleArrays(
        whole.names, whole.seconds[after], whole.features[after], whole.flat[after]
    )
    return finished.model.predict(candles).probabilities


def trained_prior(finished: TrainingOutcome) -> NDArray[np.float64]:
    """(3,) class shares that the network was trained on."""
    if finished.reference is None:
        raise ValueError("nothing was trained")
    return np.asarray(finished.reference.calibration.trained)


def settings_text(settings: dict[str, Any]) -> str:
    """An overlay of settings in a sentence."""
    return ", ".join(f"`{name}` {value}" for name, value in settings.items()) or "none"
