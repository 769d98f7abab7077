"""Figures of probabilities: raw and calibrated, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from dualwindow.evaluation.bootstrap import block_length, time_blocks
from dualwindow.evaluation.classification import DecisionFigures
from dualwindow.evaluation.losses import LossFigures
from dualwindow.evaluation.reference import Comparison, EvaluatedPart
from dualwindow.evaluation.reliability import Reliability
from dualwindow.evaluation.skill import Skill, skills

#: The network's probabilities as they are, prior-corrected, and temperature-scaled as well.
RAW: Final = "raw"
PRIOR_CORRECTED: Final = "prior-corrected"
#: The key of saved figures keeps an earlier word.
TEMPERATURE_SCALED: Final = "tempered"
_ValueT = TypeVar("_ValueT", bound=np.generic)
_FiguresT = TypeVar("_FiguresT")


@dataclass(frozen=True)
class ForecastFigures:
    """Losses, reliability and skill of forecasts; of the raw one alone without a comparison.

    Attributes:
        losses: raw, prior-corrected, temperature-scaled and baselines to their losses.
        reliability: raw, prior-corrected and temperature-scaled to their reliability.
        skill: raw, prior-corrected and temperature-scaled to baseline to skill.
        baselines: baseline to figures of its decisions.
        temperature: the calibration's, else fitted on all of these rows; then one half of the rows
            was scaled with the temperature of the other, so that no figure is hindsight.
        blocks: blocks of time that the intervals are drawn from.
        block_seconds: length of a block.
    """

    losses: dict[str, LossFigures]
    reliability: dict[str, Reliability]
    skill: dict[str, dict[str, Skill]]
    baselines: dict[str, DecisionFigures]
    temperature: float | None
    blocks: int
    block_seconds: int

    def strongest(self, part: str) -> str:
        """The baseline with the smallest loss on these rows.

        A table of deciles pays for the noise in its training rows. Where there is nothing to find
        it is worse than the class prior, and a network without information would beat it. `part`
        is one of `losses.PARTS`.
        """
        field = "log_loss" if part == "total" else part
        # The class prior where no row has a direction.
        return min(self.baselines, key=lambda name: getattr(self.losses[name], field) or 0.0)

    @classmethod
    def from_parts(cls, parts: Sequence[EvaluatedPart]) -> ForecastFigures:
        """Evaluate the probabilities of several models together, all beside their own baselines.

        Args:
            parts: at least one, of at least one row; forecasts that some of them lack are left
                out. The temperature is that of the last.
        """
        labels = np.concatenate([part.labels for part in parts])
        comparisons = [part.comparison for part in parts if part.comparison is not None]
        if len(comparisons) < len(parts):
            raw = {RAW: np.concatenate([part.probabilities for part in parts])}
            losses = _by_name(LossFigures.from_probabilities, labels, raw)
            reliability = _by_name(Reliability.from_probabilities, labels, raw)
            return cls(losses, reliability, {}, {}, None, 0, 0)
        predicted = [
            _Predicted.from_probabilities(part.labels, part.probabilities, comparison)
            for part, comparison in zip(parts, comparisons, strict=True)
        ]
        forecasts = _joined([part.forecasts for part in predicted])
        baselines = _joined([part.baselines for part in predicted])
        decisions = _joined([part.decisions for part in predicted])
        seconds = np.concatenate([comparison.seconds for comparison in comparisons])
        length = block_length(seconds, max(other.future_seconds for other in comparisons))
        blocks = time_blocks(seconds, length)
        return cls(
            losses=_by_name(LossFigures.from_probabilities, labels, {**forecasts, **baselines}),
            reliability=_by_name(Reliability.from_probabilities, labels, forecasts),
            skill=skills(labels, forecasts, baselines, blocks),
            baselines=_by_name(DecisionFigures.from_decisions, labels, decisions),
            temperature=predicted[-1].temperature,
            blocks=int(blocks.max()) + 1,
            block_seconds=length,
        )


@dataclass(frozen=True)
class _Predicted:
    """Forecasts of one model and its baselines: name to (N, 3), of decisions to (N,)."""

    forecasts: dict[str, NDArray[np.floating]]
    baselines: dict[str, NDArray[np.float64]]
    decisions: dict[str, NDArray[np.int8]]
    temperature: float | None

    @classmethod
    def from_probabilities(
        cls,
        labels: NDArray[np.integer],
        probabilities: NDArray[np.floating],
        comparison: Comparison,
    ) -> _Predicted:
        calibration = comparison.reference.calibration
        corrected = calibration.prior_corrected(probabilities)
        if calibration.temperature is None:
            scaled = calibration.cross_fitted(labels, probabilities, comparison.seconds)
            calibration = calibration.fitted(labels, probabilities)
        else:
            scaled = calibration.temperature_scaled(probabilities)
        fitted = comparison.reference.baselines
        baselines = fitted.probabilities(len(labels), comparison.volatility)
        return cls(
            forecasts={RAW: probabilities, PRIOR_CORRECTED: corrected, TEMPERATURE_SCALED: scaled},
            baselines=baselines,
            decisions=fitted.decisions(baselines),
            temperature=calibration.temperature,
        )


def _by_name(
    figures: Callable[[NDArray[np.integer], NDArray[_ValueT]], _FiguresT],
    labels: NDArray[np.integer],
    tables: Mapping[str, NDArray[_ValueT]],
) -> dict[str, _FiguresT]:
    return {name: figures(labels, table) for name, table in tables.items()}


def _joined(parts: Sequence[Mapping[str, NDArray[_ValueT]]]) -> dict[str, NDArray[_ValueT]]:
    """Rows of all parts one after the other, of the names that all have."""
    return {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
        if all(name in part for part in parts)
    }
