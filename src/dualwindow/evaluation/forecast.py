"""Figures of probabilities: raw and calibrated, beside the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.evaluation.blocks import block_length, time_blocks
from dualwindow.evaluation.decisions import DecisionFigures
from dualwindow.evaluation.losses import LossFigures
from dualwindow.evaluation.reliability import Reliability
from dualwindow.evaluation.skill import Skill, skills
from dualwindow.evaluation.yardsticks import Comparison

#: The network's probabilities as they are, with the market's prior, and with a temperature as well.
RAW: Final = "raw"
PRIOR_CORRECTED: Final = "prior-corrected"
TEMPERED: Final = "tempered"


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
    def of(
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
        forecasts: dict[str, NDArray[np.floating]] = {RAW: probabilities}
        if comparison is None:
            return cls(
                losses={RAW: LossFigures.of(labels, probabilities)},
                reliability={RAW: Reliability.of(labels, probabilities)},
                skill={},
                baselines={},
                temperature=None,
                blocks=0,
                block_seconds=0,
            )
        calibration, seconds = comparison.yardsticks.calibration, comparison.seconds
        forecasts[PRIOR_CORRECTED] = calibration.prior_corrected(probabilities)
        if calibration.temperature is None:
            forecasts[TEMPERED] = calibration.cross_fitted(labels, probabilities, seconds)
            calibration = calibration.fitted(labels, probabilities)
        else:
            forecasts[TEMPERED] = calibration.tempered(probabilities)
        fitted = comparison.yardsticks.baselines
        said = fitted.probabilities(len(labels), comparison.volatility)
        length = block_length(seconds, comparison.future_seconds)
        blocks = time_blocks(seconds, length)
        return cls(
            losses={
                name: LossFigures.of(labels, each) for name, each in {**forecasts, **said}.items()
            },
            reliability={name: Reliability.of(labels, each) for name, each in forecasts.items()},
            skill=skills(labels, forecasts, said, blocks),
            baselines={
                name: DecisionFigures.of(labels, decisions)
                for name, decisions in fitted.decisions(said).items()
            },
            temperature=calibration.temperature,
            blocks=int(blocks.max()) + 1,
            block_seconds=length,
        )
