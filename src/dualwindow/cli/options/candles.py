"""Candles of a run: finding their files and checking them before anything uses them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from rich.console import Console
from rich.table import Table

from dualwindow.backtest.dataset_trades import TradeVenue
from dualwindow.backtest.price_files import read_trade_candles
from dualwindow.backtest.prices import TradeCandles
from dualwindow.cli.display.console import figure_table, print_warning
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.data.candles.quality_report import (
    REPORT_HEADER,
    CandleReport,
    inspect_candles,
    require_usable,
)
from dualwindow.data.candles.sources import CandleSource, find_sources, newest_candle
from dualwindow.data.candles.table_files import FEATHER
from dualwindow.data.candles.timerange import DAY_SECONDS, DateRange
from dualwindow.errors import TrainingStoppedError

#: Most pairs that the table shows as columns; more become rows.
_PAIRS_BESIDE: Final = 3
#: Later than any candle, seconds since 1970.
_NEVER: Final = 2**40


def find_candles(settings: RunSettings, begin: int | None = None) -> list[CandleSource]:
    """The candle files of a run's pairs, with the date range in seconds since 1970.

    It starts at `begin` if the settings name no begin; None is the first candle.

    Raises:
        DataError: when a pair has no candles.
        SettingsError: when the date range is empty or no date range.
    """
    root, seconds = settings.root, settings.candle_seconds
    dates = root.train_from, root.train_to, root.train_days

    def resolved(newest: int) -> DateRange:
        timerange = DateRange.from_dates(*dates, newest=newest, candle_seconds=seconds)
        return replace(timerange, first=begin) if timerange.first is None else timerange

    buffer_days = settings.training.calculate_required_buffer_days(settings.periods)
    # The newest candle is not known before a file is found, and until then no date is too late.
    asked = resolved(_NEVER if root.train_days is None else int(time.time()))
    sources = find_sources(
        settings.pairs,
        settings.data_folder,
        trading_mode=settings.trading_mode,
        exchange=settings.exchange,
        timeframe=settings.timeframe,
        # A message tells the user to download it.
        timerange=asked.begun_earlier(buffer_days * DAY_SECONDS),
        excluded=settings.excluded,
        data_format=settings.layers.content.get("dataformat_ohlcv", FEATHER),
    )
    newest = newest_candle(sources)
    wanted = resolved(newest)
    stop = newest + seconds if wanted.stop is None else wanted.stop
    return [replace(source, timerange=DateRange(wanted.first, stop)) for source in sources]


def check_candles(
    sources: Sequence[CandleSource],
    settings: RunSettings,
    console: Console,
    should_stop: Callable[[], bool],
) -> None:
    """Check all candles, show a table and warnings, and refuse candles that would train wrongly.

    Raises:
        DataError: with every reason, all pairs in one message.
        TrainingStoppedError: when `should_stop`, asked before every pair, is true.
    """
    config, periods, seconds = settings.training, settings.periods, settings.candle_seconds
    reports = []
    for source in sources:
        if should_stop():
            raise TrainingStoppedError("the check of the candles was asked to stop")
        report = inspect_candles(source, config, periods=periods, candle_seconds=seconds)
        reports.append(report)
    console.print(_table(reports))
    for report in reports:
        for warning in report.warnings:
            print_warning(console, warning)
    require_usable(reports)


def _table(reports: Sequence[CandleReport]) -> Table:
    """One column per pair if there are few, else one row per pair."""
    rows = [REPORT_HEADER, *(report.cells() for report in reports)]
    if len(reports) <= _PAIRS_BESIDE:
        rows = list(zip(*rows, strict=True))
    return figure_table(f"candles of {reports[0].timerange}", rows[0], rows[1:])


def venue_of(settings: RunSettings, sources: Sequence[CandleSource]) -> TradeVenue:
    """Prices from a run's candle files and the run's terms, to trade decisions on."""
    by_pair = {source.pair: source for source in sources}

    def prices(pair: str, timerange: DateRange) -> TradeCandles:
        return read_trade_candles(
            replace(by_pair[pair], timerange=timerange),
            settings.candle_seconds,
            funding=settings.root.evaluation_funding,
        )

    return TradeVenue(prices, settings.terms)
