"""What a decision should be, by slow functions and a model that is read from its file again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from dualwindow.bot.freqai_frames import prediction_frame
from dualwindow.models.trained_model import Prediction, TrainedModel
from tests.lives.bot import PERIODS, WINDOW, Analysis
from tests.lives.market import HOUR
from tests.makers.impossible import as_missing, slow_impossible
from tests.makers.row_windows import consecutive, longest_run
from tests.makers.slow_features import CHANGES, slow_features

#: Rows that the features of a window depend on.
_ROWS = WINDOW + max(PERIODS) + 1


@dataclass(frozen=True)
class Expected:
    """What a backtest decides on the candle of an analysis.

    Attributes:
        is_valid: whether its window may be traded upon.
        probabilities: of SHORT, HOLD and LONG; None without a valid window.
        side: class code.
    """

    is_valid: bool
    probabilities: Any = None
    side: int = 1


@lru_cache(maxsize=64)
def _loaded(file: Path, _changed: int) -> TrainedModel:
    return TrainedModel.from_bytes(torch.load(file, weights_only=False)["payload"])


def model_in(folder: Path) -> TrainedModel:
    """The model in a folder, as it lies there."""
    (file,) = folder.glob("*_model.zip")
    return _loaded(file, file.stat().st_mtime_ns)


def candles_of(found: Analysis) -> pd.DataFrame:
    """The newest candles that an analysis knew, missing ones as freqtrade fills them."""
    handed = found.handed[["date", "open", "high", "low", "close", "volume"]]
    if len(handed) < _ROWS:
        held = found.bot.model.dd.historic_data.get(found.pair, {}).get("1h")
        if held is not None and len(held):
            older = held[held["date"] < handed["date"].iloc[0]]
            handed = pd.concat([older[list(handed)], handed], ignore_index=True)
    return handed.tail(_ROWS).reset_index(drop=True)


def features_of(candles: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """(P, C) features of the window that ends with the last candle."""
    first = max(len(candles) - WINDOW, 0)
    bad = {row for row, flag in enumerate(slow_impossible(candles)) if flag}
    sound = as_missing(candles, sorted(bad)) if bad else candles
    table: dict[str, list[float]] = {}
    for period in PERIODS:
        own = slow_features(sound, period, first)
        table |= {name: own[name] for name in (f"price_to_ma{period}", f"volume_to_ma{period}")}
        table |= {name: own[name] for name in CHANGES}
    for name in CHANGES:
        for place, row in enumerate(range(first, len(candles))):
            if bad & {row - 1, row}:
                table[name][place] = math.nan
    return np.array([table[name] for name in names], np.float64).T


def expected(found: Analysis) -> Expected:
    """What a backtest with the model of an analysis decides on its candles."""
    assert found.folder is not None
    model = model_in(found.folder)
    candles = candles_of(found)
    if len(candles) < WINDOW:
        return Expected(False)
    features = features_of(candles, model.feature_names)
    own = candles.tail(WINDOW)
    seconds = [int(date.timestamp()) for date in own["date"]]
    prices = own[["open", "high", "low", "close"]].to_numpy()
    flat = [
        volume == 0 and len(set(row)) == 1
        for row, volume in zip(prices.tolist(), own["volume"].tolist(), strict=True)
    ]
    valid = (
        all(math.isfinite(value) for row in features.tolist() for value in row)
        and not any(slow_impossible(own.reset_index(drop=True)))
        and consecutive(seconds, HOUR)
        and longest_run(flat) <= model.config.max_flat_candles
    )
    if not valid:
        return Expected(False)
    rows = np.array([WINDOW - 1])
    probabilities = model.probabilities(np.ascontiguousarray(features, np.float32), rows)
    rule = found.bot.strategy.decision_rule
    frame = prediction_frame(Prediction(probabilities, np.ones(1, np.bool_)), model, rule)
    side = int(rule.decide(frame.assign(do_predict=1))[0])
    return Expected(True, probabilities[0], side)
