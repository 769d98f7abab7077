"""Statistics of the rows that are trained on: class counts, weights and prior, feature scaling."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import RobustScaler

from dualwindow.columns import CLASS_NAMES
from dualwindow.data.datasets.dataset import Selection
from dualwindow.settings import TrainingConfig
from dualwindow.settings.kinds import EPOCH_WINDOWS, MOST_BETWEEN

ClassBalance = Literal["undersample", "weights", "none"]

#: Rows that medians and ranges are taken from, evenly spaced; more of them would move a quantile
#: by no more than about 0.1 % of the rows.
SCALER_ROWS: Final = 2**20


def class_counts(labels: NDArray[np.int8]) -> NDArray[np.int64]:
    """(3,) how many labels each class has; unknown labels do not count."""
    return np.bincount(labels[labels >= 0], minlength=len(CLASS_NAMES)).astype(np.int64)


def sampling_interval(config: TrainingConfig, counts: NDArray[np.int64]) -> int:
    """Of how many candles an epoch trains on one, for (3,) class counts of all of them."""
    if config.sample_every:
        return config.sample_every
    return min(max(int(counts.sum()) // EPOCH_WINDOWS, 1), MOST_BETWEEN)


def sampled_counts(counts: NDArray[np.int64], every: int) -> NDArray[np.int64]:
    """(3,) how many of each class every `every`-th of (3,) rows are, at least one where any are."""
    return np.where(counts > 0, np.maximum(counts // every, 1), 0).astype(np.int64)


def drawn_counts(
    counts: NDArray[np.int64], balance: ClassBalance, every: int = 1
) -> NDArray[np.int64]:
    """(3,) windows of each class that one epoch draws from (3,) candidates.

    Of every class every `every`-th candidate is taken; then undersample draws every class that
    occurs down to the rarest, and the others take all.
    """
    sampled = sampled_counts(counts, every)
    if balance != "undersample" or not counts.any():
        return sampled
    return np.where(sampled > 0, sampled[sampled > 0].min(), 0).astype(np.int64)


def mirrored_counts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(3,) expected class counts when half of the windows are mirrored."""
    return (counts + counts[::-1]) / 2


def class_weights(counts: NDArray[np.floating] | NDArray[np.int64]) -> NDArray[np.float32]:
    """(3,) weights of (3,) counts: every class that occurs has the same total, mean 1 a row."""
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights.astype(np.float32)


def trained_prior(
    counts: NDArray[np.int64], balance: ClassBalance, *, mirrored: bool
) -> tuple[float, ...]:
    """(3,) class shares that a network has learned from (3,) rows, one added to each class.

    Undersample and weights make every class that occurs weigh the same; `mirrored` tells whether
    half of the windows were mirrored. Shares are the same when only every n-th row is trained on.
    """
    drawn = drawn_counts(counts, balance)
    seen = mirrored_counts(drawn) if mirrored else drawn.astype(np.float64)
    if balance == "weights":
        seen = np.where(seen > 0, seen.sum() / max(np.count_nonzero(seen), 1), 0.0)
    seen = seen + 1
    return tuple((seen / seen.sum()).tolist())


def robust_scaling(train: Selection) -> tuple[list[float], list[float]]:
    """Median and interquartile range of each feature.

    Args:
        train: rows to train on; every row of their stretches counts, labelled or not.

    Returns:
        (C,) medians and (C,) ranges, a range of 0 replaced by 1, as scikit-learn does it.
    """
    total = sum(map(len, train.stretches))
    step = -(-total // SCALER_ROWS)
    features = train.dataset.features
    parts = [features[stretch.start : stretch.stop : step] for stretch in train.stretches]
    finite = [np.isfinite(part).all(axis=1) for part in parts]

    def column(index: int) -> NDArray[np.float32]:
        return np.concatenate(
            [part[known, index] for part, known in zip(parts, finite, strict=True)]
        )

    # One column at a time: a copy of all would be as large as the features themselves.
    scalers = [RobustScaler().fit(column(index)[:, None]) for index in range(features.shape[1])]
    centers = [float(scaler.center_[0]) for scaler in scalers]
    return centers, [float(scaler.scale_[0]) for scaler in scalers]


def describe_classes(counts: NDArray[np.int64]) -> str:
    """One line for the log: how many rows have each class, from (3,) counts."""
    total = max(int(counts.sum()), 1)
    named = zip(CLASS_NAMES, counts.tolist(), strict=True)
    return "classes " + ", ".join(
        f"{name} {count:,} ({count / total:.1%})" for name, count in named
    )


def describe_balance(counts: NDArray[np.int64], balance: ClassBalance, every: int = 1) -> str:
    """One line for the log: (3,) candidates, the rarest class, and the share of each drawn."""
    named = list(zip(CLASS_NAMES, counts.tolist(), strict=True))
    present = [(count, name) for name, count in named if count]
    if not present:
        return describe_classes(counts)
    drawn = drawn_counts(counts, balance, every)
    shares = ", ".join(
        f"{name} {part / count:.1%}"
        for (name, count), part in zip(named, drawn.tolist(), strict=True)
        if count
    )
    return f"{describe_classes(counts)}; rarest {min(present)[1]}; an epoch draws {shares}"
