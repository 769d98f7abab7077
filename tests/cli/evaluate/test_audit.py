"""What `dualwindow audit` shows, of the differences that it found and of what it cannot compare."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.bot.audit.differences import DECISION, LATE, TRADE, UNFILLED, Audit, Difference
from dualwindow.bot.audit.replay import FileCandles
from dualwindow.bot.why.candles import Place
from dualwindow.cli.evaluate.audit import _show
from dualwindow.cli.main import main
from dualwindow.errors import DataError
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.models.identifier.journal import JOURNAL_NAME
from tests.makers.bot import REPOSITORY, Bot
from tests.makers.bot_records import write_database
from tests.makers.candle_files import write_futures
from tests.makers.live_bot import NEVER_EXPIRES, trained
from tests.makers.started_bot import BEGIN, Started

__all__ = ["trained"]

PAIR = "BTC/USDT:USDT"
FOUND = [
    Difference(PAIR, 1_767_571_200, DECISION, LATE, "HOLD", "LONG", "the candle came 70 s late"),
    Difference(PAIR, 1_767_571_260, TRADE, UNFILLED, "no entry", "LONG", "the order was cancelled"),
]
#: Candles of a run.
LENGTH = 8


def test_differences_causes_and_parity_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Audit(200, FOUND, ["trades of ETH are not compared"], 4), most=1)
    shown = capsys.readouterr().out
    assert f"{PAIR}, decision: late candle\n  bot HOLD; backtest LONG; the candle" in shown
    assert "and 1 more difference; --most or --json shows them" in shown
    assert "the order was cancelled" not in shown
    assert "note: trades of ETH are not compared" in shown
    assert "late candle: 1 difference\nunfilled order: 1 difference" in shown
    assert "decisions alone: 99.50 %" in shown
    assert "trades alone: 75.00 % of 4 trades and entries" in shown
    assert "parity: 99.00 % (198 of 200 candles have the decision" in shown


def test_a_clean_run_has_nothing_but_its_parity(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Audit(10, [], [], 0), most=20)
    shown = capsys.readouterr().out
    assert "parity: 100.00 % (10 of 10 candles" in shown
    assert "trades alone" not in shown


class Audited:
    """A bot that has run, and the command that audits it."""

    def __init__(self, started: Started, capsys: pytest.CaptureFixture[str]) -> None:
        self.started, self._capsys = started, capsys
        self.userdir = Path(started.bot.config["user_data_dir"])
        self.config: dict[str, Any] = {
            "strategy_path": str(REPOSITORY / "strategies"),
            "freqaimodel_path": str(REPOSITORY / "freqaimodels"),
            "db_url": write_database(self.userdir / "trades.sqlite"),
            "freqai": {
                "identifier": started.folder.name,
                "data_split_parameters": started.bot.config["freqai"]["data_split_parameters"],
                "feature_parameters": started.bot.config["freqai"]["feature_parameters"],
                "model_training_parameters": started.bot.model._settings.to_dict(),
            },
        }

    def shown(self, *words: str) -> tuple[int, str]:
        """Exit status and everything that is printed, on one line."""
        path = self.userdir / "audit.json"
        path.write_text(json.dumps(self.config), encoding="utf-8")
        files = ("-c", str(REPOSITORY / "config.json"), "-c", str(path))
        self._capsys.readouterr()
        status = main(["audit", str(self.started.folder), *words, *files])
        printed = self._capsys.readouterr()
        return status, " ".join((printed.out + printed.err).split())


@pytest.fixture
def audited(
    trained: Bot, btc_futures: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> Iterator[Audited]:
    trained.config["freqai"]["expiration_hours"] = NEVER_EXPIRES
    started = Started(trained, btc_futures)
    files = [path for path in started.folder.glob("sub-train-*/*") if path.is_file()]
    kept = {path: path.read_bytes() for path in files}
    for number in range(LENGTH):
        started.live.candle(number)
    yield Audited(started, capsys)
    for path, content in kept.items():
        path.write_bytes(content)


@pytest.mark.parametrize(("words", "candles"), [((), LENGTH - 1), ((PAIR, "--last", "3m"), 3)])
def test_the_pair_and_the_time_that_were_asked_for_are_compared(
    words: tuple[str, ...], candles: int, audited: Audited
) -> None:
    status, shown = audited.shown(*words)
    assert status == 0, shown
    assert f"parity: 100.00 % ({candles} of {candles} candles have the decision" in shown
    assert "note:" not in shown


def test_a_setting_that_trades_depend_on_and_that_has_changed_is_noted(audited: Audited) -> None:
    audited.config["max_open_trades"] = 7
    _, shown = audited.shown()
    assert "note: max_open_trades is 7 in the configuration, and was 2 in the bot" in shown


def journal_gone(audited: Audited) -> None:
    for path in audited.started.folder.glob(f"{JOURNAL_NAME}*"):
        path.unlink()


def candles_gone(audited: Audited) -> None:
    for path in audited.started.datadir.rglob("*.feather"):
        path.unlink()


def models_of(audited: Audited) -> list[Path]:
    return list(audited.started.folder.glob("sub-train-*/*_model.zip"))


def models_gone(audited: Audited) -> None:
    for path in models_of(audited):
        path.unlink()


def models_damaged(audited: Audited) -> None:
    for path in models_of(audited):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)


def models_cut_off(audited: Audited) -> None:
    for path in models_of(audited):
        path.write_bytes(b"")


def no_strategy(audited: Audited) -> None:
    audited.config["strategy"] = "NoStrategyAtAll"


@pytest.mark.parametrize(
    ("spoil", "problem", "way_out"),
    [
        (journal_gone, "has not looked at a candle yet", "run it with this version first"),
        (candles_gone, f"{PAIR} is not compared:", "name another folder with --datadir"),
        (models_gone, f"holds no whole model of {PAIR}", "raise freqai.purge_old_models"),
        (models_damaged, "is left out of the evaluation:", "raise freqai.purge_old_models"),
        (models_cut_off, "is left out of the evaluation:", "raise freqai.purge_old_models"),
        (no_strategy, "the strategy cannot be loaded: Impossible", "the bot's configuration"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_way_out(
    spoil: Callable[[Audited], None], problem: str, way_out: str, audited: Audited
) -> None:
    spoil(audited)
    status, shown = audited.shown()
    assert status == 1
    assert problem in shown
    assert way_out in shown


def test_without_a_database_decisions_are_compared_and_trades_are_not(audited: Audited) -> None:
    audited.config["db_url"] = "sqlite:////nowhere/other.sqlite"
    status, shown = audited.shown()
    assert status == 0
    assert "note: trades are not compared: the database of trades sqlite:////nowhere" in shown
    assert f"parity: 100.00 % ({LENGTH - 1} of" in shown


def test_candles_after_the_end_of_the_file_are_counted_and_not_compared(audited: Audited) -> None:
    started = audited.started
    until = started.candles["date"].eq(pd.Timestamp(started.second(4), unit="s", tz="UTC"))
    last = started.file.index[BEGIN] + int(until.idxmax())
    write_futures(started.datadir, PAIR, started.file.loc[:last])
    status, shown = audited.shown()
    assert status == 0
    assert f"and {LENGTH - 5} candles of the bot after it are not compared; download them" in shown
    assert "parity: 100.00 % (4 of 4 candles" in shown


def test_a_bot_that_could_not_trade_a_candle_yet_has_nothing_to_compare(audited: Audited) -> None:
    journal_gone(audited)
    audited.started.start()
    audited.started.live.candle(LENGTH)
    status, shown = audited.shown()
    assert status == 1
    assert f"{PAIR}: the bot has not been able to trade a candle yet" in shown


def test_a_strategy_gets_the_candles_of_the_files_and_cannot_change_them(audited: Audited) -> None:
    started = audited.started
    settings = WalkSettings.from_config(started.folder, audited.config)
    files = FileCandles(Place(started.folder, settings, started.datadir))
    frame = files.get_pair_dataframe(PAIR, "1m", candle_type="futures")
    frame["close"] = 0.0
    again = files.get_pair_dataframe(PAIR, "1m")
    assert again["close"].tolist() == started.file["close"].tolist()
    with pytest.raises(DataError, match="no candles of ETH/USDT:USDT 1m; download those"):
        files.get_pair_dataframe("ETH/USDT:USDT", "1m")
