"""Features of a live bot that look far back: it is handed only the newest few hundred candles.

FreqAI keeps the longer history in memory. Here it is put in front of the newest candles, and a
minute that neither holds counts as freqtrade fills it: the last price, no volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.columns import FeatureSet, candles_looked_at
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.features.candle_arrays import CandleArrays, read_candles
from dualwindow.data.features.feature_sets import standard_features


def features_with_history(
    candles: pd.DataFrame,
    history: pd.DataFrame | None,
    periods: Sequence[int],
    feature_set: FeatureSet,
    candle_seconds: int = 60,
) -> dict[str, NDArray[np.float64]]:
    """Features of candles that look far back, with older candles from the history in front.

    Args:
        candles: N rows with date, close and volume, in time order; where both hold a candle, these
            are newer and count.
        history: older candles, with the same columns; None without any.
        periods: of the moving averages (candles).
        feature_set: which features there are beside the averages.
        candle_seconds: seconds between two candles.

    Returns:
        As `standard_features`; NaN where the history is too short.
    """
    if candles.empty:
        return standard_features(candles, periods, feature_set)
    whole = _Closes.from_frame(candles)
    if history is not None and not history.empty:
        # Cut before anything is converted: the history is long and its dates may be objects. It may
        # end later than the candles, so its length does not help.
        stop = int(history["date"].searchsorted(candles["date"].iloc[0]))
        start = max(stop - max((*periods, candles_looked_at(feature_set))), 0)
        whole = whole.after(_Closes.from_frame(history.iloc[start:stop]))
    grid = _Grid(whole, candle_seconds)
    rows = grid.rows[-len(candles) :]
    features = standard_features(grid.columns, periods, feature_set)
    return {name: values[rows] for name, values in features.items()}


def joined_history(
    history: pd.DataFrame, newest: pd.DataFrame, keep_from: pd.Timestamp
) -> pd.DataFrame:
    """History whose end is replaced by the newest candles: late or corrected ones count.

    Args:
        history: candles in time order, the dates of any datetime type.
        newest: at least one candle, in time order.
        keep_from: older candles are dropped, so that memory stays bounded.

    Returns:
        Candles with datetime64[ms, UTC] dates and a new index.
    """
    first = _utc(newest["date"].iloc[:1]).iloc[0]
    older = history.assign(date=_utc(history["date"])) if len(history) else history
    if len(older):
        # A slice is not copied before it is joined, unlike what a mask picks.
        start, stop = older["date"].searchsorted([keep_from, first])
        older = older.iloc[start:stop]
    parts = [part for part in (older, newest.assign(date=_utc(newest["date"]))) if len(part)]
    return pd.concat(parts, ignore_index=True)


def _utc(dates: pd.Series) -> pd.Series:
    """Dates as datetime64[ms, UTC]; at once where they are that already."""
    if str(dates.dtype) == "datetime64[ms, UTC]":
        return dates
    return pd.to_datetime(dates, utc=True).dt.as_unit("ms")


@dataclass(frozen=True)
class _Closes:
    """Dates, prices and volumes of candles as arrays: the inputs of these features.

    pandas would join dates from a file with those of a running bot, which differ in unit and kind
    of time zone, as Python objects: 30 ms a pair and candle.

    Attributes:
        seconds: (N,) int64 dates, seconds since 1970.
        close: (N,) float64.
        volume: (N,) float64.
    """

    seconds: NDArray[np.int64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    @classmethod
    def from_frame(cls, candles: pd.DataFrame) -> _Closes:
        """Take them out of a frame."""
        close, volume = (candles[name].to_numpy(np.float64) for name in ("close", "volume"))
        return cls(utc_seconds(candles["date"]), close, volume)

    def after(self, other: _Closes) -> _Closes:
        """These candles with those of `other` that are older put in front."""
        older = int(np.searchsorted(other.seconds, self.seconds[0]))
        return _Closes(
            np.concatenate([other.seconds[:older], self.seconds]),
            np.concatenate([other.close[:older], self.close]),
            np.concatenate([other.volume[:older], self.volume]),
        )


class _Grid:
    """Candles on a grid without holes.

    Attributes:
        columns: date (seconds since 1970), close and volume by grid row.
        rows: grid row of every candle.
    """

    def __init__(self, candles: _Closes, candle_seconds: int) -> None:
        seconds = candles.seconds
        self.rows = (seconds - seconds[0]) // candle_seconds
        size = int(self.rows[-1]) + 1
        # Where a grid row has no candle of its own, the last one before it stands.
        source = np.zeros(size, dtype=np.int64)
        source[self.rows] = np.arange(len(self.rows))
        np.maximum.accumulate(source, out=source)
        missing = np.ones(size, dtype=bool)
        missing[self.rows] = False
        volume = np.where(missing, 0.0, candles.volume[source])
        dates = seconds[0] + candle_seconds * np.arange(size, dtype=np.int64)
        self.columns = {"date": dates, "close": candles.close[source], "volume": volume}


class BacktestHistory:
    """The candles of one pair in a backtest; their features are made when they are asked for.

    Args:
        candles: N rows, all that the backtest has.
        pair: the base pair.
        strategy: that makes the features.
    """

    def __init__(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        self._candles = candles
        self._pair = pair
        self._strategy = strategy
        self._featured: pd.DataFrame | None = None

    def before(
        self, candles: CandleArrays, model_end: int, rows: int, dk: FreqaiDataKitchen
    ) -> CandleArrays | None:
        """The candles before a slice, where the model's own context does not reach it.

        The context ends right before the slice in a backtest's own models; a model of a running bot
        was trained while the last candle before its first prediction had not closed.

        Args:
            candles: the slice, at least one row.
            model_end: date of the last candle in the model's context, seconds since 1970.
            rows: most candles; there are fewer at the very beginning.
            dk: FreqAI's data kitchen, which asks the strategy for features.

        Returns:
            None where the context ends right before the slice.
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
        return read_candles(frame, dk.training_features_list, dk.pair, timeframe)
