"""`dualwindow audit`: compares a dry run with a backtest, and shows the differences."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dualwindow.bot.audit.decisions import Compared, decision_differences
from dualwindow.bot.audit.differences import Audit, Difference
from dualwindow.bot.audit.replay import LoadedStrategy, Replay, load_strategy
from dualwindow.bot.audit.trades import number_of_trades, trade_differences
from dualwindow.bot.why.bot_records import BotRecords
from dualwindow.bot.why.running import RunningBot
from dualwindow.cli.display.console import console_of, log_to
from dualwindow.cli.evaluate.asked import Asked, asked_of, pair_among
from dualwindow.cli.evaluate.why_sources import bot_records, newest_session
from dualwindow.cli.options.configuration import config_files
from dualwindow.data.candles.timerange import utc_text
from dualwindow.errors import DataError
from dualwindow.models.identifier.journal import JOURNAL_NAME
from dualwindow.runtime.counts import counted

#: Settings of a start that a difference of trades may come from, where they are others now.
_OF_TRADES: Final = (
    "max_open_trades",
    "stake_amount",
    "unfilledtimeout",
    "entry_pricing",
    "exit_pricing",
)


def run_audit(options: argparse.Namespace) -> int:
    """Compare, and show the differences; always 0.

    Raises:
        DualWindowError: when journal, candles, models or strategy cannot be used.
    """
    log_to(console_of(sys.stderr), logging.WARNING)
    asked = asked_of(options, counts=True)
    records = bot_records(options, asked)
    made = load_strategy(config_files(options), asked.userdir)
    log_to(console_of(sys.stderr), logging.WARNING)
    audit = audit_of(records, made, asked)
    if options.json:
        print(json.dumps(audit.to_dict(), indent=2))
    else:
        _show(audit, options.most)
    return 0


def audit_of(records: BotRecords, made: LoadedStrategy, asked: Asked) -> Audit:
    """Compare the pairs that are asked for with a backtest by a strategy.

    Raises:
        DataError: when there is no journal, or no pair can be compared.
    """
    journal, settings = records.journal, records.place.settings
    if journal is None or not journal.rows:
        raise DataError(
            f"{records.place.folder / JOURNAL_NAME} is not there: the bot is of an earlier "
            "version, or has not looked at a candle yet; run it with this version first"
        )
    pairs = list(journal.rows)
    if asked.pair is not None:
        pairs = [pair_among(asked.pair, pairs, settings.trading_mode)]
    candles, trades, differences, notes = 0, 0, [], list(_changed_settings(records, made.config))
    rule = made.rule or settings.rule
    for pair in pairs:
        try:
            compared = Compared(
                bot=RunningBot(records, pair),
                replay=Replay(records.place, pair, made),
                journal=journal,
                rule=rule,
                window_size=settings.config.window_size,
                candle_seconds=settings.candle_seconds,
                timeframe=settings.timeframe,
            )
        except DataError as error:
            notes.append(f"{pair} is not compared: {error}")
            continue
        number, ended, found = _of_pair(compared, records, asked.last)
        candles += number
        trades += ended
        differences += found
        notes += _left_out(compared, number)
    if not candles:
        raise DataError(
            "; ".join(notes) or f"{records.place.folder}: no candle of the bot can be compared"
        )
    if records.account is None:
        notes.append(f"trades are not compared: {records.no_account}")
    differences.sort(key=lambda one: (one.second, one.pair))
    return Audit(candles, differences, notes, trades)


def _of_pair(
    compared: Compared, records: BotRecords, last: int | None
) -> tuple[int, int, list[Difference]]:
    """Candles and trades that were compared, and where they differ."""
    seconds = compared.seconds
    if last is not None and len(seconds):
        seconds = seconds[seconds > seconds[-1] - last]
    if not len(seconds):
        return 0, 0, []
    first, end, settings = int(seconds[0]), int(seconds[-1]), records.place.settings
    compared.replay.cut(first, end, compared.window_size)
    found = list(decision_differences(compared, seconds))
    trades = 0
    if records.account is not None:
        trades = number_of_trades(compared, first, end)
        found += trade_differences(compared, first, end, settings.config, settings.terms)
    return len(seconds), trades, found


def _left_out(compared: Compared, number: int) -> Iterator[str]:
    rows = compared.journal.rows[compared.bot.pair]
    newest = int(compared.replay.raw.seconds[-1])
    after = sum(row.second > newest for row in rows)
    if after:
        yield (
            f"{compared.bot.pair}: the candle file ends at {utc_text(newest)}, and "
            f"{counted(after, 'candle')} of the bot after it are not compared; download them"
        )
    elif not number:
        yield f"{compared.bot.pair}: the bot has not been able to trade a candle yet"


def _changed_settings(records: BotRecords, config: Mapping[str, Any]) -> Iterator[str]:
    then = newest_session(records.journal)
    for name in _OF_TRADES:
        now = config.get(name)
        if name in then and json.dumps(now, default=str) != json.dumps(then[name], default=str):
            yield f"{name} is {now!r} in the configuration, and was {then[name]!r} in the bot"


def _show(audit: Audit, most: int) -> None:
    console = console_of(sys.stdout)

    def show(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    for found in audit.differences[: max(most, 0)]:
        show(f"{utc_text(found.second)} {found.pair}, {found.kind}: {found.cause}")
        show(f"  bot {found.bot}; backtest {found.backtest}; {found.words}")
    rest = len(audit.differences) - max(most, 0)
    if rest > 0:
        show(f"and {counted(rest, 'more difference')}; --most or --json shows them")
    for note in audit.notes:
        show(f"note: {note}")
    for cause, number in audit.causes.items():
        show(f"{cause}: {counted(number, 'difference')}")
    show(f"decisions alone: {100 * audit.decision_parity:.2f} %")
    if audit.trades:
        compared = counted(audit.trades, "trade or entry", "trades and entries")
        show(f"trades alone: {100 * audit.trade_parity:.2f} % of {compared}")
    agree = audit.candles - audit.differing
    show(
        f"parity: {100 * audit.parity:.2f} % ({agree:,} of {counted(audit.candles, 'candle')} have "
        "the decision and the trade of the backtest)"
    )
