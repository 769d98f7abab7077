"""A bot's journal: committed candle by candle, bounded, readable while it is written."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.errors import ModelFileError
from dualwindow.models.identifier import journal
from dualwindow.models.identifier.journal import (
    JOURNAL_NAME,
    JournalRow,
    JournalWriter,
    TriedEntry,
    read_bins,
    read_journal,
)

PAIR = "BTC/USDT:USDT"
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


def row(second: int, **changes: Any) -> JournalRow:
    content: dict[str, Any] = {
        "second": second,
        "decided": second + 62.5,
        "model": 1_700_000_000,
        "do_predict": 1,
        "first": False,
        "arrived": False,
        "awaited": {},
        "candle": (1.0, 2.0, 0.5, 1.5, 10.0),
        "predicted": (0.25, 0.5, 0.25, 0.1, 0.2, 1.0, 0.0, 0.0),
    }
    return JournalRow(**{**content, **changes})


@given(
    candle=st.tuples(*[NUMBERS] * 5),
    predicted=st.tuples(*[NUMBERS] * 8),
    flag=st.sampled_from([0, 1, 2]),
    first=st.booleans(),
    awaited=st.dictionaries(st.sampled_from([f"{PAIR} 1m", "x 5m"]), st.lists(st.integers(0, 9))),
)
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    candle: tuple[float, ...],
    predicted: tuple[float, ...],
    flag: int,
    first: bool,
    awaited: dict[str, list[int]],
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    written = row(
        60, candle=candle, predicted=predicted, do_predict=flag, first=first, awaited=awaited
    )
    writer = JournalWriter(folder, {"rule": 1}, 5.0)
    writer.note(PAIR, written, 60)
    writer.note_entry(PAIR, TriedEntry(60, 2, 1.5, 122.0))
    # It was not closed, as after a kill.
    found = read_journal(folder)
    assert found is not None
    (read,) = found.rows[PAIR]
    assert read.session == 1
    assert JournalRow(**{**vars(read), "session": 0}) == written
    assert found.entries[PAIR] == [TriedEntry(60, 2, 1.5, 122.0)]
    assert found.sessions[1].content == {"rule": 1}
    writer.close()


def test_a_second_look_at_a_candle_replaces_the_first_and_starts_are_told_apart(
    tmp_path: Path,
) -> None:
    for started in (1.0, 2.0):
        writer = JournalWriter(tmp_path, {"started": started}, started)
        writer.note(PAIR, row(60, do_predict=int(started)), 60)
        writer.note(PAIR, row(60 + int(60 * started)), 60)
        writer.close()
    found = read_journal(tmp_path)
    assert found is not None
    assert [(kept.second, kept.session) for kept in found.rows[PAIR]] == [
        (60, 2),
        (120, 1),
        (180, 2),
    ]
    assert found.rows[PAIR][0].do_predict == 2
    assert [session.started for session in found.sessions.values()] == [1.0, 2.0]


def test_old_candles_are_let_go_of_pair_by_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "KEPT", 50)
    monkeypatch.setattr(journal, "_CLEARED_AFTER", 10)
    writer = JournalWriter(tmp_path, {}, 0.0)
    writer.note("ETH/USDT:USDT", row(0), 60)
    for number in range(500):
        writer.note(PAIR, row(60 * number), 60)
        writer.note_entry(PAIR, TriedEntry(60 * number, 2, 1.0, 60.0 * number))
    found = read_journal(tmp_path)
    assert found is not None
    assert 50 <= len(found.rows[PAIR]) <= 61
    assert len(found.entries[PAIR]) <= 61
    assert found.rows[PAIR][-1].second == 60 * 499
    assert len(found.rows["ETH/USDT:USDT"]) == 1


def test_a_damaged_journal_is_set_aside_and_begun_again(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL_NAME
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_journal(tmp_path)
    writer = JournalWriter(tmp_path, {}, 0.0)
    writer.note(PAIR, row(60), 60)
    found = read_journal(tmp_path)
    assert found is not None
    assert len(found.rows[PAIR]) == 1
    assert path.with_name(f"{JOURNAL_NAME}.damaged").is_file()


def test_a_journal_of_another_version_is_set_aside(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / JOURNAL_NAME) as database:
        database.execute("pragma user_version = 99")
    JournalWriter(tmp_path, {}, 0.0).close()
    assert (tmp_path / f"{JOURNAL_NAME}.damaged").is_file()


def test_without_a_journal_nothing_is_read(tmp_path: Path) -> None:
    assert read_journal(tmp_path) is None


def test_bins_of_no_journal_or_an_earlier_one_are_none_and_damage_is_named(tmp_path: Path) -> None:
    assert read_bins(tmp_path, PAIR, 60) == []
    writer = JournalWriter(tmp_path, {}, 5.0)
    writer.note(PAIR, row(60, bins=b"ab"), 60)
    writer.note(PAIR, row(120, bins=b"cd"), 60)
    assert read_bins(tmp_path, PAIR, 60) == [b"cd"]
    assert read_bins(tmp_path, PAIR, 61) == [b"ab", b"cd"]
    assert read_bins(tmp_path, "ETH/USDT:USDT", 60) == []
    writer.close()
    with sqlite3.connect(tmp_path / JOURNAL_NAME) as database:
        database.execute("drop table bins")
    database.close()
    assert read_bins(tmp_path, PAIR, 60) == []
    (tmp_path / JOURNAL_NAME).write_bytes(b"no database" * 500)
    with pytest.raises(ModelFileError, match="move it away, the bot begins another one"):
        read_bins(tmp_path, PAIR, 60)
