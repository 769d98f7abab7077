"""From candles and labels to a trained, evaluated model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.split import split_for_training
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import DataError, RankLostError
from dualwindow.models.portable import PortableModel
from dualwindow.models.pretrained import require_features, settings_from, untrained_network
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.training.final_evaluation import evaluate_training
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import NO_FACTS, QUIET, DatasetFacts, TrainingSession
from dualwindow.training.trainer import FittedNetwork, Trainer


def train_model(
    candles: CandleArrays,
    labels: NDArray[np.int8],
    config: TrainingConfig,
    *,
    name: str,
    candle_seconds: int = 60,
    session: TrainingSession = QUIET,
    facts: DatasetFacts = NO_FACTS,
) -> TrainedModel:
    """Train on one pair's candles in memory; the model keeps the last of them as its context.

    Args:
        candles: N rows in time order.
        labels: (N,) int8 classes, -1 where unknown.
        config: training settings.
        name: of the pair, for the log, the errors and its prices.
        candle_seconds: seconds between two candles.
        session: how the training runs.
        facts: of the candles; the context is taken from `candles`.

    Raises:
        DataError: when the candles are too few or hold nothing to learn; the message begins with
            `name`.
    """
    if config.epochs and len(candles) < config.window_size + config.future_window:
        raise DataError(
            f"{name}: {len(candles)} candles are fewer than one window and one future "
            f"({config.window_size} + {config.future_window}); download more history or train on "
            "more days"
        )
    dataset = Dataset.from_candles(
        candles, labels, config, name=name, candle_seconds=candle_seconds
    )
    facts = replace(facts, context=candles.tail(config.window_size - 1))
    return train_dataset(dataset, config, name=name, session=session, facts=facts).model


def train_dataset(
    dataset: Dataset,
    config: TrainingConfig,
    *,
    name: str,
    session: TrainingSession = QUIET,
    facts: DatasetFacts = NO_FACTS,
    tail_fraction: float = 0.0,
) -> TrainingOutcome:
    """Split, fit, evaluate on rows not trained on; log the metrics and write them.

    Args:
        dataset: one pair or many, in memory or mapped.
        config: training settings. With `epochs` 0 the session's pretrained model is used as it
            is, however few the candles, and evaluated where it can be.
        name: what the log and the errors call this training.
        session: how it runs.
        facts: of the dataset's candles.
        tail_fraction: newest share of the rows that is evaluated on and seen by nothing else; 0
            evaluates on the validation rows, which have chosen the best epoch.

    Raises:
        SettingsError: when the settings or features are not those of the pretrained model.
        DataError: when there are too few candles or nothing to learn; the message begins with
            `name`.
        MemoryLimitError: when even one batch does not fit.
        TrainingStoppedError: when the session's `should_stop` asked for it.
        RankLostError: when another rank has ended; the message names the checkpoint.
    """
    config = _agreed_settings(config, dataset, session.start)
    with _naming(name):
        split = split_for_training(dataset, config, tail_fraction, facts.expected_candles)
        trainer = Trainer(dataset, split, config, session) if config.epochs else None
    with _naming_the_way_on(session.checkpoint_path):
        fitted = trainer.fit() if trainer else _as_it_is(session.start, config)
        outcome = evaluate_training(fitted, split, config, facts, session)
    if session.ranks.is_first:
        outcome.log(name)
        if session.figures_path is not None:
            outcome.write(session.figures_path, name)
    return outcome


def _agreed_settings(
    config: TrainingConfig, dataset: Dataset, start: PortableModel | None
) -> TrainingConfig:
    """The settings with what a pretrained model decides.

    Raises:
        SettingsError: when settings or features are not that model's.
    """
    if start is not None:
        require_features(start, dataset.names)
        return settings_from(start, config)
    if config.pretrained is not None:
        raise ValueError("the settings name a pretrained model, and none was handed over")
    return config


def _as_it_is(start: PortableModel | None, config: TrainingConfig) -> FittedNetwork:
    assert start is not None, "settings without epochs name a pretrained model"
    return FittedNetwork(untrained_network(start, config), [], 0)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Begin the messages of data errors with the name of the training."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name}: {error}") from error


@contextmanager
def _naming_the_way_on(checkpoint: Path | None) -> Iterator[None]:
    """Add to the message of a lost rank how to go on."""
    try:
        yield
    except RankLostError as error:
        way = "start again"
        if checkpoint is not None:
            way = (
                f"the checkpoint {checkpoint} of the epochs that had ended is kept, start again "
                "with --resume to go on from it"
            )
        raise RankLostError(f"{error}; {way}") from error
