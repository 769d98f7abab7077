"""Quantile levels of probabilities or leads: a share of candles in place of a threshold.

A model keeps the quantiles of its validation candles for SHORT and LONG, so that any share of the
candles can be let through later, without training again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.confidence.measure import LOWEST, ConfidenceMeasure, measured
from dualwindow.confidence.thresholds import NEVER

#: Shares are resolved to ten-thousandths, up to a half of the candles.
STEPS: Final = 10_000
LARGEST: Final = 0.5
_SIDES: Final = (SHORT, LONG)
_KEPT: Final = int(STEPS * LARGEST) + 1


@dataclass(frozen=True)
class ValidationQuantiles:
    """Upper quantiles of the validation candles, by side.

    Attributes:
        limits: (2, 5001) float32 of SHORT and LONG, falling: column k holds a value of the measure
            that at most k ten-thousandths of the validation candles reach, and as many as may.
            Candles of equal value cannot be told apart: where only some may pass, none does.
        measure: that they are quantiles of.

    Example:
        >>> long = np.arange(1, 101) / 200
        >>> probabilities = np.stack([0.5 - long, np.full(100, 0.5), long], axis=1)
        >>> quantiles = ValidationQuantiles.from_probabilities(probabilities, np.full(3, True))
        >>> round(quantiles.threshold(LONG, 0.1), 4)
        0.4525
        >>> int((probabilities[:, LONG] >= quantiles.threshold(LONG, 0.1)).sum())
        10
    """

    limits: NDArray[np.float32]
    measure: ConfidenceMeasure = "probability"

    @classmethod
    def from_probabilities(
        cls,
        probabilities: NDArray[np.floating],
        occurs: NDArray[np.bool_],
        measure: ConfidenceMeasure = "probability",
    ) -> ValidationQuantiles:
        """Take the quantiles of validation candles.

        Args:
            probabilities: (N, 3) of a model without NaN.
            occurs: (3,) whether training has the class; a side without is never predicted.
            measure: to take them of.

        Raises:
            ValueError: when there are no rows.
        """
        if not len(probabilities):
            raise ValueError("there are no validation candles to take quantiles of")
        limits = np.full((len(_SIDES), _KEPT), NEVER, dtype=np.float32)
        values = measured(probabilities, measure)
        for place, code in enumerate(_SIDES):
            if occurs[code]:
                limits[place] = _limits(values[:, code])
        return cls(limits, measure)

    @property
    def are_sound(self) -> bool:
        """Whether they can be those of the measure."""
        limits = self.limits
        return bool(
            limits.shape == (len(_SIDES), _KEPT)
            and (limits >= LOWEST[self.measure]).all()
            and (np.diff(limits.astype(np.float64), axis=1) <= 0.0).all()
        )

    def threshold(self, code: int, share: float) -> float:
        """Value of SHORT or LONG that at most a share of the validation candles reaches."""
        return float(self.limits[_SIDES.index(code), allowed_steps(share)])

    def levels(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 3) quantile levels of (N, 3) probabilities among those of the validation candles.

        A side's value, see `measured`, reaches `threshold` of a share if and only if its level
        reaches `least_level` of the share. Levels grow with the value: 0.9999 is the most confident
        ten-thousandth, the less confident half has 0.4999; 0 is unknown (NaN) and that of HOLD.
        """
        levels = np.zeros((len(probabilities), len(CLASS_NAMES)))
        table = measured(probabilities, self.measure)
        for place, code in enumerate(_SIDES):
            values = table[:, code].astype(np.float64)
            steps = np.searchsorted(-self.limits[place].astype(np.float64), -values)
            levels[:, code] = np.where(np.isnan(values), 0.0, (STEPS - steps) / STEPS)
        return levels


def allowed_steps(share: float) -> int:
    """Ten-thousandths of the candles that a share lets through: rounded down."""
    return int(share * STEPS + 1e-6)


def least_level(share: float) -> float:
    """Lowest quantile level of the most confident share."""
    return (STEPS - allowed_steps(share)) / STEPS


def _limits(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """(5001,) of one side's (N,) values."""
    falling = np.sort(values.astype(np.float32))[::-1]
    passing = np.arange(_KEPT) * len(falling) // STEPS
    highest_left_out = falling[passing]
    lowest_let_through = falling[np.maximum(passing - 1, 0)]
    # Halfway between, because another machine or batch size shifts probabilities a little.
    middle = (highest_left_out + lowest_let_through) / 2
    return np.maximum(middle, np.nextafter(highest_left_out, np.float32(np.inf)))
