"""Candles beside a model's probabilities and labels, for a date range of a pair."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.price_files import read_trade_candles
from dualwindow.columns import CLASS_NAMES, UNKNOWN
from dualwindow.data.candles.reader import CandleFile
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.datasets.dataset import Dataset, PairSpan
from dualwindow.data.datasets.prepare_pair import PREPARATION_ROWS
from dualwindow.data.features.windows import valid_windows
from dualwindow.model_selection.threshold_trades import ScoredCandles
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig


def pair_probabilities(
    model: TrainedModel,
    dataset: Dataset,
    span: PairSpan,
    source: CandleSource,
    config: TrainingConfig,
    *,
    should_stop: Callable[[], bool],
) -> NDArray[np.float32]:
    """Probabilities of every candle of a pair that has a valid window.

    They are calibrated as the settings ask, like those that the bot compares with thresholds.
    Outages are read from the pair's candles.

    Returns:
        (N, 3) of the span's rows; NaN where the window is not valid. Rows with an unknown future
        are included: the future is not known at a signal either.

    Raises:
        TrainingStoppedError: when `should_stop` returns true.
    """
    rows = slice(span.start, span.stop)
    seconds, features = dataset.seconds[rows], dataset.features[rows]
    valid = valid_windows(
        features,
        seconds,
        _flat(source, seconds, dataset.candle_seconds),
        window_size=config.window_size,
        max_flat_candles=config.max_flat_candles,
        candle_seconds=dataset.candle_seconds,
    )
    probabilities = np.full((len(span), len(CLASS_NAMES)), np.nan, dtype=np.float32)
    usable = np.flatnonzero(valid).astype(np.int64)
    own = model.probabilities(dataset.features, usable + span.start, should_stop=should_stop)
    probabilities[usable] = model.calibrated(own, config).probabilities
    return probabilities


def score_candles(
    source: CandleSource,
    dataset: Dataset,
    span: PairSpan,
    probabilities: NDArray[np.float32],
    *,
    funding: bool,
) -> ScoredCandles:
    """Candles of a pair with labels and the (N, 3) probabilities of its span of rows.

    Raises:
        DataError: as `read_trade_candles`.
    """
    candles = read_trade_candles(source, dataset.candle_seconds, funding=funding)
    places, known = _places(dataset.seconds[span.start : span.stop], candles.seconds)
    labels = np.where(known, dataset.labels[span.start : span.stop][places], UNKNOWN)
    table = np.where(known[:, None], probabilities[places], np.float32(np.nan))
    return ScoredCandles(candles, table, labels.astype(np.int8))


def part_of(evaluated: ScoredCandles, timerange: DateRange, future_window: int) -> ScoredCandles:
    """The candles of a date range, as if there were no others: open positions end with it.

    Labels that look beyond the date range, `future_window` candles ahead, become unknown.
    """
    candles = evaluated.candles
    first, stop = (
        end if moment is None else int(np.searchsorted(candles.seconds, moment))
        for moment, end in ((timerange.first, 0), (timerange.stop, len(candles)))
    )
    rows = slice(first, stop)
    labels = evaluated.labels[rows].copy()
    labels[max(len(labels) - future_window, 0) :] = UNKNOWN
    return ScoredCandles(candles.at(rows), evaluated.probabilities[rows], labels)


def _flat(
    source: CandleSource, seconds: NDArray[np.int64], candle_seconds: int
) -> NDArray[np.bool_]:
    """(N,) true where a candle is as freqtrade fills an outage."""
    timerange = DateRange(int(seconds[0]), int(seconds[-1]) + candle_seconds)
    file = CandleFile(source.paths, candle_seconds, timerange)
    batches = list(file.batches(lambda: PREPARATION_ROWS))
    places, known = _places(np.concatenate([batch.seconds for batch in batches]), seconds)
    # Candles before the first one of the files were filled in.
    return np.where(known, np.concatenate([batch.flat for batch in batches])[places], True)


def _places(
    dates: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(M,) places of (M,) wanted dates among (N,) rising ones, and whether they are there."""
    places = np.minimum(np.searchsorted(dates, wanted), len(dates) - 1)
    return places, dates[places] == wanted
