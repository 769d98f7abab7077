"""A journal that cannot be written keeps a bot neither from trading nor waiting."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from dualwindow.bot.live.journal import BotJournal, Met
from dualwindow.models.identifier.journal import JournalWriter, read_journal
from dualwindow.settings import TrainingConfig

MINUTE = 60
PAIRS = [f"C{number}/USDT" for number in range(6)]


def test_a_locked_journal_keeps_a_bot_waiting_once_a_candle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = BotJournal(tmp_path, {"freqai": {}}, TrainingConfig(), MINUTE)
    strategy: Any = SimpleNamespace(can_short=False)
    written, waited = JournalWriter.note, []

    def locked(*_: Any) -> None:
        waited.append(1)
        raise sqlite3.OperationalError("database is locked")

    for minute in range(4):
        monkeypatch.setattr(JournalWriter, "note", locked if minute in (1, 2) else written)
        for pair in PAIRS:
            dates = pd.to_datetime([minute * MINUTE], unit="s", utc=True)
            journal.note(pair, pd.DataFrame({"date": dates, "do_predict": 1}), Met(False), strategy)
    assert len(waited) == 2
    assert caplog.text.count("the journal of decisions in") == 1
    found = read_journal(tmp_path)
    assert found is not None
    assert all([row.second for row in found.rows[pair]] == [0, 3 * MINUTE] for pair in PAIRS)
