"""What came of a training, as log lines and as figures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from dualwindow import __version__
from dualwindow.backtest.figures import AfterFees
from dualwindow.columns import CLASS_NAMES
from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.datasets.split import Split
from dualwindow.evaluation import Evaluation, Reference
from dualwindow.labels import BothTouched
from dualwindow.models.figures_file import AFTER_FEES_KEY, REFERENCE_KEY
from dualwindow.models.portable import PortableModel
from dualwindow.models.trained_model import TrainedModel
from dualwindow.training.trainer import TrainingResult

logger = logging.getLogger(__name__)

_WITH_CALIBRATION: Final = (
    "; the probabilities are calibrated, and then those of rare sides are low: confidence_mode "
    "'coverage' asks for a share of the candles instead"
)


@dataclass(frozen=True)
class FinishedTraining:
    """What came of a training.

    Attributes:
        model: not saved yet.
        split: the rows that it trained, validated and was evaluated on.
        result: its epochs.
        evaluation: on the untouched tail where there is one, else on the validation rows; None
            when the model that the training started from has seen all of them.
        hindsight: rows that were not evaluated on because that model has seen them.
        reference: that it was judged by; None when nothing was trained.
        after_fees: what its decisions on the evaluated rows would have earned; None where nobody
            reckoned it.
    """

    model: TrainedModel
    split: Split
    result: TrainingResult
    evaluation: Evaluation | None
    hindsight: int = 0
    reference: Reference | None = None
    after_fees: AfterFees | None = None

    @property
    def evaluated_on(self) -> str:
        """What the evaluated rows are called."""
        return "tail" if len(self.split.tail) else "validation"


def log_training(name: str, finished: FinishedTraining, start: PortableModel | None) -> None:
    """Log which epoch was kept and how good the model is; warn of one that hardly trades.

    Args:
        name: what the log calls the training.
        finished: the training.
        start: the model that it started from.
    """
    result, evaluation = finished.result, finished.evaluation
    if result.history:
        logger.info("%s: kept epoch %d of %d", name, result.best_epoch, len(result.history))
    else:
        logger.info("%s: the pretrained model is used as it is", name)
    if start is not None and finished.hindsight:
        logger.info(
            "%s: %d %s candles are not evaluated on, for the pretrained model has seen them: its "
            "training ended at %s (UTC)",
            name,
            finished.hindsight,
            finished.evaluated_on,
            utc_text(start.origin.seen_until),
        )
    if evaluation is None:
        logger.info("%s: there is no candle to evaluate the model on", name)
        return
    for line in evaluation.lines(finished.evaluated_on):
        logger.info("%s: %s", name, line)
    if finished.after_fees is not None:
        for line in finished.after_fees.lines():
            logger.info("%s: %s", name, line)
    silent = evaluation.silent_sides()
    if silent:
        logger.warning(
            "%s: the thresholds let no %s through in %d %s candles (highest probability "
            "%s): such a model hardly trades; lower the thresholds, choose another "
            "confidence_mode or train on more data%s",
            name,
            " and no ".join(silent),
            evaluation.rows,
            finished.evaluated_on,
            ", ".join(f"{side} {evaluation.highest[side]:.2f}" for side in silent),
            _WITH_CALIBRATION if evaluation.calibration != "none" else "",
        )


def training_figures(finished: FinishedTraining, touches: BothTouched | None) -> dict[str, object]:
    """All figures as plain JSON types.

    Args:
        finished: the training.
        touches: how often one candle touched both barriers of a side, where that is known.
    """
    split, result, evaluation = finished.split, finished.result, finished.evaluation
    return {
        "version": __version__,
        "training": {
            "rows": len(split.train),
            "purged": split.purged,
            "classes": dict(zip(CLASS_NAMES, split.train.counts.tolist(), strict=True)),
            "both_barriers_in_one_candle": vars(touches) if touches else None,
            "best_epoch": result.best_epoch,
            "epochs": [vars(epoch) for epoch in result.history],
        },
        REFERENCE_KEY: finished.reference.to_dict() if finished.reference else None,
        "not_evaluated_for_hindsight": finished.hindsight,
        finished.evaluated_on: evaluation.to_dict() if evaluation else None,
        AFTER_FEES_KEY: finished.after_fees.to_dict() if finished.after_fees else None,
    }
