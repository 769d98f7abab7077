"""A breach of every promise, planted into one function of the product; lives have to find each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import torch
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from dualwindow.bot.live.histories import PairHistories
from dualwindow.bot.newest_candle import CandleWatch, NewestCandle
from dualwindow.data.candles.impossible import KnownCandles
from dualwindow.models.checkpoint import CheckpointFile, TrainingState
from dualwindow.models.freqai_folders import find_models
from dualwindow.track.record import TrackRecord

Patch = AbstractContextManager[Any]


@dataclass(frozen=True)
class Breach:
    """A promise that is broken on purpose.

    Attributes:
        invariant: name of the promise.
        what: the fault, in words.
        plant: puts it into the product for a block.
        seed: of a life that finds it.
    """

    invariant: str
    what: str
    plant: Callable[[], Patch]
    seed: int


def _all_known(_self: Any, columns: Any) -> tuple[Any, np.ndarray]:
    return columns, np.zeros(len(columns["close"]), np.bool_)


@contextmanager
def _impossible_counts() -> Iterator[None]:
    arrays = "dualwindow.data.features.candle_arrays.impossible_candles"
    with (
        patch(arrays, lambda candles: np.zeros(len(candles), np.bool_)),
        patch.object(KnownCandles, "update", _all_known),
    ):
        yield


def _unguarded(self: NewestCandle, timeframe: str, pair: str, since: int) -> Any:
    return self._provider._exchange.get_historic_ohlcv(
        pair, timeframe, since_ms=since * 1000, candle_type=self._candle_type
    )


@contextmanager
def _in_place(path: Path) -> Iterator[Path]:
    yield path


def _oldest_kept(folder: Path, keep: int, in_use: Any) -> list[Path]:
    gone = [model.path for model in find_models(folder)[:-keep]]
    for path in gone:
        shutil.rmtree(path)
    return gone


def _exchanged(real: Any) -> Any:
    def frame(*about: Any) -> Any:
        made = real(*about)
        return made.rename(columns={"SHORT": "LONG", "LONG": "SHORT"})[list(made)]

    return frame


def _off_a_little(real: Any) -> Any:
    def read(self: CheckpointFile) -> TrainingState | None:
        state = real(self)
        if state is None:
            return None
        moved = {
            name: value + 0.01 if torch.is_floating_point(value) else value
            for name, value in state.tensors.items()
        }
        return replace(state, tensors=moved)

    return read


def _a_candle_late(real: Any) -> Any:
    def label_frame(*about: Any) -> Any:
        labels, touches = real(*about)
        return np.roll(labels, 1), touches

    return label_frame


def _of(target: str, wrapper: Callable[[Any], Any]) -> Callable[[], Patch]:
    """Replace a function of a module by one that is made of it."""

    def plant() -> Patch:
        module, _, name = target.rpartition(".")
        real = getattr(__import__(module, fromlist=[name]), name)
        return patch(target, wrapper(real))

    return plant


BREACHES: Final = (
    Breach("sound window", "impossible candles count as they are", _impossible_counts, 9),
    Breach(
        "complete candles",
        "late candles are not waited for",
        lambda: patch.object(CandleWatch, "is_complete", lambda *_of: True),
        3,
    ),
    Breach(
        "fresh model",
        "a model never expires",
        lambda: patch.object(FreqaiDataKitchen, "check_if_model_expired", lambda *_of: False),
        0,
    ),
    Breach(
        "own model",
        "a folder takes models of any settings",
        lambda: patch("dualwindow.models.fingerprint.require_binding"),
        58,
    ),
    Breach(
        "warmed up",
        "the first candle after a start is traded upon",
        lambda: patch.object(NewestCandle, "is_first", lambda *_of: False),
        43,
    ),
    Breach(
        "as backtest",
        "the probabilities of both sides are exchanged",
        _of("dualwindow.bot.freqai_frames.prediction_frame", _exchanged),
        0,
    ),
    Breach(
        "survives",
        "an exchange that does not answer ends the analysis",
        lambda: patch.object(NewestCandle, "_delivered", _unguarded),
        100,
    ),
    Breach(
        "whole files",
        "files are overwritten in place",
        lambda: patch("dualwindow.runtime.files.whole_path", _in_place),
        10,
    ),
    Breach(
        "no model lost",
        "the oldest models are kept instead of the newest",
        lambda: patch("dualwindow.bot.data_drawer.purge_models", _oldest_kept),
        0,
    ),
    Breach(
        "nothing lost by a kill",
        "the predictions of the last run are set aside",
        lambda: patch("dualwindow.bot.drawer_files._holds_predictions", lambda _file: False),
        74,
    ),
    Breach(
        "undisturbed weights",
        "a training goes on with weights that are a little off",
        lambda: patch.object(CheckpointFile, "read", _off_a_little(CheckpointFile.read)),
        17,
    ),
    Breach(
        "recorded once",
        "a candle may be decided twice",
        lambda: patch.object(TrackRecord, "is_decided", lambda *_of: False),
        0,
    ),
    Breach(
        "true outcomes",
        "labels are those of the candle before",
        _of("dualwindow.track.outcomes.label_frame", _a_candle_late),
        0,
    ),
    Breach(
        "bounded",
        "the candles of pairs that have left stay in memory",
        lambda: patch.object(PairHistories, "keep", lambda *_of: None),
        3,
    ),
)
