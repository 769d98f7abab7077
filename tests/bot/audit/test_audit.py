"""Eight planted causes of a difference are named, and a clean dry run has a parity of 100 %."""

from __future__ import annotations

import argparse
import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.resolvers import StrategyResolver

from dualwindow.backtest.exits import EXIT_REASONS, hold_position
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.bot.audit.differences import Audit
from dualwindow.bot.audit.replay import LoadedStrategy
from dualwindow.cli.evaluate.asked import Asked
from dualwindow.cli.evaluate.audit import audit_of
from dualwindow.cli.evaluate.why_sources import bot_records
from dualwindow.models.identifier.journal import read_journal
from tests.makers.bot import PAIR
from tests.makers.bot_records import MadeTrade, write_database
from tests.makers.candle_files import write_futures
from tests.makers.live_bot import NEVER_EXPIRES, ROWS, save_model, trained
from tests.makers.started_bot import MINUTE, Started, as_filled, retime

__all__ = ["trained"]

#: Candles of a run.
LENGTH = 40


@pytest.fixture
def started(trained: Any, btc_futures: pd.DataFrame) -> Started:
    freqai = trained.config["freqai"]
    freqai["expiration_hours"] = NEVER_EXPIRES
    trained.config |= {"max_open_trades": 3, "dry_run_wallet": 1000, "stake_amount": 100}
    return Started(trained, btc_futures)


def run(started: Started, first: int = 0, last: int = LENGTH) -> None:
    for number in range(first, last):
        started.live.candle(number)


def audited(started: Started, trades: list[MadeTrade] | None = None, **parameters: Any) -> Audit:
    """The audit of everything that the bot left, by the configuration with other parameters."""
    userdir = Path(started.bot.config["user_data_dir"])
    path = userdir / "trades.sqlite"
    path.unlink(missing_ok=True)
    config = copy.deepcopy(started.bot.config)
    config["freqai"]["model_training_parameters"] |= parameters
    # Other than in a bot that runs already, a configuration has to be a sensible one.
    config["freqai"] |= {"expiration_hours": 10**5, "live_retrain_hours": 10**5 - 1}
    config["db_url"] = write_database(path, trades or [])
    strategy = StrategyResolver.load_strategy(config)
    strategy.freqai = SimpleNamespace()
    asked = Asked(started.folder, None, None, None, config)
    records = bot_records(argparse.Namespace(log=None), asked)
    return audit_of(records, LoadedStrategy(config, strategy), asked)


def test_a_clean_dry_run_has_a_parity_of_100_percent(started: Started) -> None:
    run(started)
    trades = as_a_backtest(started)
    assert len(trades) >= 3
    audit = audited(started, trades)
    assert audit.differences == []
    assert audit.parity == audit.trade_parity == 1.0
    assert audit.trades == len(trades)
    assert audit.candles >= LENGTH - 2
    assert not audit.notes


def as_a_backtest(started: Started, **changes: Any) -> list[MadeTrade]:
    """The trades that a backtest makes of the bot's decisions, begun seconds after its candles."""
    model = started.bot.model
    frame = started.file.reset_index(drop=True)
    candles = TradeCandles.from_frame(frame)
    config = model._settings
    free, trades = 0, []
    for row in rows_of(started):
        entry = int(np.searchsorted(candles.seconds, row.second + MINUTE))
        side = int(np.argmax(row.predicted[:3]))
        if entry <= free or row.do_predict != 1 or side == 1 or entry >= len(candles.seconds):
            continue
        held = hold_position(
            candles, entry, is_short=side == 0, config=config, terms=TradeTerms(fee=0.0005)
        )
        if held.exit_row >= len(candles.seconds) - 2:
            break
        began = int(candles.seconds[entry]) + 2.0
        model.journal.note_entry(PAIR, row.second, is_short=side == 0, rate=held.entry)
        retime(started.folder, row.second, began)
        trades.append(
            MadeTrade(
                PAIR,
                began + 1,
                int(candles.seconds[held.exit_row]) + 20.0,
                began + 2,
                is_short=side == 0,
                price=held.entry,
                close_price=held.exit,
                reason=EXIT_REASONS[held.reason],
            )
        )
        free = held.exit_row
    return trades


def rows_of(started: Started) -> Any:
    journal = read_journal(started.folder)
    assert journal is not None
    return journal.rows[PAIR]


def restart(started: Started) -> dict[str, Any]:
    run(started, 0, 10)
    started.start()
    run(started, 14, LENGTH)
    return {}


def late(started: Started) -> dict[str, Any]:
    run(started, 0, 10)
    started.live.exchange.missing = [started.candles["date"].iloc[10 + ROWS - 1]]
    started.live.candle(10, as_filled)
    started.live.exchange.missing = []
    run(started, 11, LENGTH)
    return {}


def corrected(started: Started) -> dict[str, Any]:
    run(started)
    file = started.file.reset_index(drop=True)
    at = file.index[file["date"] == started.candles["date"].iloc[12 + ROWS - 1]]
    file.loc[at, ["open", "high", "low", "close"]] *= 1.01
    write_futures(started.datadir, PAIR, file)
    return {}


def other_settings(started: Started) -> dict[str, Any]:
    run(started)
    return {"use_confidence_thresholding": True, "confidence_mode": "conservative"}


PLANTED: dict[str, Callable[[Started], dict[str, Any]]] = {
    "restart": restart,
    "late candle": late,
    "corrected candle": corrected,
    "other settings": other_settings,
}


@pytest.mark.parametrize("cause", PLANTED)
def test_a_planted_cause_of_another_decision_is_named(cause: str, started: Started) -> None:
    audit = audited(started, **PLANTED[cause](started))
    assert {found.cause for found in audit.differences} == {cause}
    assert audit.parity < 1.0
    assert {found.kind for found in audit.differences} == {"decision"}


def test_a_model_of_another_time_is_named(started: Started, btc_futures: pd.DataFrame) -> None:
    """A newer model was trained when the bot still predicted with the last one."""
    run(started)
    bot = started.bot
    entry, known = dict(bot.model.dd.pair_dict[PAIR]), dict(bot.model.dd.model_dictionary)
    featured = bot.features(btc_futures.iloc[500:2500].reset_index(drop=True))
    newer = bot.train(featured)
    stamp = started.second(20)
    save_model(bot, newer, featured, stamp)
    try:
        audit = audited(started)
    finally:
        shutil.rmtree(bot.model.dd.pair_dict[PAIR]["data_path"])
        bot.model.dd.pair_dict[PAIR] = entry
        bot.model.dd.model_dictionary = known
    assert {found.cause for found in audit.differences} == {"model of another time"}
    assert min(found.second for found in audit.differences) >= stamp - MINUTE


@pytest.mark.parametrize(
    ("cause", "change"),
    [
        ("unfilled order", None),
        ("spread", {"price": 1.02}),
        ("time of the fill", {"filled": 90.0}),
        ("time of the fill", {"closed": 600.0}),
    ],
)
def test_a_planted_cause_of_another_trade_is_named(
    cause: str, change: dict[str, float] | None, started: Started
) -> None:
    run(started)
    trades = as_a_backtest(started)
    first = trades.pop(0)
    if change is not None:
        changed = {
            "price": first.price * change.get("price", 1.0),
            "filled": (first.filled or 0.0) + change.get("filled", 0.0),
            "closed": (first.closed or 0.0) + change.get("closed", 0.0),
        }
        trades.insert(0, replace(first, **changed))
    audit = audited(started, trades)
    assert [(found.kind, found.cause) for found in audit.differences] == [("trade", cause)]
    assert audit.differing == 1
    assert audit.trades == len(trades) + (change is None)
    assert audit.trade_parity == pytest.approx(1 - 1 / audit.trades)
    assert audit.decision_parity == 1.0


def test_a_trade_without_a_decision_is_not_blamed_on_anything(started: Started) -> None:
    run(started)
    at = started.second(20)
    audit = audited(started, [MadeTrade(PAIR, at + 65.0, at + 300.0, at + 66.0)])
    assert [found.cause for found in audit.differences] == ["not known"]
