"""Result of a training run: model, log lines and metrics."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dualwindow import __version__
from dualwindow.backtest.figures import AfterFees, verdict_sentence
from dualwindow.columns import CLASS_NAMES
from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.datasets.split import Split
from dualwindow.evaluation import Evaluation, Reference
from dualwindow.evaluation.evidence.drift import FeatureSpread
from dualwindow.evaluation.forecast import TEMPERATURE_SCALED
from dualwindow.evaluation.text import skill_text
from dualwindow.labels import BothTouched
from dualwindow.models.model_files import AFTER_FEES_KEY, REFERENCE_KEY, SPREAD_KEY
from dualwindow.models.portable import PortableModel
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import write_json
from dualwindow.training.trainer import FittedNetwork

logger = logging.getLogger(__name__)

_WITH_CALIBRATION: Final = (
    "; the probabilities are calibrated, and then those of rare sides are low: confidence_mode "
    "'coverage' asks for a share of the candles instead"
)


@dataclass(frozen=True)
class TrainingOutcome:
    """Result of a training run.

    Attributes:
        model: not saved yet.
        split: the rows that it was trained, validated and evaluated on.
        fitted: its network and epochs.
        evaluation: on the untouched tail where there is one, else on the validation rows; None
            when `start` has seen all of them.
        reference: for comparison, calibrated on rows after the training, so that it suits the
            model on any other candles; None when a model without one is used as it is.
        after_fees: profit of its decisions on the evaluated rows; None without prices.
        hindsight: rows left out of the evaluation because `start` has seen them.
        touches: how often one candle touched both barriers of a side; None where unknown.
        start: the model that the training started from.
        spread: of the features that it was trained on; None of a store, or too few candles.
    """

    model: TrainedModel
    split: Split
    fitted: FittedNetwork
    evaluation: Evaluation | None
    reference: Reference | None = None
    after_fees: AfterFees | None = None
    hindsight: int = 0
    touches: BothTouched | None = None
    start: PortableModel | None = None
    spread: FeatureSpread | None = None

    @property
    def evaluated_on(self) -> str:
        """Name of the part of the split that is evaluated."""
        return "tail" if len(self.split.tail) else "validation"

    def log(self, name: str) -> None:
        """Log the result and the verdict, a line each; warn of a model that hardly trades.

        All figures are in `evaluation.json`, and in the log of who asks for more.
        """
        logger.info("Done training %s: %s", name, self.summary())
        logger.info("%s: %s", name, verdict_sentence(self.after_fees))
        if self.evaluation is not None:
            self._log_metrics(name, self.evaluation)
        if self.touches is not None:
            logger.debug(
                "%s: take profit and stop loss lay in one candle for %s and %s, which "
                "count as stopped",
                name,
                counted(self.touches.long, "long"),
                counted(self.touches.short, "short"),
            )

    def summary(self) -> str:
        """Result in one line: how it was trained, the loss, how often it fires, its skill."""
        words = [self._way()]
        if self.fitted.history:
            best = self.fitted.history[self.fitted.best_epoch - 1]
            words.append(f"validation loss {best.validation_loss:.4f}")
        if self.evaluation is None:
            words.append("there is no candle to evaluate the model on")
        else:
            coverage = self.evaluation.thresholded.coverage
            words.append(f"SHORT or LONG on {coverage:.2%} of {self.evaluated_on}")
            words.append(f"skill {self._skill(self.evaluation)}")
        return ", ".join([*words, *self._left_out()])

    def _way(self) -> str:
        if not (epochs := len(self.fitted.history)):
            return "the pretrained model is used as it is"
        kept = f"kept epoch {self.fitted.best_epoch} of {epochs}"
        link = self.fitted.link
        if link is None or not link.is_warm:
            return kept
        most = self.model.config.warm_retrainings
        return f"warm retraining {link.retrainings} of {most} from its last model, {kept}"

    @staticmethod
    def _skill(evaluation: Evaluation) -> str:
        forecast = evaluation.forecast
        if not forecast.skill:
            return "unknown"
        baseline = forecast.strongest("total")
        return skill_text(forecast.skill[TEMPERATURE_SCALED][baseline].total)

    def _left_out(self) -> list[str]:
        if self.start is None or not self.hindsight:
            return []
        part = self.evaluated_on
        candles = counted(self.hindsight, f"{part} candle is", f"{part} candles are")
        until = utc_text(self.start.origin.seen_until)
        return [
            f"{candles} not evaluated on, for the pretrained model has seen them: its training "
            f"ended at {until} (UTC)"
        ]

    def _log_metrics(self, name: str, evaluation: Evaluation) -> None:
        after_fees = self.after_fees.lines() if self.after_fees else ()
        for line in (*evaluation.lines(self.evaluated_on), *after_fees):
            logger.debug("%s: %s", name, line)
        # A model that is used as it is may be evaluated on the few candles that it has not seen.
        if self.fitted.history and (silent := evaluation.silent_sides()):
            logger.warning(
                "%s: the thresholds let no %s through in %s (highest %s%s): "
                "such a model hardly trades; lower the thresholds, choose another "
                "confidence_mode or train on more data%s",
                name,
                " and no ".join(silent),
                counted(evaluation.rows, f"{self.evaluated_on} candle"),
                "" if set(silent) & set(evaluation.leads) else "probability ",
                ", ".join(map(evaluation.highest_text, silent)),
                _WITH_CALIBRATION if evaluation.calibration != "none" else "",
            )

    def figures(self) -> dict[str, object]:
        """All metrics as plain JSON types."""
        split, fitted = self.split, self.fitted
        return {
            "version": __version__,
            "training": {
                "rows": len(split.train),
                "purged": split.purged,
                "classes": dict(zip(CLASS_NAMES, split.train.counts.tolist(), strict=True)),
                "both_barriers_in_one_candle": vars(self.touches) if self.touches else None,
                "best_epoch": fitted.best_epoch,
                "epochs": [vars(epoch) for epoch in fitted.history],
                **self._chain(),
            },
            REFERENCE_KEY: self.reference.to_dict() if self.reference else None,
            "not_evaluated_for_hindsight": self.hindsight,
            self.evaluated_on: self.evaluation.to_dict() if self.evaluation else None,
            AFTER_FEES_KEY: self.after_fees.to_dict() if self.after_fees else None,
            SPREAD_KEY: self.spread.to_dict() if self.spread else None,
        }

    def _chain(self) -> dict[str, object]:
        """The place in a chain of trainings, where there is one."""
        link, before = self.fitted.link, self.fitted.before
        if link is None:
            return {}
        losses = vars(before) if before is not None and link.is_warm else None
        return {"chain": {"retrainings": link.retrainings, "losses_before": losses}}

    def write(self, path: Path, name: str) -> None:
        """Write the metrics as JSON, in a folder that is created when it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"name": name, **self.figures()})
