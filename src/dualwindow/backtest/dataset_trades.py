"""Trades of a model's decisions on evaluated rows, after fees."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.equity import with_equity
from dualwindow.backtest.figures import AfterFees
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, trade_decisions, trade_entries
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.datasets.dataset import Dataset, Selection
from dualwindow.errors import DataError
from dualwindow.runtime.counts import counted
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TradeVenue:
    """Prices and terms on which decisions are traded.

    Attributes:
        prices: reads the candles of a pair in a date range; raises DataError where there are none.
        terms: fee, slippage, leverage and whether shorts are made.
    """

    prices: Callable[[str, DateRange], TradeCandles]
    terms: TradeTerms


def newest_rows(selection: Selection, most: int) -> NDArray[np.int64]:
    """At most `most` of the rows: the newest of every stretch, in equal numbers.

    Unlike evenly spaced rows they are consecutive, as trades need it.
    """
    share = most // max(len(selection.stretches), 1)
    parts = [Selection(selection.dataset, [stretch]) for stretch in selection.stretches]
    rows = [part.rows(None, np.arange(max(len(part) - share, 0), len(part))) for part in parts]
    return np.concatenate([np.empty(0, np.int64), *rows])


def trade_rows(
    dataset: Dataset,
    rows: NDArray[np.int64],
    decisions: NDArray[np.integer],
    config: TrainingConfig,
    venue: TradeVenue,
) -> AfterFees | None:
    """Trade the decisions of rows, one position a pair at a time, without turns.

    Rows between them give no signal: their window is not valid or their future not known.

    Args:
        dataset: that the rows belong to.
        rows: (N,) rows with a class, ascending.
        decisions: (N,) class codes.
        config: barriers and future window.
        venue: prices and terms.

    Returns:
        None without rows, and where a pair has no usable prices, which is logged: the other
        figures do not depend on them.
    """
    traded = []
    for pair in dataset.pairs:
        first, stop = np.searchsorted(rows, [pair.start, pair.stop])
        if first == stop:
            continue
        part = slice(int(first), int(stop))
        try:
            traded.append(
                _pair_trades(dataset, pair.name, (rows[part], decisions[part]), config, venue)
            )
        except DataError as error:
            logger.warning("%s: there are no figures after fees: %s", pair.name, error)
            return None
    if not traded:
        return None
    return with_equity(after_fees(traded, venue.terms), traded, venue.terms)


def side_profits(
    dataset: Dataset, rows: NDArray[np.int64], config: TrainingConfig, venue: TradeVenue
) -> NDArray[np.float64] | None:
    """(N, 2) net profits of a SHORT and a LONG entered after (N,) rows, whatever else is open.

    Fractions of the stake; NaN where the candles end before the entry. None where a pair has no
    usable prices, which is logged. Rows and the other arguments are those of `trade_rows`.
    """
    profits = np.full((len(rows), 2), np.nan)
    for pair in dataset.pairs:
        first, stop = np.searchsorted(rows, [pair.start, pair.stop])
        if first == stop:
            continue
        try:
            candles, at = _priced(dataset, pair.name, rows[first:stop], config, venue)
        except DataError as error:
            logger.warning("%s: there are no figures after fees: %s", pair.name, error)
            return None
        entered = at + 1 < len(candles) - 1
        for place, side in enumerate((SHORT, LONG)):
            sides = np.full(int(entered.sum()), side, np.int8)
            trades = trade_entries(candles, at[entered] + 1, sides, config, venue.terms)
            profits[first:stop][entered, place] = trades.profit
    return profits


def _pair_trades(
    dataset: Dataset,
    pair: str,
    decided: tuple[NDArray[np.int64], NDArray[np.integer]],
    config: TrainingConfig,
    venue: TradeVenue,
) -> ComparedTrades:
    rows, decisions = decided
    candles, at = _priced(dataset, pair, rows, config, venue)
    signals = np.full(len(candles), HOLD, np.int8)
    signals[at] = decisions
    trades = trade_decisions(candles, signals, config, venue.terms, turns=False)
    return replace(ComparedTrades.from_trades(candles, trades, config, venue.terms), pair=pair)


def _priced(
    dataset: Dataset,
    pair: str,
    rows: NDArray[np.int64],
    config: TrainingConfig,
    venue: TradeVenue,
) -> tuple[TradeCandles, NDArray[np.int64]]:
    """Candles of a pair from its first row on, and (N,) the places of its rows among them.

    Raises:
        DataError: when one has no price.
    """
    seconds = dataset.seconds[rows]
    # The last row's entry comes a candle later, its time-out the future window after that.
    after = (config.future_window + 2) * dataset.candle_seconds
    candles = venue.prices(pair, DateRange(int(seconds[0]), int(seconds[-1]) + after))
    at = np.searchsorted(candles.seconds, seconds)
    priced = at < len(candles)
    priced[priced] = candles.seconds[at[priced]] == seconds[priced]
    if len(candles) < 2 or not priced.all():
        raise DataError(
            f"{np.count_nonzero(~priced)} of {counted(len(rows), 'evaluated candle')} without a "
            "price; the candle files have changed since they were prepared, start again"
        )
    return candles, np.asarray(at, np.int64)
