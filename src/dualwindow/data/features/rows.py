"""Rows of one pair, batch by batch: features, labels, and which windows are valid.

Features look back and labels ahead, over the batches' borders: averages carry their sums, windows
their last candles, and a label waits until the candles it looks at have come.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import UNKNOWN
from dualwindow.data.candles.feather import CandleBatch
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.data.features.feature_sets import FeatureStream
from dualwindow.data.features.windows import label_rows
from dualwindow.labels import BothTouched
from dualwindow.settings import TrainingConfig


class PairRows:
    """Turns one pair's batches of candles into rows of a store.

    Labels begin at the candle of the date `first`, seconds since 1970; None: at the very first.
    """

    def __init__(
        self,
        config: TrainingConfig,
        periods: Sequence[int],
        candle_seconds: int,
        first: int | None = None,
    ) -> None:
        self._config = config
        self._first = first
        self._candle_seconds = candle_seconds
        self._features = FeatureStream(periods, config.feature_set)
        # The rows before a batch that its windows reach back to.
        self._recent = CandleArrays.none(self._features.names)
        # Candles whose label is not known yet, with whether their window is valid.
        self._waiting: CandleBatch | None = None
        self._waiting_valid = np.empty(0, dtype=np.bool_)
        self.both_touched = BothTouched(long=0, short=0)

    def update(self, batch: CandleBatch) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Take the next candles.

        Returns:
            The features of these candles, (N, C), and the labels that have become known, (M,),
            which continue those returned before. They lag by up to `future_window` rows.
        """
        features = self._features.update({**batch.columns, "date": batch.seconds})
        valid = self._valid_windows(features, batch)
        # Candles of the buffer: there for the features alone.
        before = 0 if self._first is None else int(np.searchsorted(batch.seconds, self._first))
        wanted = batch.rows(before, len(batch))
        self._waiting = wanted if self._waiting is None else self._waiting.followed_by(wanted)
        self._waiting_valid = np.concatenate([self._waiting_valid, valid[before:]])
        unlabelled = np.full(before, UNKNOWN, dtype=np.int8)
        return features, np.concatenate([unlabelled, self._known_labels(self._waiting)])

    def rest(self) -> NDArray[np.int8]:
        """Labels of the last candles, whose futures are unknown."""
        return np.full(len(self._waiting_valid), UNKNOWN, dtype=np.int8)

    def _known_labels(self, candles: CandleBatch) -> NDArray[np.int8]:
        config, step = self._config, self._candle_seconds
        labels, both = label_rows(candles, candles.seconds, candles.flat, config, step)
        self.both_touched += both
        done = max(len(candles) - config.future_window, 0)
        usable = np.where(self._waiting_valid[:done], labels[:done], UNKNOWN).astype(np.int8)
        self._waiting = candles.rows(done, len(candles)).copy()
        self._waiting_valid = self._waiting_valid[done:].copy()
        return usable

    def _valid_windows(
        self, features: NDArray[np.float32], batch: CandleBatch
    ) -> NDArray[np.bool_]:
        """(N,) whether the window that ends at each row of a batch is valid."""
        own = CandleArrays(self._features.names, batch.seconds, features, batch.flat)
        rows = own.after(self._recent)
        # The last P - 1 rows are all that the next row's window can reach back to.
        self._recent = rows.tail(self._config.window_size - 1)
        return rows.valid_windows(self._config, self._candle_seconds)[len(rows) - len(own) :]
