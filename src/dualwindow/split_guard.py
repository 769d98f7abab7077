"""Refuses a split whose parts overlap, just before a training uses it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from dualwindow.dataset import Selection
from dualwindow.errors import DataError
from dualwindow.split import Split


def require_separate(split: Split, future_window: int) -> None:
    """Refuse a split in which what one part learns from lies in a later part.

    Looks at the ends of stretches only, never at single rows. Over all pairs together, because
    pairs move together: one pair's future is known from another's.

    Args:
        split: as the training is about to use it.
        future_window: F, candles that a label looks ahead.

    Raises:
        DataError: naming both parts and the dates at which they overlap.
    """
    parts = {"training": split.train, "validation": split.validation, "tail": split.tail}
    later = [("training", "validation"), ("training", "tail"), ("validation", "tail")]
    for earlier, after in later:
        if len(parts[earlier]) and len(parts[after]):
            _require_before(earlier, parts[earlier], after, parts[after], future_window)


def _require_before(
    earlier: str, rows: Selection, after: str, later_rows: Selection, future_window: int
) -> None:
    _, last = _ends(rows)
    first, _ = _ends(later_rows)
    reach = last + future_window * rows.dataset.candle_seconds
    if reach < first:
        return
    raise DataError(
        f"the split leaks: the label of the {earlier} candle of {_moment(last)} looks "
        f"{future_window} candles ahead, until {_moment(reach)}, but {after} begins at "
        f"{_moment(first)}; the parts must follow each other in time with future_window "
        f"{future_window} candles between them: split with dualwindow.split.split_dataset"
    )


def _ends(rows: Selection) -> tuple[int, int]:
    """Dates (seconds) of the earliest and the latest row with a class."""
    moments = []
    for stretch in rows.stretches:
        single = Selection(rows.dataset, (stretch,))
        if len(single):
            ends = single.rows(None, np.array([0, len(single) - 1]))
            moments += rows.dataset.seconds[ends].tolist()
    return min(moments), max(moments)


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
