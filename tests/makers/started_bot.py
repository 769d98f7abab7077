"""A running bot in one process whose records are asked about afterwards."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.bot.live.journal import BotJournal
from dualwindow.cli.main import main
from dualwindow.models.identifier.journal import JOURNAL_NAME
from tests.makers.bot import PAIR, Bot
from tests.makers.candle_files import write_futures
from tests.makers.live_bot import ROWS, Live

MINUTE = 60
#: The candles of the tests are from 3000 on in the recorded ones.
BEGIN = 3000


class Started:
    """A bot that begins with an empty journal and a file of its candles."""

    def __init__(self, bot: Bot, candles: pd.DataFrame, earlier: int = BEGIN) -> None:
        self.bot = bot
        self.folder: Path = bot.model.dd.full_path
        for path in self.folder.glob(f"{JOURNAL_NAME}*"):
            path.unlink()
        bot.model.dd.historic_predictions.clear()
        self.candles = candles.iloc[BEGIN : BEGIN + 1000].reset_index(drop=True)
        self.datadir = Path(bot.config["datadir"])
        self.file = candles.iloc[BEGIN - earlier : BEGIN + 1000]
        write_futures(self.datadir, PAIR, self.file)
        self.live = Live(bot, self.candles, candles.iloc[BEGIN - 2000 : BEGIN] if earlier else None)
        self.start()
        self.config = {
            "db_url": "sqlite:///nowhere.sqlite",
            "user_data_dir": str(bot.config["user_data_dir"]),
        }

    def start(self) -> None:
        """As after another start: the journal begins another session."""
        model = self.bot.model
        model.journal = BotJournal(self.folder, self.bot.config, model._settings, MINUTE)
        model._newest = None

    def second(self, number: int) -> int:
        """Date of the newest candle that candle `number` hands over."""
        return int(self.candles["date"].iloc[number + ROWS - 1].timestamp())

    def why(self, capsys: pytest.CaptureFixture[str], number: int, *more: str) -> dict[str, Any]:
        """The answer about a candle."""
        path = Path(self.config["user_data_dir"]) / "why.json"
        path.write_text(json.dumps(self.config), encoding="utf-8")
        when = f"{pd.Timestamp(self.second(number), unit='s'):%Y-%m-%dT%H:%M}"
        capsys.readouterr()
        status = main(["why", str(self.folder), PAIR, when, "--json", "-c", str(path), *more])
        assert status == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    def decided(self, first: int) -> int:
        """The next candle whose decision is a side."""
        for number in range(first, first + 100):
            if self.live.decision(number)["decision"] != 0:
                return number
        raise AssertionError("the model takes no side")


def as_filled(frame: pd.DataFrame) -> None:
    """The newest candle as freqtrade fills a missing one."""
    close = frame["close"].iloc[-2]
    frame.loc[frame.index[-1], ["open", "high", "low", "close"]] = close
    frame.loc[frame.index[-1], "volume"] = 0.0


def retime(folder: Path, second: int, tried: float) -> None:
    """Let an entry have begun at the time of its candle; the bot's clock is the machine's."""
    with sqlite3.connect(folder / JOURNAL_NAME) as database:
        database.execute("update entry set tried = ? where second = ?", (tried, second))
        database.execute("update candle set decided = ?", (tried,))
