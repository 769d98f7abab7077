"""Splits the rows of a training, and refuses those that are too few."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

import numpy as np

from dualwindow.dataset import Dataset, Selection
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig
from dualwindow.split import Split, split_dataset

logger = logging.getLogger(__name__)

#: Shares of the training period's candles below which a training warns, or is refused.
WARNED_SHARE: Final = 0.9
REFUSED_SHARE: Final = 0.5


def split_for_training(
    dataset: Dataset, config: TrainingConfig, tail_fraction: float, expected_candles: int | None
) -> Split:
    """Split the rows; where nothing is trained, none of them train and any number will do.

    Args:
        dataset: one pair or many.
        config: training settings; with `epochs` 0 nothing is trained.
        tail_fraction: newest share of the rows that stays untouched.
        expected_candles: candles that the training period should hold; None looks at no number.

    Raises:
        DataError: when there are too few rows to train on.
    """
    none = Selection(dataset, ())
    try:
        split = _enough(dataset, config, tail_fraction)
        if config.epochs and expected_candles is not None:
            _require_history(dataset, split, config, expected_candles)
    except DataError:
        if config.epochs:
            raise
        return Split(none, none, none, 0)
    return split if config.epochs else replace(split, train=none, purged=0)


def _enough(dataset: Dataset, config: TrainingConfig, tail_fraction: float) -> Split:
    if not len(dataset.labelled()):
        raise DataError(
            f"none of {len(dataset)} candles has a complete window of {config.window_size} and a "
            f"known future: {_why_invalid(dataset)}"
        )
    return split_dataset(
        dataset,
        validation_fraction=config.validation_fraction,
        future_window=config.future_window,
        tail_fraction=tail_fraction,
    )


def _require_history(
    dataset: Dataset, split: Split, config: TrainingConfig, expected_candles: int
) -> None:
    """Warn or refuse when the training period is far from full."""
    usable = len(split.train) + split.purged + len(split.validation) + len(split.tail)
    most = expected_candles - config.window_size - config.future_window
    if most <= 0 or usable >= WARNED_SHARE * most:
        return
    message = (
        f"only {usable} of the {most} candles that the training period should give can be used: "
        f"{_why_invalid(dataset)}"
    )
    if usable < REFUSED_SHARE * most:
        raise DataError(message)
    logger.warning("%s", message)


def _why_invalid(dataset: Dataset) -> str:
    """Name the feature with the most holes, which is nearly always the cause."""
    finite = np.array([np.isfinite(column).sum() for column in dataset.features.T])
    worst = int(finite.argmin())
    if finite[worst] < len(dataset):
        return (
            f"the feature {dataset.names[worst]} is known for only {finite[worst]} of them; a "
            "moving average needs that many candles before the first training day, so download "
            "an earlier start (training days + 30 before the time range for a 43,200-candle "
            "average)"
        )
    return "the candles begin too late, or have many gaps or outages; download the data again"
