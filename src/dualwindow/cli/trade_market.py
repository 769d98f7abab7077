"""Prices and terms on which the command line trades a model's decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dualwindow.backtest.dataset_trades import TradeMarket
from dualwindow.backtest.price_files import read_trade_candles
from dualwindow.backtest.prices import TradeCandles
from dualwindow.cli.run_settings import RunSettings
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import Period


def market_of(settings: RunSettings, sources: Sequence[CandleSource]) -> TradeMarket:
    """Take prices from the candle files of a run.

    Args:
        settings: of the run.
        sources: candles of all pairs.
    """
    by_pair = {source.pair: source for source in sources}

    def prices(pair: str, period: Period) -> TradeCandles:
        return read_trade_candles(
            replace(by_pair[pair], period=period),
            settings.candle_seconds,
            funding=settings.root.evaluation_funding,
        )

    return TradeMarket(prices, settings.terms)
