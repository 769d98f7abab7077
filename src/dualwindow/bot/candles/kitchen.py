"""FreqAI's frames of features, made of known candles alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.strategy.interface import IStrategy

from dualwindow.bot.candles.notices import CandleNotices
from dualwindow.bot.config_checks import refusing
from dualwindow.columns import CANDLE_COLUMNS, FEATURE_PREFIX
from dualwindow.data.candles.impossible import KnownCandles, impossible_candles, known_frame
from dualwindow.data.features.other_candles import OtherCandles, RowGrid
from dualwindow.settings import TrainingConfig


@dataclass
class SeenCandles:
    """Other pairs' and timeframes' candles, as the features were last made of them.

    FreqAI makes the features of correlated pairs once a candle, for all pairs.
    """

    rows: RowGrid
    notices: CandleNotices
    others: dict[tuple[str, str], OtherCandles] = field(default_factory=dict)

    def take(self, pair: str, timeframe: str, candles: pd.DataFrame) -> None:
        """Remember candles, and warn of what is wrong with them.

        Raises:
            OperationalException: when they are not in time order.
        """
        self.notices.look_at(pair, timeframe, candles)
        seconds = timeframe_to_seconds(timeframe)
        with refusing():
            self.others[pair, timeframe] = OtherCandles.from_frame(
                candles, pair, timeframe, seconds, self.rows
            )


class CandleKitchen(FreqaiDataKitchen):
    """Hands impossible candles to the strategy's hooks as missing ones, and remembers the others.

    In the frame that comes back an impossible candle has its own prices again, and no features.
    """

    seen: SeenCandles

    @classmethod
    def instead_of(cls, kitchen: FreqaiDataKitchen, seen: SeenCandles) -> CandleKitchen:
        """The same kitchen with this one's way of making features."""
        own = cls.__new__(cls)
        own.__dict__.update(kitchen.__dict__)
        own.seen = seen
        return own

    def get_pair_data_for_features(  # noqa: PLR0917 - FreqAI's signature
        self,
        pair: str,
        tf: str,
        strategy: IStrategy,
        corr_dataframes: dict[str, Any],
        base_dataframes: dict[str, Any],
        is_corr_pairs: bool = False,
    ) -> pd.DataFrame:
        """Candles of a pair and timeframe, impossible ones as missing ones."""
        candles: pd.DataFrame = super().get_pair_data_for_features(
            pair, tf, strategy, corr_dataframes, base_dataframes, is_corr_pairs
        )
        if not is_corr_pairs and tf == self.config["timeframe"]:
            return candles  # see `use_strategy_to_populate_indicators`
        self.seen.take(pair, tf, candles)
        return known_frame(candles)

    def use_strategy_to_populate_indicators(  # noqa: PLR0917 - FreqAI's signature
        self,
        strategy: IStrategy,
        corr_dataframes: dict[str, pd.DataFrame] | None = None,
        base_dataframes: dict[str, Any] | None = None,
        pair: str = "",
        prediction_dataframe: pd.DataFrame | None = None,
        do_corr_pairs: bool = True,
    ) -> pd.DataFrame:
        """Candles with their features, NaN where those are unknown."""
        bases = dict(base_dataframes or {})
        timeframe = self.config["timeframe"]
        handed = prediction_dataframe is not None and not prediction_dataframe.empty
        raw: pd.DataFrame = prediction_dataframe if handed else bases[timeframe]
        self.seen.notices.look_at(pair, timeframe, raw)
        bases[timeframe] = known_frame(raw)
        featured: pd.DataFrame = super().use_strategy_to_populate_indicators(
            strategy,
            corr_dataframes,
            bases,
            pair,
            bases[timeframe] if handed else None,
            do_corr_pairs,
        )
        return _without_unknown(featured, raw)


def other_candles(kitchen: FreqaiDataKitchen) -> Iterable[OtherCandles]:
    """Candles of other pairs and timeframes that a kitchen's features come from."""
    return kitchen.seen.others.values() if isinstance(kitchen, CandleKitchen) else ()


def _without_unknown(featured: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    """Features, NaN in unknown rows, beside the N candles that they were made of."""
    _, unknown = KnownCandles().update(raw)
    if not unknown.any():
        return featured
    impossible = impossible_candles(raw)
    columns: dict[str, Any] = {
        str(name): featured[name].mask(unknown)
        for name in featured
        if str(name).startswith(FEATURE_PREFIX)
    }
    for name in CANDLE_COLUMNS:
        if name != "date":
            columns[name] = np.where(impossible, raw[name], featured[name])
    return featured.assign(**columns)


class KnownCandlesModel(IFreqaiModel):
    """A model whose features, in training and prediction, come from `CandleKitchen`."""

    _settings: TrainingConfig
    _candle_seconds: int

    def watch_candles(self) -> None:
        """Begin to remember candles and warnings; settings and timeframe are known before."""
        settings = self._settings
        self._rows = RowGrid(self._candle_seconds, settings.window_size, settings.max_flat_candles)
        self._notices = CandleNotices()
        self._seen = SeenCandles(self._rows, self._notices)

    def start_live(
        self,
        dataframe: pd.DataFrame,
        metadata: dict[str, Any],
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
    ) -> FreqaiDataKitchen:
        """Predict the newest candle."""
        self.dk = CandleKitchen.instead_of(dk, self._seen)
        return super().start_live(dataframe, metadata, strategy, self.dk)

    def extract_data_and_train_model(
        self,
        new_trained_timerange: TimeRange,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        data_load_timerange: TimeRange,
    ) -> None:
        """Train, in a thread of its own, on candles that predictions have nothing to do with."""
        kitchen = CandleKitchen.instead_of(dk, SeenCandles(self._rows, self._notices))
        super().extract_data_and_train_model(
            new_trained_timerange, pair, strategy, kitchen, data_load_timerange
        )
