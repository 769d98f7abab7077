"""The rows of a contest: training windows of a pair and the candles after each, walking forward."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.prices import TradeCandles
from dualwindow.columns import UNKNOWN
from dualwindow.data.candles.timerange import DAY_SECONDS, utc_text
from dualwindow.data.datasets.class_index import ClassIndex
from dualwindow.data.datasets.dataset import Dataset, PairSpan
from dualwindow.data.datasets.split import split_dataset
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig

#: Candles beyond the last evaluated one that a trade may need: its entry, its time-out.
_AFTER: Final = 2


@dataclass(frozen=True)
class Fold:
    """One training window and the candles after it; rows are those of the pair.

    Attributes:
        market: the pair.
        first: first row of the training window.
        stop: row after it; no label of a training row looks at this candle or later.
        train: (N,) rows to train on.
        validation: (M,) rows to stop and calibrate on, `future_window` candles after those.
        test: (K,) rows from `stop` on.
        training: features and labels of the training window alone.
    """

    market: Market
    first: int
    stop: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    training: Dataset = field(repr=False)

    @property
    def rows_key(self) -> str:
        """Hash of all rows and their labels: equal where contenders had the same rows."""
        digest = hashlib.sha256()
        for rows in (self.train, self.validation, self.test):
            digest.update(rows.astype(np.int64).tobytes())
            digest.update(self.market.labels[rows].tobytes())
        return digest.hexdigest()[:16]

    @property
    def test_key(self) -> str:
        """Hash of the evaluated candles and their labels, whatever was trained on before them."""
        digest = hashlib.sha256(self.market.dataset.seconds[self.test].tobytes())
        digest.update(self.market.labels[self.test].tobytes())
        return digest.hexdigest()[:16]

    def content_key(self) -> str:
        """Hash of everything that figures depend on besides settings: features, labels, prices."""
        dataset, prices = self.market.dataset, self.test_prices()
        digest = hashlib.sha256(f"{self.rows_key} {' '.join(dataset.names)}".encode())
        part = slice(self.first, int(self.test[-1]) + 1)
        for values in (
            dataset.seconds[part],
            dataset.features[part],
            *(prices.seconds, prices.open, prices.high, prices.low, prices.tick),
        ):
            digest.update(np.ascontiguousarray(values).data)
        if prices.funding is not None:
            digest.update(prices.funding.seconds.tobytes() + prices.funding.per_unit.tobytes())
        return digest.hexdigest()[:16]

    def test_prices(self) -> TradeCandles:
        """Candles from the first evaluated row to the end of the last trade.

        Raises:
            DataError: when one of the rows has no price.
        """
        prices, seconds = self.market.read_prices(), self.market.dataset.seconds[self.test]
        places = np.searchsorted(prices.seconds, seconds)
        priced = places < len(prices)
        priced[priced] = prices.seconds[places[priced]] == seconds[priced]
        if not priced.all():
            raise DataError(
                f"{np.count_nonzero(~priced)} of {len(seconds)} evaluated candles have no price; "
                "the candle files have changed since they were prepared, start again"
            )
        end = int(places[-1]) + self.market.config.future_window + _AFTER + 1
        return prices.at(slice(int(places[0]), end))


@dataclass(frozen=True)
class Market:
    """One pair: rows with features and labels, and prices to trade on.

    Attributes:
        name: of the pair.
        dataset: of this pair alone, without a missing candle; may be mapped.
        read_prices: of at least the same candles; asked for every window, so that not every pair's
            are held.
        config: window and label settings.
    """

    name: str
    dataset: Dataset = field(repr=False)
    read_prices: Callable[[], TradeCandles] = field(repr=False)
    config: TrainingConfig = field(repr=False)

    @property
    def labels(self) -> NDArray[np.int8]:
        """(N,) classes, -1 where the future is unknown or the window is not valid."""
        return self.dataset.labels

    @property
    def usable_days(self) -> float:
        """Days from the first candle that a valid window holds to the last candle."""
        return (len(self.labels) - self._first) * self.dataset.candle_seconds / DAY_SECONDS

    def stops(self, train_days: int, step_days: int) -> range:
        """The row after every training window that has whole days of a step after it.

        The first window begins with the first usable candle.
        """
        step = self._rows(step_days)
        return range(self._first + self._rows(train_days), len(self.labels) - step + 1, step)

    def fold(self, stop: int, train_days: int, step_days: int) -> Fold:
        """The window of days before the row `stop`, and the step from it on.

        Raises:
            DataError: when there is nothing to train on or to evaluate.
        """
        first = stop - self._rows(train_days)
        test = stop + np.flatnonzero(self.labels[stop : stop + self._rows(step_days)] != UNKNOWN)
        where = f"{self.name}, {train_days} days until {utc_text(self._moment(stop))}"
        if not len(test):
            raise DataError(
                f"{where}: none of the next {step_days} days can be evaluated on, because of gaps "
                "or outages; choose another date range, or longer --step-days"
            )
        training = self._training(first, stop)
        try:
            split = split_dataset(
                training,
                validation_fraction=self.config.validation_fraction,
                future_window=self.config.future_window,
            )
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        train, validation = (first + part.all_rows() for part in (split.train, split.validation))
        return Fold(self, first, stop, train, validation, test, training)

    def _training(self, first: int, stop: int) -> Dataset:
        """The rows of a window as whoever trains at its end knows them."""
        whole, part = self.dataset, slice(first, stop)
        labels = whole.labels[part].copy()
        # The windows of the first rows, and the futures of the last, reach out of it.
        labels[: self.config.window_size - 1] = UNKNOWN
        labels[max(len(labels) - self.config.future_window, 0) :] = UNKNOWN
        return Dataset(
            whole.names,
            whole.seconds[part],
            whole.features[part],
            labels,
            (PairSpan(self.name, 0, len(labels)),),
            whole.candle_seconds,
            ClassIndex(labels),
        )

    @property
    def _first(self) -> int:
        known = np.flatnonzero(self.labels != UNKNOWN)
        rows = len(self.labels)
        return max(int(known[0]) - self.config.window_size + 1, 0) if len(known) else rows

    def _rows(self, days: int) -> int:
        return days * DAY_SECONDS // self.dataset.candle_seconds

    def _moment(self, row: int) -> int:
        return int(self.dataset.seconds[0]) + row * self.dataset.candle_seconds
