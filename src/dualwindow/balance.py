"""Which training rows an epoch sees, in which order, and how much a class weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES

ClassBalance = Literal["undersample", "weights", "none"]


@dataclass(frozen=True)
class EpochSample:
    """The training rows of one epoch.

    Attributes:
        rows: (M,) int64 rows in the order of training.
        mirrored: (M,) true where the window is to be mirrored.
    """

    rows: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


def class_counts(labels: NDArray[np.int8]) -> NDArray[np.int64]:
    """(3,) how many labels each class has; unknown labels do not count."""
    return np.bincount(labels[labels >= 0], minlength=len(CLASS_NAMES)).astype(np.int64)


def epoch_size(labels: NDArray[np.int8], balance: ClassBalance) -> int:
    """Windows that one epoch trains on, for the labels of the training rows."""
    counts = class_counts(labels)
    present = counts[counts > 0]
    if balance == "undersample":
        return int(present.min() * len(present)) if len(present) else 0
    return int(counts.sum())


def draw_epoch(
    rows: NDArray[np.int64],
    labels: NDArray[np.int8],
    *,
    balance: ClassBalance,
    mirror: bool,
    seed: int,
    epoch: int,
) -> EpochSample:
    """Draw the rows of one epoch: a function of (seed, epoch) and the rows alone.

    Args:
        rows: (M,) all training rows.
        labels: (M,) their classes.
        balance: undersample draws every class down to the rarest that occurs, anew each epoch.
        mirror: whether each window is mirrored with probability one half.
        seed: of the training.
        epoch: counted from 0.
    """
    random = np.random.default_rng([seed, epoch])
    if balance == "undersample":
        groups = [rows[labels == code] for code in range(len(CLASS_NAMES))]
        groups = [group for group in groups if len(group)]
        rarest = min((len(group) for group in groups), default=0)
        picked = [random.choice(group, rarest, replace=False) for group in groups]
        drawn = np.concatenate(picked) if picked else rows[:0]
    else:
        drawn = rows
    ordered = random.permutation(drawn)
    mirrored = random.random(len(ordered)) < 0.5 if mirror else np.zeros(len(ordered), np.bool_)
    return EpochSample(ordered, mirrored)


def mirrored_counts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(3,) expected class counts when half of the windows are mirrored."""
    return (counts + counts[::-1]) / 2


def class_weights(counts: NDArray[np.floating] | NDArray[np.int64]) -> NDArray[np.float32]:
    """(3,) weights with which every class that occurs has the same total weight, mean 1 a row.

    Args:
        counts: (3,) how many rows each class has.
    """
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights.astype(np.float32)
