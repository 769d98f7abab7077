"""How often each class occurs, how much it weighs, and how many windows an epoch draws."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES

ClassBalance = Literal["undersample", "weights", "none"]


def class_counts(labels: NDArray[np.int8]) -> NDArray[np.int64]:
    """(3,) how many labels each class has; unknown labels do not count."""
    return np.bincount(labels[labels >= 0], minlength=len(CLASS_NAMES)).astype(np.int64)


def drawn_counts(counts: NDArray[np.int64], balance: ClassBalance) -> NDArray[np.int64]:
    """(3,) windows of each class that one epoch trains on.

    Args:
        counts: (3,) candidates of each class.
        balance: undersample draws every class that occurs down to the rarest; the others take all.
    """
    if balance != "undersample" or not counts.any():
        return counts
    return np.where(counts > 0, counts[counts > 0].min(), 0).astype(np.int64)


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


def describe_classes(counts: NDArray[np.int64]) -> str:
    """One line for the log: how many rows have each class.

    Args:
        counts: (3,) rows of each class.
    """
    total = max(int(counts.sum()), 1)
    named = zip(CLASS_NAMES, counts.tolist(), strict=True)
    return "classes " + ", ".join(
        f"{name} {count:,} ({count / total:.1%})" for name, count in named
    )


def describe_balance(counts: NDArray[np.int64], balance: ClassBalance) -> str:
    """One line for the log: counts, the rarest class, and the share of each class that is drawn.

    Args:
        counts: (3,) candidates of each class.
        balance: as in `drawn_counts`.
    """
    named = list(zip(CLASS_NAMES, counts.tolist(), strict=True))
    present = [(count, name) for name, count in named if count]
    if not present:
        return describe_classes(counts)
    drawn = drawn_counts(counts, balance)
    shares = ", ".join(
        f"{name} {part / count:.1%}"
        for (name, count), part in zip(named, drawn.tolist(), strict=True)
        if count
    )
    return f"{describe_classes(counts)}; rarest {min(present)[1]}; an epoch draws {shares}"
