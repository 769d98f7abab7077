"""Flat features and labels of one pair or many, in memory or mapped: what is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import CLASS_NAMES, UNKNOWN
from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class PairSpan:
    """The rows of one pair: `start` up to but not including `stop`."""

    name: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Dataset:
    """Candles of one pair after another, each in time order.

    Attributes:
        names: (C,) canonical feature names.
        seconds: (N,) int64 candle dates, seconds since 1970.
        features: (N, C) float32, unscaled, C-contiguous.
        labels: (N,) int8; -1 where the future is unknown or the row's window is not valid, so no
            row with a class has a window that crosses a gap or another pair's border.
        pairs: which rows belong to which pair, in their order.
        candle_seconds: seconds between two candles.
        index: finds rows by their class.
    """

    names: tuple[str, ...]
    seconds: NDArray[np.int64]
    features: NDArray[np.float32]
    labels: NDArray[np.int8]
    pairs: tuple[PairSpan, ...]
    candle_seconds: int
    index: ClassIndex = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def from_candles(
        cls,
        candles: CandleArrays,
        labels: NDArray[np.int8],
        config: TrainingConfig,
        *,
        name: str,
        candle_seconds: int = 60,
    ) -> Dataset:
        """Make a dataset of one pair's N candles; the (N,) labels are those of `label_frame`.

        Example:
            >>> features, flat = np.zeros((4, 1), np.float32), np.zeros(4, np.bool_)
            >>> candles = CandleArrays(("close_change",), 60 * np.arange(4), features, flat)
            >>> labels = np.array([2, 1, 0, -1], np.int8)
            >>> config = TrainingConfig(window_size=2, patch_size=1)
            >>> Dataset.from_candles(candles, labels, config, name="BTC/USDT").labels.tolist()
            [-1, 1, 0, -1]
        """
        usable = np.where(candles.valid_windows(config, candle_seconds), labels, UNKNOWN)
        usable = usable.astype(np.int8)
        pairs = (PairSpan(name, 0, len(candles)),)
        columns = candles.seconds, candles.features, usable
        return cls(candles.names, *columns, pairs, candle_seconds, ClassIndex(usable))

    def labelled(self) -> Selection:
        """Every row with a class."""
        return Selection(self, tuple(range(pair.start, pair.stop) for pair in self.pairs))


class Selection:
    """The rows with a class in some stretches of a dataset, found without listing them.

    Args:
        dataset: that the rows belong to.
        stretches: of rows, in order and without overlap.
    """

    def __init__(self, dataset: Dataset, stretches: Sequence[range]) -> None:
        self.dataset = dataset
        self.stretches = tuple(stretch for stretch in stretches if len(stretch))
        shape = (len(self.stretches), len(CLASS_NAMES))
        ranks = [
            (dataset.index.rank(stretch.start), dataset.index.rank(stretch.stop))
            for stretch in self.stretches
        ]
        first = np.array([start for start, _ in ranks], dtype=np.int64).reshape(shape)
        inside = np.array([stop - start for start, stop in ranks], dtype=np.int64).reshape(shape)
        # The last column is that of all classes together.
        self._first = np.column_stack([first, first.sum(axis=1)])
        inside = np.column_stack([inside, inside.sum(axis=1)])
        self._ends = np.cumsum(inside, axis=0)
        self._begins = self._ends - inside
        self.counts: NDArray[np.int64] = inside.sum(axis=0)[:-1]

    def __len__(self) -> int:
        return int(self.counts.sum())

    def rows(self, code: int | None, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of a class by their number within the selection.

        Args:
            code: class code; None counts the rows of all classes.
            ordinals: (M,) from 0 up to but not including the class's count.

        Raises:
            IndexError: when an ordinal is out of range.
        """
        if not len(ordinals):
            return np.empty(0, dtype=np.int64)
        column = -1 if code is None else code
        most = len(self) if code is None else self.counts[code]
        if ordinals.min() < 0 or ordinals.max() >= most:
            raise IndexError(f"there are {most} such rows")
        stretch = np.searchsorted(self._ends[:, column], ordinals, side="right")
        offset = (self._first - self._begins)[stretch, column]
        return self.dataset.index.select(code, ordinals + offset)

    def all_rows(self) -> NDArray[np.int64]:
        """(M,) every row, in order."""
        return self.rows(None, np.arange(len(self)))

    def evenly_spaced(self, most: int) -> NDArray[np.int64]:
        """At most `most` of the rows, evenly spaced, so that class shares stay as they are."""
        if len(self) <= most:
            return self.all_rows()
        return self.rows(None, np.linspace(0, len(self) - 1, most).round().astype(np.int64))
