"""How rare a probability is: a share of candles in place of a threshold.

A model keeps, for SHORT and LONG, which probabilities its validation candles reached, so that any
share of them can be let through later, without training again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, LONG, SHORT
from dualwindow.confidence.thresholds import NEVER

#: Shares are told apart in ten-thousandths, up to a half of the candles.
STEPS: Final = 10_000

LARGEST: Final = 0.5

_SIDES: Final = (SHORT, LONG)

_KEPT: Final = int(STEPS * LARGEST) + 1


@dataclass(frozen=True)
class ValidationQuantiles:
    """Which probabilities the most confident validation candles reached, by side.

    Attributes:
        limits: (2, 5001) float32 of SHORT and LONG, falling: column k holds a probability that at
            most k ten-thousandths of the validation candles reach, and as many as may. Candles of
            equal probability cannot be told apart: where only some may pass, none does.
    """

    limits: NDArray[np.float32]

    @classmethod
    def from_probabilities(
        cls, probabilities: NDArray[np.floating], occurs: NDArray[np.bool_]
    ) -> ValidationQuantiles:
        """Take the quantiles of validation candles.

        Args:
            probabilities: (N, 3) of a model without NaN, N at least 1.
            occurs: (3,) whether training knew the class; a side that it did not know is never said.

        Raises:
            ValueError: when there are no rows.
        """
        if not len(probabilities):
            raise ValueError("there are no validation candles to take quantiles of")
        limits = np.full((len(_SIDES), _KEPT), NEVER, dtype=np.float32)
        for place, code in enumerate(_SIDES):
            if occurs[code]:
                limits[place] = _limits(probabilities[:, code])
        return cls(limits)

    def threshold(self, code: int, share: float) -> float:
        """Probability of SHORT or LONG that at most a share of the validation candles reaches."""
        return float(self.limits[_SIDES.index(code), allowed_steps(share)])

    def ranks(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where probabilities stand among those of the validation candles.

        Args:
            probabilities: (N, 3); rows with NaN are unknown.

        Returns:
            (N, 3), of HOLD always 0. A side's probability reaches `threshold` of a share if and
            only if its rank reaches `least_level` of the share. Ranks grow with the probability;
            0.9999 is that of the most confident ten-thousandth, all of the less confident half
            have 0.4999, and 0 is unknown.
        """
        ranks = np.zeros((len(probabilities), len(CLASS_NAMES)))
        for place, code in enumerate(_SIDES):
            values = probabilities[:, code].astype(np.float64)
            steps = np.searchsorted(-self.limits[place].astype(np.float64), -values)
            ranks[:, code] = np.where(np.isnan(values), 0.0, (STEPS - steps) / STEPS)
        return ranks


def allowed_steps(share: float) -> int:
    """Ten-thousandths of the candles that a share lets through: rounded down."""
    return int(share * STEPS + 1e-6)


def least_level(share: float) -> float:
    """Rank from which on a candle belongs to the most confident share."""
    return (STEPS - allowed_steps(share)) / STEPS


def _limits(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """(5001,) of one side's (N,) probabilities."""
    falling = np.sort(values.astype(np.float32))[::-1]
    passing = np.arange(_KEPT) * len(falling) // STEPS
    highest_left_out = falling[passing]
    lowest_let_through = falling[np.maximum(passing - 1, 0)]
    # Between the two, because another machine or batch size may say each a little differently.
    middle = (highest_left_out + lowest_let_through) / 2
    return np.maximum(middle, np.nextafter(highest_left_out, np.float32(np.inf)))
