"""Asks a strategy for its features twice, to see whether they know the future."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from dualwindow.bot.config_checks import refusing
from dualwindow.data.features.lookahead import require_no_lookahead

#: Candles that are checked, beyond those that the longest moving average needs before them.
CHECKED_CANDLES: Final = 3000

#: Candles that are taken away at the end; half of a frame that is shorter than twice as many.
CUT_CANDLES: Final = 300


class LookaheadCheck:
    """Refuses features that look ahead, once a pair and start.

    Only the base timeframe's candles are taken away: the features of other timeframes and of
    correlated pairs come from FreqAI, whole both times, and are not checked.

    Args:
        config: freqtrade's configuration.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._passed: set[str] = set()

    def __call__(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> None:
        """Check a pair that has not passed yet.

        Args:
            candles: N rows as freqtrade hands them over.
            pair: the base pair.
            strategy: that makes the features.

        Raises:
            OperationalException: naming the columns that look ahead.
        """
        if pair in self._passed:
            return
        periods = self._config["freqai"]["feature_parameters"]["indicator_periods_candles"]
        part = candles.tail(max(periods, default=0) + CHECKED_CANDLES).reset_index(drop=True)
        kept = len(part) - min(CUT_CANDLES, len(part) // 2)
        if kept:
            whole, cut = (
                self._features(frame, pair, strategy) for frame in (part, part.iloc[:kept])
            )
            with refusing():
                require_no_lookahead(whole, cut, pair)
        self._passed.add(pair)

    def _features(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        # Made as in live, where no time range is needed; asked as in a backtest, without labels.
        kitchen = FreqaiDataKitchen(dict(self._config), True, pair)
        kitchen.live = False
        return kitchen.use_strategy_to_populate_indicators(
            strategy, prediction_dataframe=candles, pair=pair, do_corr_pairs=False
        )
