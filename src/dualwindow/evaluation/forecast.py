"""Figures of probabilities: raw and calibrated, beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from dualwindow.evaluation.bootstrap import block_length, time_blocks
from dualwindow.evaluation.classification import DecisionFigures
from dualwindow.evaluation.losses import LossFigures
from dualwindow.evaluation.reference import Comparison
from dualwindow.evaluation.reliability import Reliability
from dualwindow.evaluation.skill import Skill, skills

#: The network's probabilities as they are, with the market's prior, and with a temperature as well.
RAW: Final = "raw"
PRIOR_CORRECTED: Final = "prior-corrected"
TEMPERATURE_SCALED: Final = "tempered"

#: Labels, probabilities and comparison of a model's rows.
ForecastPart = tuple[NDArray[np.integer], NDArray[np.floating], Comparison | None]
_ValueT = TypeVar("_ValueT", bound=np.generic)


@dataclass(frozen=True)
class ForecastFigures:
    """What probabilities are worth; without anything to compare with only the raw ones are there.

    Attributes:
        losses: raw, prior-corrected, tempered and each baseline to its losses.
        reliability: raw, prior-corrected and tempered to their reliability.
        skill: raw, prior-corrected and tempered to baseline to skill.
        baselines: baseline to figures of what it would decide.
        temperature: that came with the calibration, else fitted on all of these rows; then each
            half of the rows was tempered with that of the other, so that no figure is hindsight.
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
        it is worse than the class prior, and a network that knows nothing would beat it.

        Args:
            part: total, calm or direction.
        """
        field = "log_loss" if part == "total" else part
        # The class prior where no row has a direction.
        return min(self.baselines, key=lambda name: getattr(self.losses[name], field) or 0.0)

    @classmethod
    def from_probabilities(
        cls,
        labels: NDArray[np.integer],
        probabilities: NDArray[np.floating],
        comparison: Comparison | None,
    ) -> ForecastFigures:
        """Judge the probabilities of rows with known labels.

        Args:
            labels: (N,) class codes, N at least 1.
            probabilities: (N, 3) of the network.
            comparison: of the same rows.
        """
        return cls.of_parts([(labels, probabilities, comparison)])

    @classmethod
    def of_parts(cls, parts: Sequence[ForecastPart]) -> ForecastFigures:
        """Judge the probabilities of several models together, each beside its own yardsticks.

        Args:
            parts: at least one, each as in `of`; what not all of them have is left out. The
                temperature is that of the last.
        """
        labels = np.concatenate([each for each, _, _ in parts])
        comparisons = [each for _, _, each in parts if each is not None]
        if len(comparisons) < len(parts):
            raw = np.concatenate([each for _, each, _ in parts])
            return cls(
                losses={RAW: LossFigures.from_probabilities(labels, raw)},
                reliability={RAW: Reliability.from_probabilities(labels, raw)},
                skill={},
                baselines={},
                temperature=None,
                blocks=0,
                block_seconds=0,
            )
        predicted = [
            _Predicted.from_probabilities(own, each, comparison)
            for (own, each, _), comparison in zip(parts, comparisons, strict=True)
        ]
        forecasts = _joined([each.forecasts for each in predicted])
        baselines = _joined([each.baselines for each in predicted])
        decisions = _joined([each.decisions for each in predicted])
        seconds = np.concatenate([each.seconds for each in comparisons])
        length = block_length(seconds, max(each.future_seconds for each in comparisons))
        blocks = time_blocks(seconds, length)
        return cls(
            losses={
                name: LossFigures.from_probabilities(labels, each)
                for name, each in {**forecasts, **baselines}.items()
            },
            reliability={
                name: Reliability.from_probabilities(labels, each)
                for name, each in forecasts.items()
            },
            skill=skills(labels, forecasts, baselines, blocks),
            baselines={
                name: DecisionFigures.from_decisions(labels, each)
                for name, each in decisions.items()
            },
            temperature=predicted[-1].temperature,
            blocks=int(blocks.max()) + 1,
            block_seconds=length,
        )


@dataclass(frozen=True)
class _Predicted:
    """What one model and its baselines say of rows: name to (N, 3), of decisions to (N,)."""

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
            temperature_scaled = calibration.cross_fitted(labels, probabilities, comparison.seconds)
            calibration = calibration.fitted(labels, probabilities)
        else:
            temperature_scaled = calibration.temperature_scaled(probabilities)
        fitted = comparison.reference.baselines
        baselines = fitted.probabilities(len(labels), comparison.volatility)
        return cls(
            forecasts={
                RAW: probabilities,
                PRIOR_CORRECTED: corrected,
                TEMPERATURE_SCALED: temperature_scaled,
            },
            baselines=baselines,
            decisions=fitted.decisions(baselines),
            temperature=calibration.temperature,
        )


def _joined(parts: Sequence[Mapping[str, NDArray[_ValueT]]]) -> dict[str, NDArray[_ValueT]]:
    """Rows of all parts one after the other, of the names that all have."""
    return {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
        if all(name in part for part in parts)
    }
