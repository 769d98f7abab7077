"""Datasets made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.datasets.dataset import Dataset, PairSpan

#: Minute at which the first candle of every pair lies, unless dates are given.
START = 1_000_000


def dataset_of(
    labels: ArrayLike,
    *,
    lengths: Sequence[int] | None = None,
    minutes: ArrayLike | None = None,
) -> Dataset:
    """A dataset with these labels and one feature, the row's number.

    Args:
        labels: (N,) class codes, -1 where a row is not to be trained on.
        lengths: rows of each pair; one pair unless given.
        minutes: (N,) dates; consecutive from START in each pair unless given.
    """
    codes = np.asarray(labels, dtype=np.int8)
    lengths = [len(codes)] if lengths is None else lengths
    stops = np.cumsum(lengths).tolist()
    spans = tuple(
        PairSpan(f"COIN{number}/USDT", stop - length, stop)
        for number, (length, stop) in enumerate(zip(lengths, stops, strict=True))
    )
    if minutes is None:
        minutes = np.concatenate([START + np.arange(length) for length in lengths])
    features: NDArray[np.float32] = np.arange(len(codes), dtype=np.float32)[:, None]
    seconds = np.asarray(minutes, dtype=np.int64) * 60
    return Dataset(("row",), seconds, features, codes, spans, 60, ClassIndex(codes))
