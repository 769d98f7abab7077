"""A record that no bot has written, sound in its chain or not, ends nothing with a traceback."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dualwindow.bot.why.evidence import read_gate
from dualwindow.cli.main import main
from dualwindow.columns import HOLD
from dualwindow.track import record_file
from dualwindow.track.claims import claimed_profits
from dualwindow.track.entries import (
    CLAIM,
    GENESIS,
    OUTCOME,
    TRADE,
    Claim,
    Decision,
    Genesis,
    Outcome,
    TradeEntry,
    packed,
    unpacked,
)
from dualwindow.track.opening import open_record
from dualwindow.track.record import scoring_values
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from dualwindow.track.verify import verify
from tests.makers.track_records import BEGIN, RULE, STEP, scoring_of

PAIR = "BTC/USDT:USDT"
SCORING = scoring_of()
GENESIS_ENTRY = Genesis(1, BEGIN, scoring_values(SCORING))
CLAIM_ENTRY = Claim(PAIR, 0, BEGIN, "model", {}, RULE, {"LONG": 0.6}, 0.1, {"LONG": 0.4}, 0.001)
DECISION_ENTRY = Decision(0, BEGIN, 0.2, 0.2, HOLD, 1, blocked=False)
NONE_FIRED = {"SHORT": 0, "LONG": 0}
OUTCOME_ENTRY = Outcome(PAIR, 0, BEGIN // 86_400, 1, NONE_FIRED, NONE_FIRED, "1", ())
TRADE_ENTRY = TradeEntry(7, PAIR, "LONG", BEGIN, BEGIN, 100.0, 101.0, 1.0, 0.01, "roi", "long_0.60")
ENTRIES = (GENESIS_ENTRY, CLAIM_ENTRY, DECISION_ENTRY, OUTCOME_ENTRY, TRADE_ENTRY)
SOUND = [packed(entry) for entry in ENTRIES]


def crafted(kind: int, values: Any) -> bytes:
    return bytes([kind]) + zlib.compress(json.dumps(values).encode())


def with_value(at: int, name: str, value: Any) -> list[bytes]:
    """The sound entries, in one of which a value is another."""
    kind = {0: GENESIS, 1: CLAIM, 3: OUTCOME, 4: TRADE}[at]
    values = asdict(ENTRIES[at])
    return [*SOUND[:at], crafted(kind, values | {name: value}), *SOUND[at + 1 :]]


#: What a record may hold instead of what a bot writes.
CRAFTED: dict[str, list[bytes]] = {
    "nothing": [],
    "no beginning": SOUND[1:],
    "decision before its claim": [SOUND[0], SOUND[2]],
    "outcomes before a claim": [SOUND[0], SOUND[3]],
    "decision of nine pairs": [
        *SOUND[:2],
        Decision(9, BEGIN, 0, 0, HOLD, 1, blocked=False).packed(),
    ],
    "terms of nothing": with_value(0, "scoring", {}),
    "terms that are none": with_value(0, "scoring", 5),
    "terms of no settings": with_value(
        0, "scoring", {**GENESIS_ENTRY.scoring, "future_window": -1}
    ),
    "terms of no time": with_value(0, "scoring", {**GENESIS_ENTRY.scoring, "candle_seconds": 0}),
    "a claim at a word": with_value(1, "seconds", "noon"),
    "a claim of a list": with_value(1, "pair", [PAIR]),
    "a promise in words": with_value(1, "precision", "all"),
    "a firing in words": with_value(1, "firing", "often"),
    "outcomes of a word": with_value(3, "period", "today"),
    "outcomes of no side": with_value(3, "fired", {}),
    "outcomes of another class": with_value(3, "labels", "9"),
    "trades of numbers": with_value(3, "trades", [5]),
    "trades without profit": with_value(3, "trades", [[1, 2, None, None]]),
    "a profit in words": with_value(4, "profit", "much"),
    "a list": [*SOUND, crafted(TRADE, [])],
    "another kind": [*SOUND, b"\x09"],
    "an empty entry": [*SOUND, b""],
    "a short decision": [*SOUND, b"\x03short"],
    "a decision with other flags": [*SOUND, SOUND[2][:-1] + b"\xff"],
}


def write(folder: Path, contents: list[bytes]) -> Path:
    """A record whose chain is that of its entries, whatever they are."""
    path = folder / RECORD_NAME
    file = RecordFile.for_writing(path)
    head, base = file.head, file._connection
    for content in contents:
        head = head.after(content)
        base.execute("INSERT INTO entries VALUES (?, ?)", (head.seq, content))
        if content[:1] != b"\x03":
            base.execute("INSERT INTO marks VALUES (?, ?)", (head.seq, head.hash))
    base.execute("UPDATE head SET seq = ?, hash = ?", (head.seq, head.hash))
    file.close()
    return path


def test_the_sound_entries_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, SOUND)
    assert main(["track", str(path), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["trades"] == {"count": 1, "mean_profit": 0.01}
    assert figures["pairs"][PAIR]["decided"] == 1
    assert figures["pairs"][PAIR]["promised_firing"] == 0.1


@pytest.mark.parametrize("name", CRAFTED)
@pytest.mark.parametrize("words", [[], ["--verify"]])
def test_whatever_a_record_holds_it_is_shown_or_refused_in_words(
    words: list[str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, CRAFTED[name])
    status = main(["track", str(path), *words])
    shown = capsys.readouterr()
    assert status in (0, 1)
    if status:
        refused = ("entry ",) if words else (f"{path} cannot be read", "the record is empty")
        assert any(text in shown.out + shown.err for text in refused)


@pytest.mark.parametrize("name", CRAFTED)
def test_a_bot_goes_on_with_whatever_was_there_or_sets_it_aside(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, CRAFTED[name])
    record = open_record(tmp_path, SCORING, BEGIN)
    last = Decision(0, BEGIN + 5 * STEP, 0.1, 0.1, HOLD, 1, blocked=False)
    claim = None if record.is_claimed(PAIR, "model", RULE) else CLAIM_ENTRY
    record.decide(PAIR, last, claim)
    record.close()
    file = RecordFile.for_reading(path)
    contents = [content for _, content in file.entries()]
    file.close()
    assert isinstance(unpacked(contents[0]), Genesis)
    assert unpacked(contents[-1]) == unpacked(last.packed())
    if contents[: len(CRAFTED[name])] != CRAFTED[name]:
        assert len(list(tmp_path.glob(f"{Path(RECORD_NAME).stem}*"))) > 1


@pytest.mark.parametrize("name", CRAFTED)
def test_why_and_hyperopt_leave_out_what_they_cannot_read(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, CRAFTED[name])
    assert set(read_gate(tmp_path).decided) <= {PAIR}
    assert set(claimed_profits(path)) <= {PAIR}


def test_a_decision_without_a_claim_is_refused_before_it_is_written(tmp_path: Path) -> None:
    record = open_record(tmp_path, SCORING, BEGIN)
    with pytest.raises(ValueError, match=f"{PAIR} has no claim"):
        record.decide(PAIR, DECISION_ENTRY, None)
    record.decide(PAIR, DECISION_ENTRY, CLAIM_ENTRY)
    record.close()
    file = RecordFile.for_reading(tmp_path / RECORD_NAME)
    found = verify(file)
    file.close()
    assert (found.problems, found.entries) == ([], 3)


def test_a_record_that_another_program_holds_is_left_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, SOUND)
    monkeypatch.setattr(record_file, "_PATIENCE", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE head SET seq = seq")
        with pytest.raises(sqlite3.OperationalError):
            open_record(tmp_path, SCORING, BEGIN)
    open_record(tmp_path, SCORING, BEGIN).close()
    assert [file.name for file in tmp_path.glob("track*") if "-" not in file.name] == [path.name]
