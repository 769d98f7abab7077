"""From three probabilities to one decision: a side only where the model is confident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT

ConfidenceMode = Literal["conservative", "aggressive", "balanced", "coverage"]
Fallback = Literal["hold", "argmax"]
CalibrationKind = Literal["none", "prior", "temperature"]

#: A threshold that no probability reaches.
NEVER: Final = 2.0


@dataclass(frozen=True)
class Thresholds:
    """Smallest probability (0 to 1) at which a class is predicted.

    Those of a model in mode coverage may be of leads instead, -1 to 1, see `Calibrated.leads`.

    Attributes:
        short: threshold of SHORT.
        hold: threshold of HOLD; only matters when `fallback` is `argmax`.
        long: threshold of LONG.
        fallback: the decision when no threshold is reached: HOLD, or the likeliest class.
        enabled: false predicts the likeliest class, whatever its probability.

    Example:
        >>> Thresholds(short=0.6, hold=0.3, long=0.7).reached(np.array([[0.6, 0.2, 0.2]])).tolist()
        [[True, False, False]]
    """

    short: float
    hold: float
    long: float
    fallback: Fallback = "hold"
    enabled: bool = True

    def by_class(self) -> tuple[float, float, float]:
        """The thresholds in the order of the classes."""
        return self.short, self.hold, self.long

    def reached(self, probabilities: NDArray[np.floating]) -> NDArray[np.bool_]:
        """(N, 3) whether (N, 3) probabilities reach the threshold of their class."""
        return np.asarray(probabilities.astype(np.float64) >= np.array(self.by_class()))


#: Modes whose thresholds are the same for every model.
MODE_THRESHOLDS: Final[dict[str, Thresholds]] = {
    "conservative": Thresholds(short=0.70, hold=0.30, long=0.70),
    "aggressive": Thresholds(short=0.45, hold=0.40, long=0.45),
    "balanced": Thresholds(short=0.55, hold=0.45, long=0.55),
}
#: Mode coverage before a model has given its sides their thresholds.
COVERAGE_THRESHOLDS: Final = Thresholds(short=NEVER, hold=0.30, long=NEVER)


def decide(probabilities: ArrayLike, thresholds: Thresholds) -> NDArray[np.int8]:
    """Decide SHORT, HOLD or LONG row by row.

    SHORT if its probability reaches its threshold, else LONG if its own does, else HOLD if its
    own does, else the fallback. A row with a NaN (no valid window) is HOLD under every rule.

    Args:
        probabilities: (N, 3) in the order SHORT, HOLD, LONG.
        thresholds: to compare with, inclusive.

    Returns:
        (N,) int8 class codes of `dualwindow.columns`.

    Raises:
        ValueError: when `probabilities` is not (N, 3).

    Example:
        >>> thresholds = Thresholds(short=0.6, hold=0.3, long=0.6)
        >>> decide([[0.7, 0.2, 0.1], [0.3, 0.2, 0.5], [0.1, 0.3, 0.6]], thresholds).tolist()
        [0, 1, 2]
    """
    table = _three_columns(probabilities)
    return decide_reached(table, thresholds.reached(table), thresholds)


def decide_reached(
    probabilities: ArrayLike, reached: NDArray[np.bool_], thresholds: Thresholds
) -> NDArray[np.int8]:
    """Like `decide`, where a class may have several thresholds: (N, 3) `reached` is given.

    Of `thresholds` only `fallback` and `enabled` count.
    """
    table = _three_columns(probabilities)
    complete = np.asarray(~np.isnan(table).any(axis=1))
    # argmax of a row with NaN would be the NaN, so those rows compete as zeros.
    likeliest = np.argmax(np.where(complete[:, None], table, 0.0), axis=1).astype(np.int8)
    if not thresholds.enabled:
        return np.where(complete, likeliest, np.int8(HOLD))
    fallback = likeliest if thresholds.fallback == "argmax" else np.int8(HOLD)
    decision = np.select(
        [reached[:, SHORT], reached[:, LONG], reached[:, HOLD]],
        [np.int8(SHORT), np.int8(LONG), np.int8(HOLD)],
        default=fallback,
    )
    return np.where(complete, decision, HOLD).astype(np.int8)


def threshold_text(threshold: float) -> str:
    """A threshold as text: two decimals, or three where it has more."""
    return f"{threshold:.3f}".removesuffix("0")


def deciding_classes(fallback: Fallback) -> list[str]:
    """Classes whose thresholds have an effect: below all of them HOLD is HOLD anyway."""
    return [name for name in CLASS_NAMES if name != CLASS_NAMES[HOLD] or fallback == "argmax"]


def fallback_text(fallback: Fallback) -> str:
    """What is decided where no threshold of a side is reached."""
    rest = "the likeliest class" if fallback == "argmax" else "HOLD, whatever its threshold"
    return f"else {rest} (confidence_fallback {fallback})"


def calibration_text(calibration: CalibrationKind) -> str:
    """Names the calibration behind thresholds; empty without one."""
    return "" if calibration == "none" else f" (calibration {calibration})"


def _three_columns(probabilities: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 3:
        raise ValueError(f"probabilities must have shape (N, 3), not {table.shape}")
    return table


def confidence_tags(side: str, probabilities: NDArray[np.floating]) -> list[str]:
    """Entry tags such as `long_0.75`, of a side's (N,) probabilities.

    The number is the lower bound of a bucket 0.05 wide.
    """
    # The small addition keeps 0.75 in the bucket that begins with it, whatever float makes of it.
    buckets = np.floor(np.asarray(probabilities, dtype=np.float64) * 20 + 1e-6) / 20
    return [f"{side}_{bucket:.2f}" for bucket in buckets]
