"""The scaler: median and interquartile range of each feature over the training rows."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import RobustScaler

from dualwindow.dataset import Selection

#: Rows that the quantiles are taken from, evenly spaced; of more, a quantile would not change by
#: more than about 0.1 % of the rows.
SCALER_ROWS: Final = 2**20


def robust_scaling(train: Selection) -> tuple[list[float], list[float]]:
    """Median and interquartile range of each feature.

    Args:
        train: rows to train on; every row of their stretches counts, labelled or not.

    Returns:
        (F,) medians and (F,) ranges, a range of 0 replaced by 1, as scikit-learn does it.
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
    return [float(each.center_[0]) for each in scalers], [float(each.scale_[0]) for each in scalers]
