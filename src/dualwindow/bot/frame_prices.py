"""Prices on which a training's decisions are traded, from the frame that FreqAI hands over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dualwindow.backtest.dataset_trades import TradeVenue
from dualwindow.backtest.price_files import read_funding
from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.backtest.terms import trade_terms
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.pairs import FUTURES, stem_of
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from dualwindow.settings.root_settings import RootSettings


class FramePrices:
    """Makes markets of the frames of trainings, on the terms of the configuration.

    Args:
        config: freqtrade's configuration.
        reads_funding: false in a running bot, which downloads no funding after its start.

    Raises:
        SettingsError: when the fee is no fraction.
    """

    def __init__(self, config: Mapping[str, Any], *, reads_funding: bool) -> None:
        root, mode = RootSettings.from_config(config), config.get("trading_mode", "spot")
        self._terms = trade_terms(root, config, mode)
        self._folder = Path(config["datadir"]) / FUTURES
        self._timeframe: str = config["timeframe"]
        self._known: dict[str, Funding | None] = {}
        self._funded = mode == FUTURES and root.evaluation_funding and reads_funding

    def venue_of(self, frame: pd.DataFrame) -> TradeVenue:
        """The market of one pair's candles; it holds the frame, of which only a period is copied.

        Args:
            frame: in time order, with freqtrade's candle columns.
        """

        def prices(pair: str, timerange: DateRange) -> TradeCandles:
            seconds = pd.Series(utc_seconds(frame["date"]))
            first = seconds.searchsorted(timerange.first or 0)
            stop = len(seconds) if timerange.stop is None else seconds.searchsorted(timerange.stop)
            return TradeCandles.from_frame(frame.iloc[first:stop], funding=self._funding(pair))

        return TradeVenue(prices, self._terms)

    def _funding(self, pair: str) -> Funding | None:
        if not self._funded:
            return None
        if pair not in self._known:
            # Once for all retrainings: where there is none, one warning will do.
            path = self._folder / f"{stem_of(pair)}-{self._timeframe}-futures.feather"
            self._known[pair] = read_funding(CandleSource(pair, path))
        return self._known[pair]
