"""Distance of probabilities from the actual classes: log loss, in its two parts, and Brier score.

A forecast of three classes consists of two: HOLD versus move, and the direction of a move. By the
chain rule of probability the log loss is the sum of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence.calibration import FLOOR, normalised

#: Parts of the log loss in the order of the columns of `row_losses`; `calm` is HOLD versus move.
PARTS: Final = ("total", "calm", "direction")


@dataclass(frozen=True)
class LossFigures:
    """Losses of one forecast, in nats a row, smaller is better.

    Attributes:
        log_loss: mean of all rows.
        calm: mean two-class log loss of HOLD versus move, of all rows.
        direction: mean two-class log loss of the side given that it is not HOLD, of the rows that
            are not; None when all are HOLD.
        brier: mean squared distance of the three probabilities from the actual class, 0 to 2.
    """

    log_loss: float
    calm: float
    direction: float | None
    brier: float

    @classmethod
    def from_probabilities(
        cls, labels: NDArray[np.integer], probabilities: NDArray[np.floating]
    ) -> LossFigures:
        """Compare (N, 3) probabilities with (N,) known labels, N at least 1."""
        total, calm, direction = row_losses(labels, probabilities).sum(axis=0)
        moved = int(np.count_nonzero(labels != HOLD))
        return cls(
            log_loss=float(total / len(labels)),
            calm=float(calm / len(labels)),
            direction=float(direction / moved) if moved else None,
            brier=brier_score(labels, probabilities),
        )


def row_losses(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Log loss of (N,) known labels in nats, and its two parts, whose sum it is.

    Args:
        labels: (N,) class codes.
        probabilities: (N, 3) positive shares; rows are normalised.

    Returns:
        (N, 3) in the order of `PARTS`; the direction of a row that is HOLD is 0.
    """
    shares = normalised(probabilities)
    held = labels == HOLD
    stays, moves = shares[:, HOLD], shares[:, SHORT] + shares[:, LONG]
    total = _loss(shares[np.arange(len(labels)), labels])
    calm = _loss(np.where(held, stays, moves))
    return np.column_stack([total, calm, np.where(held, 0.0, total - calm)])


def brier_score(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """Mean over (N,) rows of the summed squared errors of the three probabilities (Brier 1950)."""
    actual = np.eye(len(CLASS_NAMES))[labels]
    return float(((normalised(probabilities) - actual) ** 2).sum() / len(labels))


def _loss(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-np.log(np.maximum(shares, FLOOR)))
