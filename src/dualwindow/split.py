"""Chronological split of the rows, with a purge between the parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dualwindow.dataset import Dataset, PairSpan, Selection
from dualwindow.errors import DataError


@dataclass(frozen=True)
class Split:
    """The parts of a dataset, divided at the same moments for all pairs.

    Attributes:
        train: rows to train on; none of their futures reaches the first moment.
        validation: rows to validate on, at the first moment or later; none of their futures
            reaches the second.
        tail: rows from the second moment on, which neither training nor the choice of its best
            epoch has seen; empty unless a share was asked for.
        purged: rows between the parts that were dropped.
    """

    train: Selection
    validation: Selection
    tail: Selection
    purged: int


def split_dataset(
    dataset: Dataset,
    *,
    validation_fraction: float,
    future_window: int,
    tail_fraction: float = 0.0,
) -> Split:
    """Split the rows with a class in time.

    Args:
        dataset: of one or more pairs.
        validation_fraction: newest share of the rows that validates; of those before the tail.
        future_window: F, candles that a label looks ahead.
        tail_fraction: newest share of all rows that stays untouched; 0 leaves none.

    Raises:
        DataError: when a part would be empty.
    """
    purge = future_window * dataset.candle_seconds
    total = len(dataset.labelled())
    end, tail = None, Selection(dataset, ())
    if tail_fraction and total:
        moment = _moment_before_newest(dataset, max(round(total * tail_fraction), 1), None)
        end, tail = moment - purge, _between(dataset, moment, None)
    kept = len(_between(dataset, None, end))
    wanted = max(round(kept * validation_fraction), 1)
    if kept - wanted < 1:
        raise DataError(
            f"only {kept} candles have a complete window and a known label, too few to train "
            "and validate; train on more days or use a smaller window"
        )
    moment = _moment_before_newest(dataset, wanted, end)
    validation = _between(dataset, moment, end)
    # A label of row r looks at rows r+1 ... r+F; all of them must lie before validation.
    train = _between(dataset, None, moment - purge)
    if not len(train):
        raise DataError(
            f"none of {kept - len(validation)} training candles is more than future_window "
            f"{future_window} candles before validation; train on more days or use a smaller "
            "future_window"
        )
    return Split(train, validation, tail, total - len(train) - len(validation) - len(tail))


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


def _moment_before_newest(dataset: Dataset, wanted: int, end: int | None) -> int:
    """Latest date (seconds) from which on, and before `end`, there are at least `wanted` rows."""
    pairs = [pair for pair in dataset.pairs if pair.stop > pair.start]
    early = min(int(dataset.seconds[pair.start]) for pair in pairs)
    late = max(int(dataset.seconds[pair.stop - 1]) for pair in pairs)
    while early < late:
        middle = (early + late + 1) // 2
        if len(_between(dataset, middle, end)) >= wanted:
            early = middle
        else:
            late = middle - 1
    return early
