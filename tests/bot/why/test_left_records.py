"""What `why` tells of a bot that left less than everything, or more than one kind of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.bot.why.history import HISTORY
from dualwindow.cli.main import main
from dualwindow.models.identifier.journal import JOURNAL_NAME
from tests.makers.bot import PAIR, Bot
from tests.makers.bot_records import MadeTrade, write_database
from tests.makers.live_bot import NEVER_EXPIRES, trained
from tests.makers.started_bot import MINUTE, Started, retime

__all__ = ["trained"]


@pytest.fixture
def started(trained: Bot, btc_futures: pd.DataFrame) -> Iterator[Started]:
    trained.config["freqai"]["expiration_hours"] = NEVER_EXPIRES
    started = Started(trained, btc_futures)
    yield started
    for path in started.folder.glob("historic_predictions*"):
        path.unlink()
    backtest = started.folder / "backtesting_predictions"
    if backtest.is_dir():
        backtest.rmdir()


def gate(answer: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [met for met in answer["gates"] if met["name"] == name]
    return dict(found)


def without_journal(started: Started, candles: int) -> None:
    """Leave what a bot of an earlier version did: the predictions that FreqAI saved, no journal."""
    for number in range(candles):
        started.live.candle(number)
    started.bot.model.dd.save_historic_predictions_to_disk()
    for path in started.folder.glob(f"{JOURNAL_NAME}*"):
        path.unlink()


def asked(started: Started, *words: str) -> int:
    path = Path(started.config["user_data_dir"]) / "why.json"
    path.write_text(json.dumps(started.config), encoding="utf-8")
    return main(["why", str(started.folder), *words, "-c", str(path)])


def test_an_earlier_versions_decisions_are_known_without_a_journal(
    started: Started, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = started.decided(1)
    short = bool(started.live.decision(number)["decision"] < 0)
    without_journal(started, 0)
    at = started.second(number)
    # An entry of that version is known by the time at which it was made.
    trade = MadeTrade(PAIR, at + 65, at + 600, at + 66, is_short=short)
    started.config["db_url"] = write_database(tmp_path / "trades.sqlite", [trade])
    # By what rule it decided, the configuration tells.
    parameters = {"use_confidence_thresholding": False}
    started.config["freqai"] = {"model_training_parameters": parameters}
    answer = started.why(capsys, number)
    assert answer["cause"] == "entered"
    assert gate(answer, "decision")["state"] == "open"
    assert gate(started.why(capsys, 0), "bot")["state"] == "not known"


def test_the_journal_goes_on_where_the_predictions_of_an_earlier_version_end(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    without_journal(started, 4)
    started.start()
    for number in range(4, 7):
        started.live.candle(number)
    assert gate(started.why(capsys, 3), "bot")["state"] == "open"
    assert started.why(capsys, 4)["cause"] == "first candle after a start"
    assert asked(started, PAIR, "--last", "3m", "--json") == 0
    (pair,) = json.loads(capsys.readouterr().out)["pairs"].values()
    assert pair["candles"] == sum(pair["causes"].values()) == 3
    assert pair["causes"]["first candle after a start"] == 1


def test_a_bot_that_was_stopped_is_named_with_both_its_ends(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    started.live.candle(0)
    started.live.candle(1)
    started.start()
    started.live.candle(6)
    with sqlite3.connect(started.folder / JOURNAL_NAME) as database:
        for session, number in ((1, 0), (2, 6)):
            # A bot begins with the candle that has just closed.
            moment = started.second(number) + MINUTE + 10
            database.execute("update session set started = ? where id = ?", (moment, session))
    answer = started.why(capsys, 3)
    assert answer["cause"] == "bot not running"
    stopped, again = (pd.Timestamp(started.second(number), unit="s") for number in (1, 7))
    words = gate(answer, "bot")["words"]
    assert f"it was stopped after the candle of {stopped:%Y-%m-%d %H:%M}" in words
    assert f"started again at {again:%Y-%m-%d %H:%M}" in words


def test_a_candle_before_the_first_model_is_named(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    started.live.candle(0)
    started.live.candle(1)
    with sqlite3.connect(started.folder / JOURNAL_NAME) as database:
        database.execute("update candle set model = 0, do_predict = 0, first = 0")
        database.execute("update candle set predicted = ?", (bytes(52),))
    answer = started.why(capsys, 1)
    assert answer["cause"] == "no model"
    assert "its first was in training" in gate(answer, "model")["words"]


def test_an_entry_that_the_database_knows_no_more_was_not_filled(
    started: Started, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """freqtrade deletes the trade of an order that it takes back."""
    started.bot.config |= {"max_open_trades": 3, "dry_run_wallet": 1000, "stake_amount": 100}
    number = started.decided(1)
    at = started.second(number)
    short = bool(started.live.decision(number)["decision"] < 0)
    started.bot.model.journal.note_entry(PAIR, at, is_short=short, rate=101.5)
    retime(started.folder, at, at + 62)
    started.config["db_url"] = write_database(tmp_path / "trades.sqlite")
    answer = started.why(capsys, number)
    assert answer["cause"] == "unfilled order"
    assert "an entry at 101.5 was begun" in gate(answer, "order")["words"]
    assert asked(started, PAIR, f"{pd.Timestamp(at, unit='s'):%Y-%m-%dT%H:%M}") == 0
    assert "not traded: unfilled order (an entry at 101.5" in capsys.readouterr().out


def test_a_trade_is_shown_as_one(
    started: Started, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started.bot.config |= {"max_open_trades": 3, "dry_run_wallet": 1000, "stake_amount": 100}
    number = started.decided(1)
    at = started.second(number)
    short = bool(started.live.decision(number)["decision"] < 0)
    started.bot.model.journal.note_entry(PAIR, at, is_short=short, rate=100.0)
    retime(started.folder, at, at + 62)
    trade = MadeTrade(PAIR, at + 65, at + 600, at + 66, is_short=short)
    started.config["db_url"] = write_database(tmp_path / "trades.sqlite", [trade])
    assert asked(started, PAIR, f"{pd.Timestamp(at, unit='s'):%Y-%m-%dT%H:%M}") == 0
    shown = capsys.readouterr().out
    assert f"traded: {'short' if short else 'long'} trade 1" in shown
    assert "it would have taken" not in shown


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((PAIR, "2025-05-08"), "holds the predictions of neither a backtest nor a bot"),
        ((PAIR, "2025-05-08", "--of", "bot"), f"holds no predictions of {PAIR} by a bot"),
        (("--last", "1h", "--of", "bot"), f"holds no predictions of {PAIR} by a bot"),
        ((PAIR, "2025-05-08", "--of", "backtest"), f"holds no predictions of {PAIR} that can be"),
        ((PAIR, "2025-05-08", "--last", "1h"), "without a time: ask like"),
    ],
)
def test_a_folder_in_which_nothing_was_predicted_is_refused(
    words: tuple[str, ...],
    problem: str,
    started: Started,
    capsys: pytest.CaptureFixture[str],
) -> None:
    without_journal(started, 0)
    (started.folder / HISTORY).unlink()
    capsys.readouterr()
    assert asked(started, *words) == 1
    assert problem in " ".join(capsys.readouterr().err.split())


def test_of_a_folder_with_both_the_bot_is_asked_first(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        started.live.candle(number)
    (started.folder / "backtesting_predictions").mkdir()
    assert started.why(capsys, 2)["of"].startswith("the bot of ")
    assert asked(started, "--last", "1h", "--json") == 0
    assert json.loads(capsys.readouterr().out)["of"].startswith("the bot of ")
    # The bot has nothing of an earlier candle, for which the backtest answers.
    when = f"{pd.Timestamp(started.second(0) - 86_400, unit='s'):%Y-%m-%dT%H:%M}"
    assert asked(started, PAIR, when) == 1
    assert "that can be read; run the backtest again" in " ".join(capsys.readouterr().err.split())


def test_the_folder_of_the_configuration_is_asked_where_none_is_named(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        started.live.candle(number)
    started.config["freqai"] = {"identifier": started.folder.name}
    path = Path(started.config["user_data_dir"]) / "why.json"
    path.write_text(json.dumps(started.config), encoding="utf-8")
    capsys.readouterr()
    assert main(["why", "--last", "2m", "--json", "-c", str(path)]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["of"] == f"the bot of {started.folder.name}"
    assert content["pairs"][PAIR]["candles"] == 2


@pytest.mark.parametrize(
    ("parameters", "fires"),
    [
        ({"use_confidence_thresholding": False}, True),
        ({"confidence_threshold_short": 0.99, "confidence_threshold_long": 0.99}, False),
        (
            {
                "confidence_threshold_short": 0.99,
                "confidence_threshold_hold": 0.99,
                "confidence_threshold_long": 0.99,
                "confidence_fallback": "argmax",
            },
            True,
        ),
    ],
)
def test_where_the_journal_lacks_the_rule_the_configurations_counts(
    parameters: dict[str, Any],
    fires: bool,
    started: Started,
    capsys: pytest.CaptureFixture[str],
) -> None:
    number = started.decided(1)
    with sqlite3.connect(started.folder / JOURNAL_NAME) as database:
        database.execute("update session set content = '{}'")
    started.config["freqai"] = {"model_training_parameters": parameters}
    decision = gate(started.why(capsys, number), "decision")
    assert decision["state"] == ("open" if fires else "closed")
    assert ("of 0.990" in decision["words"]) != fires
