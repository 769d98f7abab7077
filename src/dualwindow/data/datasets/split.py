"""Chronological split of the rows, with a purge between the parts, checked before its use."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np

from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.datasets.dataset import Dataset, PairSpan, Selection
from dualwindow.data.datasets.missing_history import why_unusable
from dualwindow.errors import DataError
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

#: Share of the training period's candles below which a training warns.
WARNED_SHARE: Final = 0.9
#: It is refused below this share, and below so many days: an exchange may give less history.
REFUSED_SHARE: Final = 0.5
REFUSED_DAYS: Final = 30

#: Of config.json on one-minute BTC (docs/results.md, half a year after a year).
COST_OF_FEW_DAYS: Final = (
    "a model of fewer days knows less: on BTC, 30, 90 and 365 days saved 0.2, 1.6 and 3.2 % of the "
    "volatility table's log loss"
)


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
        choosing: rows between train and validation, apart from both, that choose in the place of
            the validation rows; None where those choose themselves.
    """

    train: Selection
    validation: Selection
    tail: Selection
    purged: int
    choosing: Selection | None = None

    @property
    def chosen_by(self) -> Selection:
        """Rows that choose the best epoch, and between a warm and a full training."""
        return self.validation if self.choosing is None else self.choosing


def split_dataset(
    dataset: Dataset,
    *,
    validation_fraction: float,
    future_window: int,
    tail_fraction: float = 0.0,
    chooses_apart: bool = False,
) -> Split:
    """Split the rows with a class in time.

    Args:
        dataset: of one or more pairs.
        validation_fraction: newest share of the rows that validates; of those before the tail.
        future_window: F, candles that a label looks ahead.
        tail_fraction: newest share of all rows that stays untouched; 0 leaves none.
        chooses_apart: whether the older half of the validation rows only chooses.

    Raises:
        DataError: when a part would be empty.

    Example:
        >>> from dualwindow.data.datasets.class_index import ClassIndex
        >>> labels, pairs = np.ones(10, np.int8), (PairSpan("BTC/USDT", 0, 10),)
        >>> columns = 60 * np.arange(10), np.zeros((10, 1), np.float32), labels
        >>> dataset = Dataset(("close_change",), *columns, pairs, 60, ClassIndex(labels))
        >>> split = split_dataset(dataset, validation_fraction=0.3, future_window=2)
        >>> split.train.all_rows().tolist(), split.purged, split.validation.all_rows().tolist()
        ([0, 1, 2, 3, 4], 2, [7, 8, 9])
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
            f"only {counted(kept, 'candle has', 'candles have')} a complete window and a known "
            "label, too few to train and validate; train on more days or use a smaller window"
        )
    moment = _moment_before_newest(dataset, wanted, end)
    validation = _between(dataset, moment, end)
    # A label of row r looks at rows r+1 ... r+F; all of them must lie before validation.
    train = _between(dataset, None, moment - purge)
    if not len(train):
        raise DataError(
            f"none of {counted(kept - len(validation), 'training candle')} is more than "
            f"future_window {counted(future_window, 'candle')} before validation; train on more "
            "days or use a smaller future_window"
        )
    choosing = None
    if chooses_apart:
        half = _moment_before_newest(dataset, max(wanted // 2, 1), end)
        choosing, validation = _between(dataset, moment, half - purge), _between(dataset, half, end)
        if not len(choosing):
            raise DataError(
                f"the {wanted} newest candles are too few to choose by one half and validate by "
                f"the other, with future_window {future_window} candles between them; train on "
                "more days, raise validation_fraction or set freqai.continual_learning to false"
            )
    kept = sum(map(len, filter(None, (train, choosing, validation, tail))))
    return Split(train, validation, tail, total - kept, choosing)


def split_for_training(
    dataset: Dataset,
    config: TrainingConfig,
    tail_fraction: float,
    expected_candles: int | None,
    *,
    chooses_apart: bool = False,
) -> Split:
    """Split the rows; where nothing is trained (`epochs` 0), none train and any number will do.

    `expected_candles` are those that the training period should hold; None checks no number.
    The rest is as in `split_dataset`.

    Raises:
        DataError: when there are too few rows to train on.
    """
    none = Selection(dataset, ())
    try:
        split = _enough(dataset, config, tail_fraction, chooses_apart=chooses_apart)
        if config.epochs and expected_candles is not None:
            _require_history(dataset, split, config, expected_candles)
    except DataError:
        if config.epochs:
            raise
        return Split(none, none, none, 0)
    return split if config.epochs else replace(split, train=none, purged=0)


def fewest_candles(most: int, candle_seconds: int) -> float:
    """Usable candles below which a training period of at most `most` of them is refused."""
    return min(REFUSED_SHARE * most, REFUSED_DAYS * 86_400 / candle_seconds)


def require_separate(split: Split, future_window: int) -> None:
    """Refuse a split in which a part learns from what lies in a later part.

    Looks at the ends of stretches only, never at single rows. Over all pairs together, because
    pairs move together: one pair's future is known from another's.

    Raises:
        DataError: naming both parts and the dates at which they overlap.
    """
    parts = {"training": split.train, "validation": split.validation, "tail": split.tail}
    if split.choosing is not None:
        parts = {"training": split.train, "choosing": split.choosing, **parts}
    for earlier, after in combinations(parts, 2):
        if len(parts[earlier]) and len(parts[after]):
            _require_before(earlier, parts[earlier], after, parts[after], future_window)


def _enough(
    dataset: Dataset, config: TrainingConfig, tail_fraction: float, *, chooses_apart: bool
) -> Split:
    if not len(dataset.labelled()):
        raise DataError(
            f"none of {counted(len(dataset), 'candle')} has a complete window of "
            f"{config.window_size} and a known future: {why_unusable(dataset)}"
        )
    return split_dataset(
        dataset,
        validation_fraction=config.validation_fraction,
        future_window=config.future_window,
        tail_fraction=tail_fraction,
        chooses_apart=chooses_apart,
    )


def _require_history(
    dataset: Dataset, split: Split, config: TrainingConfig, expected_candles: int
) -> None:
    """Warn or refuse when the training period is far from full."""
    parts = split.train, split.choosing, split.validation, split.tail
    usable = split.purged + sum(map(len, filter(None, parts)))
    most = expected_candles - config.window_size - config.future_window
    if most <= 0 or usable >= WARNED_SHARE * most:
        return
    message = (
        f"only {usable} of the {most} candles that the training period should give can be used: "
        f"{why_unusable(dataset)}"
    )
    if usable < fewest_candles(most, dataset.candle_seconds):
        raise DataError(message)
    logger.warning("%s; %s", message, COST_OF_FEW_DAYS)


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


def _require_before(
    earlier: str, rows: Selection, after: str, later_rows: Selection, future_window: int
) -> None:
    _, last = ends_of(rows)
    first, _ = ends_of(later_rows)
    reach = last + future_window * rows.dataset.candle_seconds
    if reach < first:
        return
    raise DataError(
        f"the split leaks: the label of the {earlier} candle of {utc_text(last)} looks "
        f"{future_window} candles ahead, until {utc_text(reach)}, but {after} begins at "
        f"{utc_text(first)}; the parts must follow each other in time with future_window "
        f"{future_window} candles between them: split with "
        "dualwindow.data.datasets.split.split_dataset"
    )


def ends_of(rows: Selection) -> tuple[int, int]:
    """Dates (seconds) of the earliest and the latest row with a class."""
    moments = []
    for stretch in rows.stretches:
        single = Selection(rows.dataset, (stretch,))
        if len(single):
            ends = single.rows(None, np.array([0, len(single) - 1]))
            moments += rows.dataset.seconds[ends].tolist()
    return min(moments), max(moments)
