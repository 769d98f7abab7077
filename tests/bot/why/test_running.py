"""A running bot's candles: its journal, and the causes that `why` finds in what the bot left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.models.identifier.journal import JOURNAL_NAME, read_journal
from tests.makers.bot import PAIR, Bot
from tests.makers.bot_records import MadeTrade, write_database
from tests.makers.candle_files import write_futures
from tests.makers.live_bot import NEVER_EXPIRES, ROWS, trained, trained_bot
from tests.makers.started_bot import BEGIN, Started, as_filled, retime

__all__ = ["trained"]


@pytest.fixture
def started(trained: Bot, btc_futures: pd.DataFrame) -> Iterator[Started]:
    trained.config["freqai"]["expiration_hours"] = NEVER_EXPIRES
    yield Started(trained, btc_futures)
    trained.config["freqai"]["expiration_hours"] = NEVER_EXPIRES


def gate(answer: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [met for met in answer["gates"] if met["name"] == name]
    return dict(found)


def test_every_candle_is_in_the_journal_as_it_was_met(started: Started) -> None:
    frames = [started.live.candle(number).iloc[-1] for number in range(4)]
    journal = read_journal(started.folder)
    assert journal is not None
    rows = journal.rows[PAIR]
    assert [row.second for row in rows] == [started.second(number) for number in range(4)]
    assert [row.first for row in rows] == [True, False, False, False]
    (model,) = started.bot.model.dd.model_dictionary.values()
    for row, frame in zip(rows, frames, strict=True):
        assert row.do_predict == frame["do_predict"]
        assert row.candle[3] == frame["close"]
        assert row.predicted[:3] == pytest.approx(
            [frame[name] for name in ("SHORT", "HOLD", "LONG")]
        )
        assert row.model == model.trained_until
    session = journal.sessions[rows[0].session].content
    assert session["strategy"] == "DualWindowStrategy"
    assert "key" not in json.dumps(session)


def first(started: Started) -> int:
    started.live.candle(0)
    return 0


def expired(started: Started) -> int:
    started.bot.config["freqai"]["expiration_hours"] = 24
    for number in range(3):
        started.live.candle(number)
    return 2


def late(started: Started) -> int:
    """The newest candle's minute is missing at first; later the file has it."""
    for number in range(3):
        started.live.candle(number)
    missing = started.candles["date"].iloc[3 + ROWS - 1]
    started.live.exchange.missing = [missing]
    started.live.candle(3, as_filled)
    return 3


def never(started: Started) -> int:
    number = late(started)
    gone = started.candles["date"].iloc[number + ROWS - 1]
    write_futures(started.datadir, PAIR, started.file[started.file["date"] != gone])
    return number


def arrived(started: Started) -> int:
    late(started)
    started.live.exchange.missing = []
    started.live.candle(4)
    return 4


def impossible(started: Started) -> int:
    at = started.candles.index[1 + ROWS - 1]
    started.candles.loc[at, "low"] = -1.0
    file = started.file.reset_index(drop=True)
    file.loc[file["date"] == started.candles["date"].iloc[at], "low"] = -1.0
    write_futures(started.datadir, PAIR, file)
    for number in range(10):
        started.live.candle(number)
    return 9


PLANTED: dict[str, tuple[Callable[[Started], int], str]] = {
    "first": (first, "first candle after a start"),
    "expired": (expired, "expired model"),
    "late": (late, "late candle"),
    "never": (never, "hole"),
    "arrived": (arrived, "late candle"),
    "impossible": (impossible, "impossible candle"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_cause_is_named(
    name: str, started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    plant, cause = PLANTED[name]
    number = plant(started)
    answer = started.why(capsys, number)
    assert answer["cause"] == cause
    assert answer["of"].startswith("the bot of ")


def test_a_threshold_that_was_not_reached_is_named(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    number = next(n for n in range(1, 100) if started.live.decision(n)["decision"] == 0)
    if number == 1:
        number = next(n for n in range(2, 200) if started.live.decision(n)["decision"] == 0)
    answer = started.why(capsys, number)
    assert answer["cause"] == "threshold"
    assert gate(answer, "model")["state"] == "open"


def test_a_candle_that_the_bot_was_not_there_for_is_named_with_its_stop_and_start(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        started.live.candle(number)
    started.start()
    for number in range(9, 12):
        started.live.candle(number)
    assert started.why(capsys, 5)["cause"] == "bot not running"
    assert started.why(capsys, 9)["cause"] == "first candle after a start"
    assert started.why(capsys, 500)["cause"] == "bot not running"


def test_files_that_end_before_the_bots_candles_are_blamed_for_nothing(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bot downloads candles at its start alone."""
    write_futures(started.datadir, PAIR, started.file.iloc[: BEGIN + 100])
    number = late(started)
    assert started.why(capsys, number)["cause"] == "late candle"
    assert started.why(capsys, 0)["cause"] == "first candle after a start"
    row = gate(started.why(capsys, 2), "candle")
    assert row["state"] == "not known"
    assert "download" in row["words"]


def test_without_a_database_a_decision_is_known_and_its_fate_is_not(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    number = started.decided(1)
    answer = started.why(capsys, number)
    assert answer["cause"] == "not known"
    assert gate(answer, "decision")["state"] == "open"
    assert "db_url" in gate(answer, "position")["words"]


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        ("open position", {"trades": [(-600, None)]}),
        ("locked pair", {"locks": [(PAIR, -600, 600, "*")]}),
        ("all pairs locked", {"locks": [("*", -600, 600, "*")]}),
        ("no stake", {"config": {"dry_run_wallet": 50}}),
        ("max_open_trades", {"others": 2, "config": {"max_open_trades": 2}}),
        ("refused", {}),
        ("entered", {"trades": [(65, 600)]}),
    ],
)
def test_freqtrades_own_gates_are_known_from_its_database(
    cause: str,
    changes: dict[str, Any],
    started: Started,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    started.bot.config |= {"max_open_trades": 3, "dry_run_wallet": 1000, "stake_amount": 100}
    started.bot.config |= changes.get("config", {})
    number = started.decided(1)
    at = started.second(number)
    short = bool(started.live.decision(number)["decision"] < 0)
    trades = [
        MadeTrade(PAIR, at + begin, None if end is None else at + end, at + begin, is_short=short)
        for begin, end in changes.get("trades", ())
    ]
    trades += [
        MadeTrade(f"C{coin}/USDT:USDT", at - 900, None, at - 899)
        for coin in range(changes.get("others", 0))
    ]
    locks = [
        (pair, at + begin, at + end, side) for pair, begin, end, side in changes.get("locks", ())
    ]
    started.config["db_url"] = write_database(tmp_path / "trades.sqlite", trades, locks)
    if cause == "entered":
        # As the strategy notes it when the order begins.
        started.bot.model.journal.note_entry(PAIR, at, is_short=short, rate=100.0)
    retime(started.folder, at, at + 62)
    assert started.why(capsys, number)["cause"] == cause


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            "Unable to create trade for {pair}: Available balance (1 USDT) is lower than stake "
            "amount (100 USDT)",
            "no stake",
        ),
        ("Unable to create trade for {pair}: the exchange is in maintenance", "refused"),
        ("User denied entry for {pair}.", "refused"),
        (
            "Buy order fully cancelled. Removing Trade(id=3, pair={pair}, amount=0) from database.",
            "unfilled order",
        ),
    ],
)
def test_freqtrades_own_words_are_read_from_its_log(
    line: str,
    cause: str,
    started: Started,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started.bot.config |= {"max_open_trades": 3, "dry_run_wallet": 1000, "stake_amount": 100}
    number = started.decided(1)
    at = pd.Timestamp(started.second(number) + 70, unit="s", tz="UTC").tz_convert(None)
    local = at.tz_localize("UTC").to_pydatetime().astimezone().replace(tzinfo=None)
    log = tmp_path / "bot.log"
    text = line.format(pair=PAIR)
    log.write_text(f"{local:%Y-%m-%d %H:%M:%S},000 - freqtrade.freqtradebot - INFO - {text}\n")
    started.config["db_url"] = write_database(tmp_path / "trades.sqlite")
    answer = started.why(capsys, number, "--log", str(log))
    assert answer["cause"] == cause


def test_a_journal_that_cannot_be_written_costs_no_candle(
    started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    (started.folder / JOURNAL_NAME).mkdir()
    try:
        assert started.live.decision(0)["do_predict"] == 0
        assert started.live.decision(1)["do_predict"] == 1
    finally:
        (started.folder / JOURNAL_NAME).rmdir()
    lines = [record for record in caplog.records if "the journal of decisions" in record.message]
    assert len(lines) == 1


def test_features_that_need_more_candles_are_in_their_warm_up(
    tmp_path: Path, btc_futures: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = trained_bot(tmp_path, btc_futures)
    started = Started(bot, btc_futures, earlier=0)
    short = started.candles.iloc[: ROWS + 1].iloc[-250:]
    write_futures(started.datadir, PAIR, started.candles.iloc[ROWS - 251 :])

    def begin_late(frame: pd.DataFrame) -> None:
        frame.drop(index=frame.index[: len(frame) - len(short)], inplace=True)

    started.live.bot.model.dd.historic_data = {PAIR: {"1m": short.reset_index(drop=True)}}
    for number in range(3):
        started.live.candle(number, begin_late)
    assert started.why(capsys, 2)["cause"] == "warm-up"
