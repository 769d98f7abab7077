"""Where `why` finds what a backtest or a bot has left."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dualwindow.bot.trades.account import Account
from dualwindow.bot.trades.backtest_result import FOLDER, find_result, read_result
from dualwindow.bot.trades.bot_log import BotLog
from dualwindow.bot.trades.database import database_url, read_account
from dualwindow.bot.trades.entries import with_waiting
from dualwindow.bot.why.backtest import BacktestFacts
from dualwindow.bot.why.bot_records import BotRecords
from dualwindow.bot.why.candles import Place
from dualwindow.bot.why.evidence import read_gate
from dualwindow.bot.why.facts import CandleFacts
from dualwindow.bot.why.history import has_history
from dualwindow.bot.why.running import RunningBot
from dualwindow.cli.evaluate.asked import Asked, pair_among
from dualwindow.cli.evaluate.basis import Basis
from dualwindow.cli.evaluate.walk_forward import is_backtest
from dualwindow.cli.options.configuration import data_folder
from dualwindow.errors import DataError
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.models.identifier.journal import JOURNAL_NAME, Journal, read_journal
from dualwindow.settings.checks.shapes import group_at


class Source(Protocol):
    """Facts of one pair's candles."""

    pair: str

    @property
    def seconds(self) -> NDArray[np.int64]:
        """Dates of the candles that there is something to tell of, seconds since 1970."""

    def at(self, second: int) -> CandleFacts:
        """The facts of the candle of a date."""


@dataclass(frozen=True)
class Sources:
    """Whose candles they are, in words; the facts by pair; and the seconds between two candles."""

    title: str
    pairs: Sequence[Source]
    candle_seconds: int


def sources_of(options: argparse.Namespace, asked: Asked) -> Sources:
    """Everything that there is to know about what was asked.

    Raises:
        DualWindowError: when the folder holds no predictions of the pair.
    """
    backtest = is_backtest(asked.folder)
    bot = has_history(asked.folder) or (asked.folder / JOURNAL_NAME).is_file()
    if options.of == "backtest" or (backtest and not bot):
        return _of_backtest(options, asked)
    if options.of == "bot" or (bot and not backtest):
        return _of_bot(options, asked)
    if not bot:
        raise DataError(
            f"{asked.folder} holds the predictions of neither a backtest nor a bot; run one of them"
        )
    found = _of_bot(options, asked)
    if asked.second is None or found.pairs[0].at(asked.second).prediction is not None:
        return found
    return _of_backtest(options, asked)


def _of_backtest(options: argparse.Namespace, asked: Asked) -> Sources:
    basis = Basis.from_options(options, asked.folder, ())
    settings = WalkSettings.from_config(asked.folder, basis.layers.content, basis.traded)
    last = basis.record
    strategy, since = (None, None) if last is None else (last.strategy, last.when)
    name, results = asked.folder.resolve().name, asked.userdir / FOLDER
    result: Path | None = options.result or find_result(results, name, strategy, since)
    account, without = None, ""
    if result is None:
        without = (
            f"{results} has no result of the last backtest of freqai.identifier {name!r}; run it "
            "again with --export trades, or name one with --result"
        )
    else:
        account = read_result(result, name, settings.candle_seconds)
    place = Place(asked.folder, settings, basis.candles(asked.folder, settings.exchange))
    gate = None if last is None else last.gate
    pairs = _each_pair(
        asked, settings, lambda pair: BacktestFacts(place, pair, account, without, gate)
    )
    title = f"the backtest of {name}" + ("" if result is None else f" ({result.name})")
    return Sources(title, pairs, settings.candle_seconds)


def _of_bot(options: argparse.Namespace, asked: Asked) -> Sources:
    records = bot_records(options, asked)
    settings = records.place.settings
    pairs = _each_pair(asked, settings, lambda pair: RunningBot(records, pair))
    return Sources(f"the bot of {asked.folder.resolve().name}", pairs, settings.candle_seconds)


def bot_records(options: argparse.Namespace, asked: Asked) -> BotRecords:
    """Records of a bot beside the predictions of single pairs.

    Raises:
        DualWindowError: when its folder, journal or log cannot be read.
    """
    folder, journal = asked.folder, read_journal(asked.folder)
    settings = WalkSettings.from_config(folder, asked.config)
    config = {**asked.config, **newest_session(journal)}
    config.setdefault("dry_run", True)
    account: Account | None = None
    without, log = "", _log(options, asked)
    try:
        url = database_url(config, asked.userdir)
        account = read_account(url, config, settings.candle_seconds)
        if journal is not None:
            account = with_waiting(account, journal, config, log)
    except DataError as error:
        without = str(error)
    return BotRecords(
        place=Place(folder, settings, candles_of(asked, settings.exchange)),
        journal=journal,
        account=account,
        no_account=without,
        log=log,
        expiration=float(group_at(config, "freqai").get("expiration_hours") or 0.0),
        gate=read_gate(folder),
    )


def newest_session(journal: Journal | None) -> Mapping[str, Any]:
    """The settings that trades of the bot's last start depended on; empty where it is not known."""
    if journal is None or not journal.sessions:
        return {}
    return journal.sessions[max(journal.sessions)].content


def candles_of(asked: Asked, exchange: str) -> Path:
    """Folder of the exchange's candles: as configured, else beside that of the models."""
    configured = asked.config.get("datadir")
    userdir = asked.config.get("user_data_dir") or asked.userdir
    beside = data_folder(Path(userdir)) / exchange
    return Path(configured) if configured else beside


def _log(options: argparse.Namespace, asked: Asked) -> BotLog | None:
    if options.log is not None:
        return BotLog(options.log)
    configured = asked.config.get("logfile")
    usual = asked.userdir / "logs" / "freqtrade.log"
    path = Path(str(configured)) if configured else usual
    return BotLog(path) if path.is_file() else None


def _each_pair(
    asked: Asked, settings: WalkSettings, facts: Callable[[str], Source]
) -> Sequence[Source]:
    pairs = list(settings.pairs.values())
    if asked.pair is not None:
        return [facts(pair_among(asked.pair, pairs, settings.trading_mode))]
    found, problems = [], []
    for pair in pairs:
        try:
            found.append(facts(pair))
        except DataError as error:
            problems.append(str(error))
    if not found:
        raise DataError("; ".join(problems) or f"{asked.folder} has no pair")
    return found
