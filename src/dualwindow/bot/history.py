"""Features that look far back, in a live bot, which gets only the newest few hundred candles.

FreqAI keeps the longer history in memory; it is put in front of the newest candles. A minute
missing in both counts as freqtrade fills it: the last price, no volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.bot.candles.kitchen import other_candles
from dualwindow.columns import (
    CANDLE_COLUMNS,
    SUMMARY,
    FeatureSet,
    candles_looked_at,
)
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import KnownCandles, impossible_candles
from dualwindow.data.features.base import without_rows
from dualwindow.data.features.candle_arrays import CandleArrays, read_candles
from dualwindow.data.features.feature_sets import newest_features, standard_features


def features_with_history(
    candles: pd.DataFrame,
    history: pd.DataFrame | None,
    periods: Sequence[int],
    feature_set: FeatureSet,
    candle_seconds: int = 60,
) -> dict[str, NDArray[Any]]:
    """Features of candles that look far back, with older candles from the history in front.

    Args:
        candles: N rows with date, close and volume, in time order, for `summary` high and low, and
            open, high and low if they are to be looked at; they replace those of the history.
        history: older candles, with the same columns; None without any.
        periods: of the moving averages (candles).
        feature_set: which features there are beside the averages.
        candle_seconds: seconds between two candles.

    Returns:
        As `standard_features`, NaN where the history is too short; those of `summary` float32.
    """
    if candles.empty:
        return _compact(standard_features(candles, periods, feature_set), feature_set)
    columns = _columns(candles)
    if history is not None and not history.empty:
        # Cut before anything is converted: the history is long and its dates may be objects. It may
        # end later than the candles, so its length does not help.
        stop = int(history["date"].searchsorted(candles["date"].iloc[0]))
        start = max(stop - max((*periods, candles_looked_at(feature_set))), 0)
        # The first price has to be known, or what follows has none to take in its place.
        if impossible_candles(_columns(history.iloc[start : start + 1]))[:1].any():
            earlier = _columns(history.iloc[: start + 1])
            start = int(np.append(0, np.flatnonzero(~impossible_candles(earlier)))[-1])
        older = _columns(history.iloc[start:stop])
        columns = {
            name: np.concatenate([older[name], columns[name]]) for name in older if name in columns
        }
    known, unknown = KnownCandles().update(columns)
    filled, rows = _without_holes({name: known[name] for name in columns}, candle_seconds)
    wanted = rows[-len(candles) :]
    newest = int(rows[-1] + 1 - wanted[0])
    features = newest_features(filled, newest, periods, feature_set)
    if newest > len(candles):
        features = {name: values[wanted - wanted[0]] for name, values in features.items()}
    return _compact(without_rows(features, unknown[-len(candles) :]), feature_set)


def _compact(
    features: dict[str, NDArray[np.float64]], feature_set: FeatureSet
) -> dict[str, NDArray[Any]]:
    """Those of `summary` in the single precision in which every model reads them.

    FreqAI copies a frame several times, and these columns are most of a year's.
    """
    if feature_set != SUMMARY:
        return features
    return {name: values.astype(np.float32) for name, values in features.items()}


def joined_history(
    history: pd.DataFrame, newest: pd.DataFrame, keep_from: pd.Timestamp
) -> pd.DataFrame:
    """History whose end is replaced by the newest candles, late and corrected ones included.

    Args:
        history: candles in time order, the dates of any datetime type.
        newest: at least one candle, in time order.
        keep_from: older candles are dropped, so that memory stays bounded.

    Returns:
        Candles with datetime64[ms, UTC] dates and a new index.
    """
    first = _utc(newest["date"].iloc[:1]).iloc[0]
    parts = [newest.assign(date=_utc(newest["date"]))]
    if len(history):
        older = history.assign(date=_utc(history["date"]))
        # A slice is not copied before it is joined; the rows of a mask are.
        start, stop = older["date"].searchsorted([keep_from, first])
        if start < stop:
            parts.insert(0, older.iloc[start:stop])
    return pd.concat(parts, ignore_index=True)


def _utc(dates: pd.Series) -> pd.Series:
    """Dates as datetime64[ms, UTC]; the same series where they are already."""
    if str(dates.dtype) == "datetime64[ms, UTC]":
        return dates
    return pd.to_datetime(dates, utc=True).dt.as_unit("ms")


def _columns(candles: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Date (seconds since 1970), prices and volume of candles, as far as they are there.

    pandas would join dates of a file and of a running bot, which differ in unit and kind of time
    zone, as Python objects: 30 ms a pair and candle.
    """
    values = {
        name: candles[name].to_numpy(np.float64)
        for name in CANDLE_COLUMNS
        if name != "date" and name in candles
    }
    return {"date": utc_seconds(candles["date"]), **values}


def _without_holes(
    columns: dict[str, NDArray[Any]], candle_seconds: int
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """The candles with missing ones filled, and the rows of the N given among these M."""
    seconds = columns["date"]
    rows = (seconds - seconds[0]) // candle_seconds
    size = int(rows[-1]) + 1
    if size == len(rows):
        return columns, rows
    # A missing candle takes its price from the last one before it.
    source = np.zeros(size, dtype=np.int64)
    source[rows] = np.arange(len(rows))
    np.maximum.accumulate(source, out=source)
    missing = np.ones(size, dtype=bool)
    missing[rows] = False
    close = columns["close"][source]
    fills = dict.fromkeys(columns, close) | {"volume": np.zeros(size)}
    filled = {name: np.where(missing, fills[name], columns[name][source]) for name in columns}
    filled["date"] = seconds[0] + candle_seconds * np.arange(size, dtype=np.int64)
    return filled, rows


class BacktestHistory:
    """All candles of one pair in a backtest; the strategy adds their features when needed."""

    def __init__(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        self._candles = candles
        self._pair = pair
        self._strategy = strategy
        self._featured: pd.DataFrame | None = None

    def before(
        self, candles: CandleArrays, model_end: int, rows: int, dk: FreqaiDataKitchen
    ) -> CandleArrays | None:
        """At most `rows` candles before a slice, itself not empty, for a model that needs them.

        None where the model's own context, whose last candle is of `model_end` (seconds since
        1970), ends right before the slice. It does in a backtest's own models; a model of a running
        bot was trained while the last candle before its first prediction had not closed.
        """
        timeframe = self._strategy.timeframe
        first = int(candles.seconds[0])
        if model_end == first - timeframe_to_seconds(timeframe):
            return None
        if self._featured is None:
            featured = dk.use_strategy_to_populate_indicators(
                self._strategy, prediction_dataframe=self._candles, pair=self._pair
            )
            self._featured = dk.remove_special_chars_from_feature_names(featured)
        frame = self._featured[utc_seconds(self._featured["date"]) < first].tail(rows)
        names, others = dk.training_features_list, other_candles(dk)
        return read_candles(frame, names, dk.pair, timeframe, others)
