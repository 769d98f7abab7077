"""The measure by which the most confident candles of a side are chosen: probability, or lead.

The lead of a side is its probability less that of the other side. In volatile hours both sides are
likely, so that the highest probabilities choose volatile hours; the highest leads choose candles
that tell the direction.

The lead is an expected value up to a factor. Let both sides have the stop loss 1 and the take
profit b >= 1: of a long, LONG earns b and SHORT costs 1. Let h be what HOLD adds on average, at
some p(LONG) + p(SHORT). In a fair market p(LONG) = p(SHORT) there, and a long is worth nothing:
h = -(b - 1) / 2 (p(LONG) + p(SHORT)). If h is the same wherever that sum is, a long is worth
b p(LONG) - p(SHORT) + h = (b + 1) / 2 (p(LONG) - p(SHORT)) stop losses before fees. That takes
probabilities at the class prior, as class_balance none trains them, and equal barriers.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import LONG, SHORT
from dualwindow.confidence.thresholds import NEVER, threshold_text

ConfidenceMeasure = Literal["probability", "lead"]
LEAD: Final = "lead"
#: Lowest value of a measure; the highest of both is 1.
LOWEST: Final[dict[ConfidenceMeasure, float]] = {"probability": 0.0, "lead": -1.0}
_OTHER: Final = {"SHORT": "LONG", "LONG": "SHORT"}


def measured(
    probabilities: NDArray[np.floating], measure: ConfidenceMeasure
) -> NDArray[np.floating]:
    """(N, 3) values to rank, of (N, 3) probabilities: of SHORT and LONG by the measure.

    HOLD keeps its probability. NaN stays NaN.

    Example:
        >>> measured(np.array([[0.5, 0.25, 0.25]]), "lead").tolist()
        [[0.25, 0.25, -0.25]]
    """
    if measure != LEAD:
        return probabilities
    table = probabilities.astype(np.float64)
    # In single precision whatever holds the probabilities: a model compares its own, the strategy
    # those of a frame in double precision, and both have to have the same lead to the last bit.
    lead = (table[:, SHORT] - table[:, LONG]).astype(np.float32)
    table[:, SHORT], table[:, LONG] = lead, -lead
    return table


def quantile_noun(measure: ConfidenceMeasure) -> str:
    """Names a quantile level of the measure."""
    return "quantile of its lead" if measure == LEAD else "quantile"


def at_least_text(name: str, threshold: float, *, is_lead: bool) -> str:
    """A class with the smallest value at which it is predicted.

    Example:
        >>> at_least_text("LONG", 0.45, is_lead=False)
        'LONG 0.45'
        >>> at_least_text("LONG", 0.084, is_lead=True)
        'LONG at least 0.084 more probable than SHORT'
    """
    if not is_lead:
        return f"{name} {threshold_text(threshold)}"
    if threshold >= NEVER:
        return f"{name} never"
    limit = "at least" if threshold >= 0 else "at most"
    return f"{name} {limit} {lead_text(name, threshold)}"


def lead_text(name: str, lead: float) -> str:
    """A lead of a side in words, three decimals.

    Example:
        >>> lead_text("SHORT", -0.02)
        '0.020 less probable than LONG'
    """
    kind = "more" if lead >= 0 else "less"
    return f"{abs(lead):.3f} {kind} probable than {_OTHER[name]}"
