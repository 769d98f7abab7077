"""Hooks on the epochs of a training."""

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
    """Called after every epoch.

    Example:
        >>> class Losses(list[float]):
        ...     def on_epoch(self, result: EpochResult) -> None:
        ...         self.append(result.validation_loss)
        >>> hook: TrainingHook = Losses()
        >>> hook.on_epoch(EpochResult(1, 1.05, 1.01, 0.32, 1e-3, seconds=0.4))
        >>> hook
        [1.01]
    """

    def on_epoch(self, result: EpochResult) -> None:
        """Handle a finished epoch."""


class ScalarLogger(Protocol):
    """FreqAI's TensorBoard logger."""

    def log_scalar(self, tag: str, scalar_value: float, step: int) -> None:
        """Write one point of the curve `tag`."""


class TensorBoardHook:
    """Writes every epoch's figures to a TensorBoard logger, which it does not close."""

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
    """Writes one log line an epoch, for who asks for all of them (`freqtrade -v`)."""

    def on_epoch(self, result: EpochResult) -> None:
        """Log the figures of one epoch."""
        logger.debug(
            "epoch %(epoch)d: train loss %(train_loss).4f, validation loss %(validation_loss).4f, "
            "Trading F1 %(trading_f1).3f, learning rate %(learning_rate).2g, %(seconds).1f s",
            vars(result),
        )
