"""Finds the candles of a run and looks through them before anything is made of them."""

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
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.data.candles.quality_report import (
    REPORT_HEADER,
    CandleReport,
    inspect_candles,
    require_usable,
)
from dualwindow.data.candles.sources import CandleSource, find_sources, newest_candle
from dualwindow.data.candles.timerange import DateRange
from dualwindow.errors import TrainingStoppedError

#: Most pairs whose figures stand beside each other.
_PAIRS_BESIDE: Final = 3

#: Later than any candle, seconds since 1970.
_NEVER: Final = 2**40


def find_candles(settings: RunSettings, begin: int | None = None) -> list[CandleSource]:
    """The candle files of a run's pairs, with the period resolved to moments.

    Args:
        settings: of the run.
        begin: of the period where the settings name none, seconds since 1970; None is the first
            candle.

    Raises:
        DataError: when candles are not there.
        SettingsError: when the period is no period.
    """
    root = settings.root

    def resolved(newest: int) -> DateRange:
        timerange = DateRange.from_dates(
            root.train_from,
            root.train_to,
            root.train_days,
            newest=newest,
            candle_seconds=settings.candle_seconds,
        )
        return replace(timerange, first=begin) if timerange.first is None else timerange

    sources = find_sources(
        settings.pairs,
        settings.data_folder,
        trading_mode=settings.trading_mode,
        exchange=settings.exchange,
        timeframe=settings.timeframe,
        # What a download would have to bring; the newest candle is known only once there is one,
        # and until then no date is too late.
        timerange=resolved(_NEVER if root.train_days is None else int(time.time())),
        buffer_days=settings.training.calculate_required_buffer_days(settings.periods),
        excluded=settings.excluded,
    )
    newest = newest_candle(sources)
    wanted = resolved(newest)
    stop = newest + settings.candle_seconds if wanted.stop is None else wanted.stop
    return [replace(source, timerange=DateRange(wanted.first, stop)) for source in sources]


def check_candles(
    sources: Sequence[CandleSource],
    settings: RunSettings,
    console: Console,
    should_stop: Callable[[], bool],
) -> None:
    """Look through all candles, show what was found, and refuse what would train wrongly.

    Args:
        sources: candles of all pairs.
        settings: of the run.
        console: where it is shown.
        should_stop: asked before every pair.

    Raises:
        DataError: with every reason, all pairs in one message.
        TrainingStoppedError: when `should_stop` said so.
    """
    reports = []
    for source in sources:
        if should_stop():
            raise TrainingStoppedError("the look through the candles was asked to stop")
        reports.append(
            inspect_candles(
                source,
                settings.training,
                periods=settings.periods,
                candle_seconds=settings.candle_seconds,
            )
        )
    console.print(_table(reports))
    for report in reports:
        for warning in report.warnings:
            console.print(f"warning: {warning}", style="yellow", markup=False)
    require_usable(reports)


def _table(reports: Sequence[CandleReport]) -> Table:
    """A column a pair while there are few, else a row a pair."""
    rows = [REPORT_HEADER, *(report.cells() for report in reports)]
    if len(reports) <= _PAIRS_BESIDE:
        rows = list(zip(*rows, strict=True))
    table = Table(title=f"candles of {reports[0].timerange}")
    for at, column in enumerate(rows[0]):
        table.add_column(column, justify="right" if at else "left")
    for row in rows[1:]:
        table.add_row(*row)
    return table


def venue_of(settings: RunSettings, sources: Sequence[CandleSource]) -> TradeVenue:
    """Take prices from the candle files of a run.

    Args:
        settings: of the run.
        sources: candles of all pairs.
    """
    by_pair = {source.pair: source for source in sources}

    def prices(pair: str, timerange: DateRange) -> TradeCandles:
        return read_trade_candles(
            replace(by_pair[pair], timerange=timerange),
            settings.candle_seconds,
            funding=settings.root.evaluation_funding,
        )

    return TradeVenue(prices, settings.terms)
