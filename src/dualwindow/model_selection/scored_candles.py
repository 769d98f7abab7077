"""Prices beside what a model says of them, for a part of a pair's candles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
    """What thresholds are held against, of every candle of a pair that has a valid window.

    They are calibrated as the settings say, like those that thresholds see in the bot.

    Args:
        model: to ask.
        dataset: that the pair's rows belong to.
        span: the pair's rows.
        source: the pair's candles, from which outages are read.
        config: settings of the run.
        should_stop: true ends it.

    Returns:
        (N, 3) of the span's rows; NaN where the window is not valid. Whether the future is known
        does not matter: at the signal nobody knew.

    Raises:
        TrainingStoppedError: when `should_stop` said so.
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
    found = np.full((len(span), len(CLASS_NAMES)), np.nan, dtype=np.float32)
    usable = np.flatnonzero(valid).astype(np.int64)
    own = model.probabilities(dataset.features, usable + span.start, should_stop=should_stop)
    found[usable] = model.calibrated(own, config).probabilities
    return found


def score_candles(
    source: CandleSource,
    dataset: Dataset,
    span: PairSpan,
    probabilities: NDArray[np.float32],
    *,
    funding: bool,
) -> ScoredCandles:
    """The candles of a pair's period, with what the model says and what came.

    Args:
        source: the pair's candles.
        dataset: that the pair's rows belong to.
        span: the pair's rows.
        probabilities: (N, 3) of the span's rows.
        funding: false leaves payments out.

    Raises:
        DataError: as `read_trade_candles`.
    """
    candles = read_trade_candles(source, dataset.candle_seconds, funding=funding)
    at, known = _places(dataset.seconds[span.start : span.stop], candles.seconds)
    labels = np.where(known, dataset.labels[span.start : span.stop][at], UNKNOWN).astype(np.int8)
    spoken = np.where(known[:, None], probabilities[at], np.float32(np.nan))
    return ScoredCandles(candles, spoken, labels)


def part_of(evaluated: ScoredCandles, timerange: DateRange, future_window: int) -> ScoredCandles:
    """The candles of a part, as if there were no others: what is open at its end ends there.

    Args:
        evaluated: a pair's candles.
        timerange: the part.
        future_window: candles that a label looks ahead; those that look beyond the part are
            unknown in it.
    """
    candles = evaluated.candles
    first, stop = (
        end if moment is None else int(np.searchsorted(candles.seconds, moment))
        for moment, end in ((timerange.first, 0), (timerange.stop, len(candles)))
    )
    rows = slice(first, stop)
    labels = evaluated.labels[rows].copy()
    labels[max(len(labels) - future_window, 0) :] = UNKNOWN
    columns = ("seconds", "open", "high", "low", "tick")
    part = replace(candles, **{name: getattr(candles, name)[rows] for name in columns})
    return ScoredCandles(part, evaluated.probabilities[rows], labels)


def _flat(
    source: CandleSource, seconds: NDArray[np.int64], candle_seconds: int
) -> NDArray[np.bool_]:
    """(N,) true where a candle is as freqtrade fills an outage."""
    timerange = DateRange(int(seconds[0]), int(seconds[-1]) + candle_seconds)
    batches = list(
        CandleFile(source.paths, candle_seconds, timerange).batches(lambda: PREPARATION_ROWS)
    )
    at, known = _places(np.concatenate([batch.seconds for batch in batches]), seconds)
    # What lies before the first candle of the files was filled in.
    return np.where(known, np.concatenate([batch.flat for batch in batches])[at], True)


def _places(
    of: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each of (M,) dates stands among (N,) rising ones, and whether it does."""
    at = np.minimum(np.searchsorted(of, wanted), len(of) - 1)
    return at, of[at] == wanted
