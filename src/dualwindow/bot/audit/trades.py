"""Compares a dry run's trades with those that a backtest makes of the same decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from dualwindow.backtest.exits import EXIT_REASONS, FORCE_EXIT, STOP_LOSS, hold_position
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.bot.audit.decisions import Compared
from dualwindow.bot.audit.differences import FILL, NOT_KNOWN, SPREAD, TRADE, UNFILLED, Difference
from dualwindow.bot.trades.account import Position
from dualwindow.columns import CLASS_NAMES, SHORT
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.candles.timerange import utc_text
from dualwindow.models.identifier.journal import TriedEntry
from dualwindow.settings import TrainingConfig

#: freqtrade's names of a stop loss beside that of a backtest.
_STOPS: Final = ("trailing_stop_loss", "stoploss_on_exchange")
#: Candles between the exits of the same trade: a bot looks every few seconds, not at every price.
_NEAR: Final = 1


def trade_differences(
    compared: Compared, first: int, last: int, config: TrainingConfig, terms: TradeTerms
) -> Iterator[Difference]:
    """The trades, and entries that came to nothing, between the candles of two dates.

    Args:
        compared: a pair.
        first: date of the first candle, seconds since 1970.
        last: of the last one.
        config: barriers and future window.
        terms: of the trades.
    """
    candles = TradeCandles.from_frame(known_frame(compared.replay.raw.frame))
    for second, position in compared.bot.made.items():
        if first <= second <= last:
            found = _of_trade(compared, candles, second, position, config, terms)
            if found is not None:
                yield found
    for second, entry in _gone(compared, first, last):
        yield _unfilled(compared, second, entry)
    for second, position in _unexplained(compared, first, last):
        words = "no decision of the bot's was behind it: an order by hand, or another strategy"
        name = compared.bot.pair
        yield Difference(name, second, TRADE, NOT_KNOWN, position.words, "no trade", words)


def number_of_trades(compared: Compared, first: int, last: int) -> int:
    """Trades, and entries that came to nothing, between the candles of two dates."""
    made = sum(first <= second <= last for second in compared.bot.made)
    others = [*_gone(compared, first, last), *_unexplained(compared, first, last)]
    return made + len(others)


def _gone(compared: Compared, first: int, last: int) -> Iterator[tuple[int, TriedEntry]]:
    """Candles whose entry came to nothing."""
    for second, entry in compared.bot.tried.items():
        if first <= second <= last and second not in compared.bot.made:
            yield second, entry


def _unexplained(compared: Compared, first: int, last: int) -> Iterator[tuple[int, Position]]:
    """Positions without a decision, by the candle before they were opened."""
    known = {position.number for position in compared.bot.made.values()}
    for position in compared.bot.positions:
        at = int(position.opened) - compared.candle_seconds
        at -= at % compared.candle_seconds
        if position.number not in known and first <= at <= last:
            yield at, position


def _unfilled(compared: Compared, second: int, entry: TriedEntry) -> Difference:
    side = CLASS_NAMES[entry.side]
    return Difference(
        compared.bot.pair,
        second,
        TRADE,
        UNFILLED,
        f"{side} at {entry.rate:.10g}, not filled",
        f"{side} at the next candle's open",
        f"the order of {utc_text(int(entry.tried))} was taken back or refused",
    )


def _of_trade(  # noqa: PLR0917 - a trade, and what it is compared with
    compared: Compared,
    candles: TradeCandles,
    second: int,
    made: Position,
    config: TrainingConfig,
    terms: TradeTerms,
) -> Difference | None:
    """The first difference of a trade from the backtest's; None without any."""
    step = compared.candle_seconds
    entry = int(np.searchsorted(candles.seconds, second + step))
    if entry >= len(candles.seconds) or candles.seconds[entry] != second + step:
        return None
    expected = f"{CLASS_NAMES[made.side]} at {candles.open[entry]:.10g}"
    filled = made.opened if made.filled is None else made.filled

    def found(cause: str, words: str) -> Difference:
        name = compared.bot.pair
        return Difference(name, second, TRADE, cause, made.words, expected, words)

    row = entry + int((filled - candles.seconds[entry]) // step)
    if row != entry:
        return found(
            FILL,
            f"it was filled at {utc_text(int(filled))}, a backtest fills at "
            f"{utc_text(second + step)}",
        )
    tick = float(candles.tick[entry])
    low, high = candles.low[entry] - tick, candles.high[entry] + tick
    if not low <= made.price <= high:
        return found(
            SPREAD,
            f"it was filled at {made.price:.10g}, beyond the prices of its candle, "
            f"{candles.low[entry]:.10g} to {candles.high[entry]:.10g}",
        )
    return _of_exit(candles, entry, made, config, terms, found=found)


def _of_exit(
    candles: TradeCandles,
    entry: int,
    made: Position,
    config: TrainingConfig,
    terms: TradeTerms,
    *,
    found: Callable[[str, str], Difference],
) -> Difference | None:
    """The difference of an exit from that of a position at the bot's own price."""
    if made.closed is None:
        return None
    opened = candles.open.copy()
    opened[entry] = made.price
    own = replace(candles, open=opened)
    held = hold_position(own, entry, is_short=made.side == SHORT, config=config, terms=terms)
    if held.reason == FORCE_EXIT:
        # The candles end before the position does.
        return None
    reason = EXIT_REASONS[STOP_LOSS] if made.reason in _STOPS else made.reason
    step = int(candles.seconds[1] - candles.seconds[0])
    row = int((made.closed - candles.seconds[0]) // step)
    end = utc_text(int(candles.seconds[held.exit_row]))
    if reason != EXIT_REASONS[held.reason] or abs(row - held.exit_row) > _NEAR:
        return found(
            FILL,
            f"it ended at {utc_text(int(made.closed))} ({made.reason}), a backtest ends it in the "
            f"candle of {end} ({EXIT_REASONS[held.reason]}): a bot looks at the price now and "
            "then, a backtest at every high and low",
        )
    price = made.close_price
    low, high = candles.low[row], candles.high[row]
    tick = float(candles.tick[row])
    if price is not None and not low - tick <= price <= high + tick:
        return found(
            SPREAD,
            f"it ended at {price:.10g}, beyond the prices of its candle, {low:.10g} to {high:.10g}",
        )
    return None
