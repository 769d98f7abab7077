"""From candles and labels to a trained, evaluated model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualwindow.data.datasets.dataset import Dataset
from dualwindow.data.datasets.split import Split, split_for_training
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import DataError, RankLostError
from dualwindow.models.pretrained import require_features, settings_from, untrained_network
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig
from dualwindow.training.final_evaluation import evaluate_training
from dualwindow.training.result import TrainingOutcome
from dualwindow.training.session import NO_FACTS, QUIET, DatasetFacts, TrainingSession
from dualwindow.training.start.chain import ChainTraining
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
        facts: about the candles; the context is replaced by the last of `candles`.

    Raises:
        DataError: when the candles are too few; the other errors are those of `train_dataset`.

    Example:
        >>> features = np.random.default_rng(0).normal(size=(400, 1)).astype(np.float32)
        >>> candles = CandleArrays(("x",), 60 * np.arange(400), features, np.zeros(400, np.bool_))
        >>> labels = np.searchsorted([-1, 1], features[:, 0]).astype(np.int8)
        >>> config = TrainingConfig(window_size=8, future_window=5, epochs=1, device="cpu")
        >>> model = train_model(candles, labels, config, name="BTC/USDT")
        >>> model.predict(candles).probabilities.shape
        (400, 3)
    """
    if config.epochs and len(candles) < config.window_size + config.future_window:
        raise DataError(
            f"{name}: {counted(len(candles), 'candle is', 'candles are')} fewer than one window "
            f"and one future ({config.window_size} + {config.future_window}); download more "
            "history or train on more days"
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
        name: of the training, for the log and the errors.
        session: how it runs.
        facts: about the dataset's candles.
        tail_fraction: newest share of the rows, kept for the evaluation alone; 0 evaluates on the
            validation rows, which have chosen the best epoch.

    Raises:
        SettingsError: when the settings or features are not those of the pretrained model.
        DataError: when there are too few candles or nothing to learn; the message begins with
            `name`.
        MemoryLimitError: when even one batch does not fit.
        TrainingStoppedError: when the session's `should_stop` returned true.
        RankLostError: when another rank has ended; the message names the checkpoint.
    """
    start = session.start
    if start is not None:
        require_features(start, dataset.names)
        config = settings_from(start, config)
    elif config.pretrained is not None:
        raise ValueError("the settings name a pretrained model, and none was handed over")
    with _naming(name):
        apart, expected = session.chain is not None, facts.expected_candles
        split = split_for_training(dataset, config, tail_fraction, expected, chooses_apart=apart)
        trainer = _trainer(dataset, split, config, session, name=name)
    with _naming_the_way_on(session.checkpoint_path):
        if trainer is not None:
            fitted = trainer.fit()
        else:
            assert start is not None, "settings without epochs name a pretrained model"
            fitted = FittedNetwork(untrained_network(start, config), [], 0)
        outcome = evaluate_training(fitted, split, config, facts, session)
    if session.ranks.is_first:
        outcome.log(name)
        if session.figures_path is not None:
            outcome.write(session.figures_path, name)
    return outcome


def _trainer(
    dataset: Dataset,
    split: Split,
    config: TrainingConfig,
    session: TrainingSession,
    *,
    name: str,
) -> Trainer | ChainTraining | None:
    """None where nothing is trained."""
    if not config.epochs:
        return None
    if session.chain is not None:
        return ChainTraining(dataset, split, config, session, name=name)
    return Trainer(dataset, split, config, session)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Put the name of the training in front of the messages of data errors."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name}: {error}") from error


@contextmanager
def _naming_the_way_on(checkpoint: Path | None) -> Iterator[None]:
    """Add how to go on to the message of a lost rank."""
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
