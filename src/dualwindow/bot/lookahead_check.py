"""Check that a strategy's features do not look ahead, by computing them twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from dualwindow.bot.config_checks import refusing
from dualwindow.data.candles.frames import require_order, utc_seconds
from dualwindow.data.features.lookahead import require_no_lookahead

#: Candles to check, beyond those that the longest moving average needs before them.
CHECKED_CANDLES: Final = 3000
#: Candles to cut off at the end; half of a frame that is shorter than twice as many.
CUT_CANDLES: Final = 300


class _OrderedKitchen(FreqaiDataKitchen):
    """Refuses candles that are not in time order, which FreqAI would join to others as they are."""

    def get_pair_data_for_features(
        self, pair: str, tf: str, *arguments: Any, **named: Any
    ) -> pd.DataFrame:
        candles: pd.DataFrame = super().get_pair_data_for_features(pair, tf, *arguments, **named)
        with refusing():
            require_order(utc_seconds(candles["date"]), f"{pair} {tf}")
        return candles


class LookaheadCheck:
    """Refuses features that look ahead, once a pair and start.

    Only the base timeframe's candles are cut: the features of other timeframes and of correlated
    pairs come from FreqAI, uncut both times, and are not checked.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._passed: set[str] = set()

    def __call__(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        """Check a pair that has not passed yet, on N candles as freqtrade passes them.

        Raises:
            OperationalException: naming the columns that look ahead.
        """
        if pair in self._passed:
            return
        periods = self._config["freqai"]["feature_parameters"]["indicator_periods_candles"]
        part = candles.tail(max(periods, default=0) + CHECKED_CANDLES).reset_index(drop=True)
        kept = len(part) - min(CUT_CANDLES, len(part) // 2)
        if kept:
            frames = part, part.iloc[:kept]
            uncut, cut = (self._features(frame, pair, strategy) for frame in frames)
            with refusing():
                require_no_lookahead(uncut, cut, pair)
        self._passed.add(pair)

    def _features(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        # Made as in live, where no time range is needed; asked as in a backtest, without labels.
        kitchen = _OrderedKitchen(dict(self._config), True, pair)
        kitchen.live = False
        return kitchen.use_strategy_to_populate_indicators(
            strategy, prediction_dataframe=candles, pair=pair, do_corr_pairs=False
        )
