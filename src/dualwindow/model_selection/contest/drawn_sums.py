"""Figures of contenders from sums by block of time, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.evaluation.bootstrap import interval_of, resampled_totals
from dualwindow.evaluation.losses import PARTS
from dualwindow.model_selection.contest.scoring import SUMS

Sums = Mapping[int, NDArray[np.float64]]
#: A value, and the ends of its 95 % interval; None where there is none.
Figure = dict[str, float | None]

#: Mean of a trade to the sums that it is made of.
_MEANS: Final = {
    "edge": ("edge", "sides"),
    "mean": ("profit", "trades"),
    "common": ("common", "entries"),
    "loss": ("total", "rows"),
}
_DAYS_A_WEEK: Final = 7
#: 1970-01-01 was a Thursday, so that weeks begin on Monday.
_THURSDAY: Final = 3


def pooled(cells: Sequence[Mapping[str, Any]]) -> dict[int, NDArray[np.float64]]:
    """Day to (10,) sums over cells: pairs and folds, and seeds, whose figures are averaged."""
    found: dict[int, NDArray[np.float64]] = {}
    for cell in cells:
        for day, sums in zip(cell["days"], cell["sums"], strict=True):
            found[day] = found.get(day, np.zeros(len(SUMS))) + np.array(sums)
    return found


def by_week(days: Sums) -> dict[int, NDArray[np.float64]]:
    """Week since 1970 to the sums of its days; weeks begin on Monday."""
    found: dict[int, NDArray[np.float64]] = {}
    for day, sums in days.items():
        week = (day + _THURSDAY) // _DAYS_A_WEEK
        found[week] = found.get(week, np.zeros(len(SUMS))) + sums
    return found


class DrawnSums:
    """Sums of contenders as they are and with blocks drawn again, the same draws for all.

    Args:
        contenders: name to sums by block, of the same blocks.
        seeds: how many trainings each name's sums are of.
        draws: of the bootstrap.
    """

    def __init__(
        self, contenders: Mapping[str, Sums], seeds: Mapping[str, int], *, draws: int = 2000
    ) -> None:
        blocks = sorted(next(iter(contenders.values())))
        self.blocks: Final = len(blocks)
        sums = np.concatenate(
            [
                np.array([own[block] for block in blocks]) / seeds[name]
                for name, own in contenders.items()
            ],
            axis=1,
        )
        drawn = np.concatenate([sums.sum(axis=0)[None], resampled_totals(sums, draws=draws)])
        table = drawn.reshape(-1, len(contenders), len(SUMS))
        self._measures = {name: _measures(table[:, place]) for place, name in enumerate(contenders)}

    def total(self, name: str, key: str) -> float:
        """Sum of a contender, without an interval; the key is of `SUMS`."""
        return float(self._measures[name][key][0])

    def skill(self, name: str, against: str) -> dict[str, Figure]:
        """Share of another contender's log loss that one saves, in all and by part."""
        ours, theirs = self._measures[name], self._measures[against]
        with np.errstate(divide="ignore", invalid="ignore"):
            return {part: self._figure(1 - ours[part] / theirs[part]) for part in PARTS}

    def mean(self, name: str, key: str) -> Figure:
        """`edge`, `mean` (profit after fees) or `common` of a trade, or `loss` of a row."""
        return self._figure(self._measures[name][key])

    def difference(self, name: str, other: str, key: str) -> Figure:
        """`mean` of one contender less that of another."""
        return self._figure(self._measures[name][key] - self._measures[other][key])

    def _figure(self, values: NDArray[np.float64]) -> Figure:
        """Value with its interval, None where there is none."""
        if not np.isfinite(values[0]):
            return {"value": None, "low": None, "high": None}
        low, high = interval_of(values[1:], self.blocks) or (None, None)
        return {"value": float(values[0]), "low": low, "high": high}


def _measures(table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """(draws,) by name; a mean of no trades is NaN."""
    sums = {name: table[:, place] for place, name in enumerate(SUMS)}
    with np.errstate(divide="ignore", invalid="ignore"):
        means = {name: sums[of] / sums[count] for name, (of, count) in _MEANS.items()}
    return {**sums, **means}


def figure_text(figure: Mapping[str, float | None], digits: int = 1) -> str:
    """A fraction in percent with its interval, such as `+3.2 % [+2.3, +4.1]`."""
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    if value is None:
        return "-"
    text = f"{100 * value:+.{digits}f} %"
    if low is None or high is None:
        return text
    return f"{text} [{100 * low:+.{digits}f}, {100 * high:+.{digits}f}]"
