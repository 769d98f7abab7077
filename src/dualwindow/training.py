"""From candles and labels to a trained, evaluated model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow import __version__
from dualwindow.balance import class_counts
from dualwindow.candles import CandleArrays
from dualwindow.columns import CLASS_NAMES
from dualwindow.errors import DataError
from dualwindow.evaluation import Evaluation, evaluate
from dualwindow.files import write_json
from dualwindow.labels import BothTouched
from dualwindow.settings import TrainingConfig
from dualwindow.split import Split, split_rows
from dualwindow.trained import TrainedModel
from dualwindow.trainer import Trainer, TrainingResult
from dualwindow.training_hooks import TrainingHook

logger = logging.getLogger(__name__)

#: Shares of the training period's candles below which a training warns, or is refused.
WARNED_SHARE: Final = 0.9
REFUSED_SHARE: Final = 0.5


def train_model(
    candles: CandleArrays,
    labels: NDArray[np.int8],
    config: TrainingConfig,
    *,
    name: str,
    touches: BothTouched | None = None,
    expected_candles: int | None = None,
    candle_seconds: int = 60,
    figures_path: Path | None = None,
    hooks: Sequence[TrainingHook] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> TrainedModel:
    """Split, train, evaluate on validation, log the figures and write them.

    Args:
        candles: N rows in time order.
        labels: (N,) int8 classes, -1 where unknown.
        config: training settings.
        name: what the log and the errors call this training, such as the pair.
        touches: how often one candle touched both barriers of a side, to be reported.
        expected_candles: candles that the training period should hold; fewer usable ones earn a
            warning, far fewer are refused.
        candle_seconds: seconds between two candles.
        figures_path: where the figures go as JSON; None writes none.
        hooks: told after every epoch.
        should_stop: true ends the training with `TrainingStoppedError`.

    Raises:
        DataError: when the candles are too few or hold nothing to learn; the message begins with
            `name`.
    """
    try:
        split = _split(candles, labels, config, candle_seconds)
        if expected_candles is not None:
            _require_history(candles, split, config, expected_candles)
        trainer = Trainer(candles, labels, split, config, hooks=hooks, should_stop=should_stop)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    result = trainer.fit()
    model = TrainedModel(
        result.network, config, candles.tail(config.window_size - 1), candle_seconds
    )
    evaluation = _evaluate(model, candles, labels, split)
    _log(name, evaluation, result)
    if touches is not None:
        logger.info(
            "%s: take profit and stop loss lay in one candle for %d longs and %d shorts, which "
            "count as stopped",
            name,
            touches.long,
            touches.short,
        )
    if figures_path is not None:
        figures_path.parent.mkdir(parents=True, exist_ok=True)
        figures = _figures(labels, split, result, evaluation, touches)
        write_json(figures_path, {"name": name, **figures})
    return model


def _split(
    candles: CandleArrays, labels: NDArray[np.int8], config: TrainingConfig, candle_seconds: int
) -> Split:
    if len(candles) < config.window_size + config.future_window:
        raise DataError(
            f"{len(candles)} candles are fewer than one window and one future "
            f"({config.window_size} + {config.future_window}); download more history or train on "
            "more days"
        )
    valid = candles.valid_windows(config, candle_seconds)
    if not valid.any():
        raise DataError(
            f"none of {len(candles)} candles has a complete window of {config.window_size}: "
            f"{_why_invalid(candles)}"
        )
    return split_rows(
        valid & (labels >= 0),
        validation_fraction=config.validation_fraction,
        future_window=config.future_window,
    )


def _require_history(
    candles: CandleArrays, split: Split, config: TrainingConfig, expected_candles: int
) -> None:
    """Warn or refuse when the training period is far from full."""
    usable = len(split.train) + split.purged + len(split.validation)
    most = expected_candles - config.window_size - config.future_window
    if most <= 0 or usable >= WARNED_SHARE * most:
        return
    message = (
        f"only {usable} of the {most} candles that the training period should give can be used: "
        f"{_why_invalid(candles)}"
    )
    if usable < REFUSED_SHARE * most:
        raise DataError(message)
    logger.warning("%s", message)


def _why_invalid(candles: CandleArrays) -> str:
    """Name the feature with the most holes, which is nearly always the cause."""
    finite = np.isfinite(candles.features).sum(axis=0)
    worst = int(finite.argmin())
    if finite[worst] < len(candles):
        return (
            f"the feature {candles.names[worst]} is known for only {finite[worst]} of them; a "
            "moving average needs that many candles before the first training day, so download "
            "an earlier start (training days + 30 before the time range for a 43,200-candle "
            "average)"
        )
    return "the candles begin too late, or have many gaps or outages; download the data again"


def _evaluate(
    model: TrainedModel, candles: CandleArrays, labels: NDArray[np.int8], split: Split
) -> Evaluation:
    first = int(split.validation[0]) - (model.config.window_size - 1)
    prediction = model.predict(candles.tail(len(candles) - first))
    rows = split.validation
    return evaluate(labels[rows], prediction.probabilities[rows - first], model.config.thresholds)


def _log(name: str, evaluation: Evaluation, result: TrainingResult) -> None:
    logger.info("%s: kept epoch %d of %d", name, result.best_epoch, len(result.history))
    for line in evaluation.lines():
        logger.info("%s: %s", name, line)
    silent = evaluation.silent_sides()
    if silent:
        logger.warning(
            "%s: the thresholds let no %s through in %d validation candles (highest probability "
            "%s): such a model hardly trades; lower the thresholds, choose another "
            "confidence_mode or train on more data",
            name,
            " and no ".join(silent),
            evaluation.rows,
            ", ".join(f"{side} {evaluation.highest[side]:.2f}" for side in silent),
        )


def _figures(
    labels: NDArray[np.int8],
    split: Split,
    result: TrainingResult,
    evaluation: Evaluation,
    touches: BothTouched | None,
) -> dict[str, object]:
    counts = class_counts(labels[split.train])
    return {
        "version": __version__,
        "training": {
            "rows": len(split.train),
            "purged": split.purged,
            "classes": dict(zip(CLASS_NAMES, counts.tolist(), strict=True)),
            "both_barriers_in_one_candle": vars(touches) if touches else None,
            "best_epoch": result.best_epoch,
            "epochs": [vars(epoch) for epoch in result.history],
        },
        "validation": evaluation.to_dict(),
    }
