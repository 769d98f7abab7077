"""What may watch a training: each hook is told after every epoch."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EpochResult:
    """Figures of one epoch.

    Attributes:
        epoch: counted from 1.
        train_loss: mean cross entropy over the epoch's windows, nats.
        validation_loss: cross entropy over validation, classes weighed as in training, nats.
        trading_f1: mean F1 of SHORT and LONG over validation, by argmax.
        learning_rate: step size used in the epoch.
        seconds: duration.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    trading_f1: float
    learning_rate: float
    seconds: float


class TrainingHook(Protocol):
    """Something that is told about every epoch."""

    def on_epoch(self, result: EpochResult) -> None:
        """Take note of a finished epoch."""


class ScalarLogger(Protocol):
    """What FreqAI's TensorBoard logger offers."""

    def log_scalar(self, tag: str, scalar_value: float, step: int) -> None:
        """Write one point of the curve `tag`."""


class TensorBoardHook:
    """Writes every epoch's figures to a TensorBoard logger, which it does not own."""

    def __init__(self, scalars: ScalarLogger) -> None:
        self._scalars = scalars

    def on_epoch(self, result: EpochResult) -> None:
        """Write the figures of one epoch."""
        for tag, value in (
            ("loss/train", result.train_loss),
            ("loss/validation", result.validation_loss),
            ("trading_f1/validation", result.trading_f1),
            ("learning_rate", result.learning_rate),
        ):
            self._scalars.log_scalar(tag, value, result.epoch)


class LogHook:
    """Writes one log line an epoch."""

    def on_epoch(self, result: EpochResult) -> None:
        """Log the figures of one epoch."""
        logger.info(
            "epoch %d: train loss %.4f, validation loss %.4f, Trading F1 %.3f, "
            "learning rate %.2g, %.1f s",
            result.epoch,
            result.train_loss,
            result.validation_loss,
            result.trading_f1,
            result.learning_rate,
            result.seconds,
        )
