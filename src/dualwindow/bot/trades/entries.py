"""Entries that a bot began, beside what its database holds of them.

freqtrade deletes a trade whose entry was never filled. While its order waited, it held the pair
and one of the places of `max_open_trades`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from dualwindow.bot.trades.account import Account, Position
from dualwindow.bot.trades.bot_log import BotLog
from dualwindow.models.identifier.journal import Journal, TriedEntry

_UNITS: Final = {"minutes": 60.0, "seconds": 1.0}
#: freqtrade's default of `unfilledtimeout.entry` (minutes).
_WAITS: Final = 10.0


def made_of(account: Account, pair: str, tried: Sequence[TriedEntry]) -> dict[int, Position]:
    """Date of a candle to the position it became: each is of the last entry begun before it."""
    made = {}
    for position in account.of_pair(pair):
        before = [
            entry
            for entry in tried
            if entry.side == position.side and entry.tried <= position.opened
        ]
        if before and position.number is not None:
            made[before[-1].second] = position
    return made


def with_waiting(
    account: Account, journal: Journal, config: Mapping[str, Any], log: BotLog | None
) -> Account:
    """The account with the orders that were not filled, as positions while they waited.

    Args:
        account: what the database holds.
        journal: with the entries that were begun.
        config: with freqtrade's `unfilledtimeout`.
        log: tells when an order was taken back; without it the time-out does.
    """
    timeout = config.get("unfilledtimeout") or {}
    waits = float(timeout.get("entry", _WAITS)) * _UNITS.get(timeout.get("unit", "minutes"), 60.0)
    waiting = []
    for pair, tried in journal.entries.items():
        made = made_of(account, pair, tried)
        for entry in tried:
            if entry.second in made:
                continue
            # freqtrade looks at its orders once a loop.
            end = entry.tried + waits + account.candle_seconds
            removed = None if log is None else log.first(pair, entry.tried, end, "unfilled")
            closed = entry.tried + waits if removed is None else removed.when
            waiting.append(_order(pair, entry, closed))
    whole = sorted((*account.positions, *waiting), key=lambda position: position.opened)
    return replace(account, positions=tuple(whole))


def _order(pair: str, entry: TriedEntry, closed: float) -> Position:
    return Position(
        number=None,
        pair=pair,
        side=entry.side,
        opened=entry.tried,
        closed=closed,
        price=entry.rate,
        close_price=None,
        stake=0.0,
        profit=0.0,
        reason="its order was not filled",
        tag="",
    )
