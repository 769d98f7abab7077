"""Small networks, their settings, and trainings of them on candles without any pattern."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from dualwindow.columns import CHANGE_FEATURES
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.models.network import DualWindowNetwork
from dualwindow.models.networks.shape import NetworkShape
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.training.session import QUIET, TrainingSession
from dualwindow.training.train import train_model

P, ROWS = 12, 1200
NAMES: Final = (*CHANGE_FEATURES, "price_to_ma30", "volume_to_ma30")
SETTINGS: Final[dict[str, Any]] = {
    "window_size": P,
    "future_window": 5,
    "patch_size": 3,
    "lstm_units": (6, 4),
    "dense_units": (5,),
    "epochs": 2,
    "batch_size": 128,
    "streaming_chunk_size": 128,
    "class_balance": "none",
    "mirror": "on",
    "device": "cpu",
}
WIDE: Final = {"wide_features": ["*_to_ma30"], "window_features": ["*_change"]}


def candles_of(rows: int, seed: int) -> CandleArrays:
    features = np.random.default_rng(seed).normal(size=(rows, len(NAMES))).astype(np.float32)
    return CandleArrays(NAMES, 60 * np.arange(rows), features, np.zeros(rows, np.bool_))


def labels_of(rows: int, seed: int) -> NDArray[np.int8]:
    chosen = np.random.default_rng(seed).choice(3, size=rows, p=[0.2, 0.5, 0.3])
    return chosen.astype(np.int8)


CANDLES: Final = candles_of(ROWS, seed=1)


def trained(config: TrainingConfig, session: TrainingSession = QUIET) -> TrainedModel:
    return train_model(CANDLES, labels_of(ROWS, seed=2), config, name="BTC", session=session)


def built(config: TrainingConfig, **changes: Any) -> DualWindowNetwork:
    torch.manual_seed(0)
    shape = NetworkShape.from_settings(config.replace(**changes), NAMES)
    return DualWindowNetwork(shape, [0.0] * len(NAMES), [1.0] * len(NAMES), None).eval()
