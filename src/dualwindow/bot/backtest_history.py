"""What lies before a slice of a backtest, of which FreqAI hands over the slice alone."""

from __future__ import annotations

import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from dualwindow.data.candles.frames import utc_seconds


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

    def before(self, moment: int, rows: int, dk: FreqaiDataKitchen) -> pd.DataFrame:
        """The last `rows` candles with features before a moment; fewer at the very beginning.

        Args:
            moment: seconds since 1970.
            rows: most candles.
            dk: FreqAI's data kitchen, which asks the strategy.
        """
        if self._featured is None:
            featured = dk.use_strategy_to_populate_indicators(
                self._strategy, prediction_dataframe=self._candles, pair=self._pair
            )
            self._featured = dk.remove_special_chars_from_feature_names(featured)
        return self._featured[utc_seconds(self._featured["date"]) < moment].tail(rows)
