"""All candles that FreqAI's features of one pair come from, summed up, and those features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.sums import CandleSums, SummedCandles
from dualwindow.models.identifier.made_from import (
    BLOCK,
    FINE_BLOCK,
    FeatureRows,
    MadeFrom,
    series_name,
    summed_rows,
)

#: A frame by pair and timeframe.
Frames = Mapping[tuple[str, str], pd.DataFrame]


def summed_series(frames: Frames) -> dict[str, SummedCandles]:
    """Candles that can be compared, by the name of the series; empty frames are left out."""
    return {
        series_name(pair, timeframe): SummedCandles(frame, timeframe_to_seconds(timeframe))
        for (pair, timeframe), frame in frames.items()
        if len(frame)
    }


class PairCandles:
    """The candles of a pair in a backtest, and those of the other series in its features.

    Args:
        candles: of the pair, as freqtrade hands them over.
        pair: its name.
        strategy: which knows the other series.
        featured: makes the frame of `candles` with FreqAI's features; called once, when the
            features are first needed.
    """

    def __init__(
        self,
        candles: pd.DataFrame,
        pair: str,
        strategy: IStrategy,
        featured: Callable[[], pd.DataFrame],
    ) -> None:
        self._timeframe: str = strategy.timeframe
        self._featured = featured
        self._features: NDArray[np.float32] | None = None
        self.candle_seconds: int = timeframe_to_seconds(self._timeframe)
        #: Dates of the pair's own candles, (N,) seconds since 1970.
        self.seconds = utc_seconds(candles["date"])
        frames = _other_series(pair, strategy)
        #: The candles of every series by its name.
        self.series = summed_series({**frames, (pair, self._timeframe): candles})

    def dates(self, begin: int, stop: int) -> NDArray[np.int64]:
        """Dates of the pair's own candles of a stretch of time, all in seconds since 1970."""
        first, end = self.seconds.searchsorted([begin, stop])
        return self.seconds[first:end]

    def rows(self, first: int, until: int) -> FeatureRows:
        """Features of the candles from `first` to `until`, seconds since 1970."""
        if self._features is None:
            featured = self._featured()
            names = [name for name in featured.columns if "%" in name]
            self._features = np.empty((len(featured), len(names)), dtype=np.float32)
            for number, name in enumerate(names):
                self._features[:, number] = featured[name].to_numpy(np.float64, na_value=np.nan)
        begin, stop = self.seconds.searchsorted([first, until])
        expected = (until - first) // self.candle_seconds
        return summed_rows(self._features[begin:stop], expected)

    def made_from(
        self, first: int, trained_until: int, until: int, *, with_rows: bool = True
    ) -> MadeFrom:
        """The candles of a training from `first` on, and of the slice after it up to `until`.

        All moments are in seconds since 1970; for a model, `until` is the end of its training.
        """
        series = {name: self._sums(name, (first, trained_until, until)) for name in self.series}
        rows = self.rows(first, until) if with_rows else None
        return MadeFrom(first, until, series, rows)

    def _sums(self, name: str, edges: tuple[int, int, int]) -> tuple[CandleSums, ...]:
        candles, seconds = self.series[name], timeframe_to_seconds(name.rpartition(" ")[2])
        # A candle of a longer timeframe is known to a row once it has closed.
        first, trained, until = (edge - seconds + self.candle_seconds for edge in edges)
        parts = [
            candles.sums(candles.begin, first, BLOCK * seconds),
            candles.sums(first, trained, BLOCK * seconds),
            candles.sums(trained, until, FINE_BLOCK * seconds),
        ]
        return tuple(part for part in parts if part.sums)


def _other_series(pair: str, strategy: IStrategy) -> dict[tuple[str, str], pd.DataFrame]:
    wanted: dict[str, Any] = strategy.config["freqai"]["feature_parameters"]
    return {
        (other, timeframe): strategy.dp.get_pair_dataframe(pair=other, timeframe=timeframe)
        for other in (pair, *wanted.get("include_corr_pairlist", []))
        for timeframe in wanted["include_timeframes"]
        if (other, timeframe) != (pair, strategy.timeframe)
    }
