"""Chronological split of the rows, with a purge between the parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dualwindow.dataset import Dataset, PairSpan, Selection
from dualwindow.errors import DataError


@dataclass(frozen=True)
class Split:
    """The two parts of a dataset, divided at one moment for all pairs.

    Attributes:
        train: rows to train on; none of their futures reaches the moment.
        validation: rows to validate on, at the moment or later.
        purged: rows between the two that were dropped.
    """

    train: Selection
    validation: Selection
    purged: int


def split_dataset(dataset: Dataset, *, validation_fraction: float, future_window: int) -> Split:
    """Split the rows with a class in time.

    Args:
        dataset: of one or more pairs.
        validation_fraction: newest share of the rows that validates.
        future_window: F, candles that a label looks ahead.

    Raises:
        DataError: when a part would be empty.
    """
    total = len(dataset.labelled())
    wanted = max(round(total * validation_fraction), 1)
    if total - wanted < 1:
        raise DataError(
            f"only {total} candles have a complete window and a known label, too few to train "
            "and validate; train on more days or use a smaller window"
        )
    moment = _moment_before_newest(dataset, wanted)
    validation = _between(dataset, moment, None)
    # A label of row r looks at rows r+1 ... r+F; all of them must lie before validation.
    train = _between(dataset, None, moment - future_window * dataset.candle_seconds)
    rest = total - len(validation)
    if not len(train):
        raise DataError(
            f"none of {rest} training candles is more than future_window {future_window} candles "
            "before validation; train on more days or use a smaller future_window"
        )
    return Split(train, validation, rest - len(train))


def _between(dataset: Dataset, first: int | None, end: int | None) -> Selection:
    """Rows whose date is at `first` seconds or later, and before `end`."""

    def row(pair: PairSpan, moment: int) -> int:
        dates = dataset.seconds[pair.start : pair.stop]
        return pair.start + int(np.searchsorted(dates, moment))

    return Selection(
        dataset,
        [
            range(
                pair.start if first is None else row(pair, first),
                pair.stop if end is None else row(pair, end),
            )
            for pair in dataset.pairs
        ],
    )


def _moment_before_newest(dataset: Dataset, wanted: int) -> int:
    """Latest date (seconds) from which on there are at least `wanted` rows."""
    pairs = [pair for pair in dataset.pairs if pair.stop > pair.start]
    early = min(int(dataset.seconds[pair.start]) for pair in pairs)
    late = max(int(dataset.seconds[pair.stop - 1]) for pair in pairs)
    while early < late:
        middle = (early + late + 1) // 2
        if len(_between(dataset, middle, None)) >= wanted:
            early = middle
        else:
            late = middle - 1
    return early
