"""Skill: the share of a baseline's log loss that a forecast saves, with its interval.

A perfect forecast has 1, one no better than the baseline 0, a worse one is below 0. Forecast and
baseline are compared on the same blocks of time, so that days that are hard for both do not widen
the interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualwindow.evaluation.bootstrap import block_sums, interval_of, resampled_totals
from dualwindow.evaluation.losses import PARTS, row_losses


@dataclass(frozen=True)
class SkillFigure:
    """A skill with its 95 % interval.

    Attributes:
        value: 1 - loss / loss of the baseline; None where the baseline has no loss.
        low: lower end of the interval; None where there are too few blocks.
        high: upper end.
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def sign(self) -> int:
        """1 when the whole interval is above zero, -1 when below, else 0."""
        if self.low is None or self.high is None:
            return 0
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Skill:
    """Skill of one forecast against one baseline.

    Attributes:
        total: of the three classes.
        calm: of HOLD versus move, of which volatility alone gives some.
        direction: of the side given that it is not HOLD.
    """

    total: SkillFigure
    calm: SkillFigure
    direction: SkillFigure


def skills(
    labels: NDArray[np.integer],
    forecasts: Mapping[str, NDArray[np.floating]],
    baselines: Mapping[str, NDArray[np.floating]],
    blocks: NDArray[np.int64],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Skill]]:
    """Skill of every forecast against every baseline.

    Args:
        labels: (N,) class codes, all known, N at least 1.
        forecasts: name to (N, 3) probabilities.
        baselines: name to (N, 3) probabilities.
        blocks: (N,) from `time_blocks`.
        draws: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Name of the forecast to name of the baseline to its skill.
    """
    tables = [*forecasts.values(), *baselines.values()]
    # Summed by block before anything else: from here on nothing is as long as the rows.
    sums = np.column_stack([block_sums(blocks, row_losses(labels, table)) for table in tables])
    drawn = resampled_totals(sums, draws=draws, seed=seed)
    # (draws + 1, forecasts and baselines, parts); the first draw is the rows as they are.
    totals = np.concatenate([sums.sum(axis=0)[None], drawn]).reshape(-1, len(tables), len(PARTS))
    ours, theirs = totals[:, : len(forecasts)], totals[:, len(forecasts) :]
    return {
        name: {
            baseline: _skill(ours[:, place], theirs[:, other], len(sums))
            for other, baseline in enumerate(baselines)
        }
        for place, name in enumerate(forecasts)
    }


def _skill(ours: NDArray[np.float64], theirs: NDArray[np.float64], blocks: int) -> Skill:
    with np.errstate(divide="ignore", invalid="ignore"):
        values = 1 - ours / theirs
    return Skill(*(_figure(column, blocks) for column in values.T))


def _figure(values: NDArray[np.float64], blocks: int) -> SkillFigure:
    if not np.isfinite(values[0]):
        return SkillFigure(None, None, None)
    low, high = interval_of(values[1:], blocks) or (None, None)
    return SkillFigure(float(values[0]), low, high)
