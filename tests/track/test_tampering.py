"""Whatever is changed in a record by hand, `dualwindow track --verify` finds."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from dualwindow.track.entries import (
    CLAIM,
    OUTCOME,
    Claim,
    Decision,
    Genesis,
    Outcome,
    kind_of,
    packed,
    unpacked,
)
from dualwindow.track.record_file import ORIGIN, RECORD_NAME, Head, RecordFile
from dualwindow.track.verify import Verification, verify
from tests.makers.track_records import BEGIN, PAIRS, STEP, PaperBot

#: A decision in the middle of the record.
MIDDLE = 700


class Tamperer:
    """Somebody with a database browser."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.base = sqlite3.connect(path, isolation_level=None)

    def contents(self) -> list[tuple[int, bytes]]:
        return self.base.execute("SELECT * FROM entries ORDER BY seq").fetchall()

    def content(self, seq: int) -> bytes:
        content: bytes = self.base.execute(
            "SELECT content FROM entries WHERE seq = ?", (seq,)
        ).fetchone()[0]
        return content

    def put(self, seq: int, content: bytes) -> None:
        self.base.execute("UPDATE entries SET content = ? WHERE seq = ?", (content, seq))

    def drop(self, seq: int) -> None:
        for table in ("entries", "marks"):
            self.base.execute(f"DELETE FROM {table} WHERE seq = ?", (seq,))

    def of_kind(self, kind: int, place: int = 0) -> int:
        return [seq for seq, content in self.contents() if kind_of(content) == kind][place]

    def hash_again(self, entries: list[bytes]) -> None:
        """Write other entries with a chain that is sound in itself."""
        for table in ("entries", "marks", "gaps", "head"):
            self.base.execute(f"DELETE FROM {table}")
        self.base.execute("INSERT INTO head VALUES (1, 0, ?)", (ORIGIN,))
        self.base.close()
        file = RecordFile.for_writing(self.path)
        file.append(entries)
        file.close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Head]:
    """A record of three days, the first of them pruned, and a head that was logged."""
    folder = tmp_path_factory.mktemp("record")
    bot = PaperBot(folder, days=3)
    record = bot.open()
    settled = bot.run(record)
    # Old decisions make room after three months.
    later = BEGIN + 92 * 86_400 + 43_200
    record.decide(PAIRS[0], Decision(0, later, 0.2, 0.2, 1, 1, blocked=False), None)
    record.close()
    file = RecordFile.for_writing(folder / RECORD_NAME)
    file.prune(BEGIN + 202 * STEP)
    file.close()
    return folder / RECORD_NAME, settled[-1].head


def decision_at(tamperer: Tamperer, seq: int = MIDDLE) -> Decision:
    entry = unpacked(tamperer.content(seq))
    assert isinstance(entry, Decision)
    return entry


def flip_a_decision(tamperer: Tamperer) -> None:
    decision = decision_at(tamperer)
    tamperer.put(MIDDLE, replace(decision, side=(decision.side + 1) % 3).packed())


def raise_a_probability(tamperer: Tamperer) -> None:
    tamperer.put(MIDDLE, replace(decision_at(tamperer), long=0.51).packed())


def say_it_was_blocked(tamperer: Tamperer) -> None:
    tamperer.put(MIDDLE, replace(decision_at(tamperer), blocked=True).packed())


def say_it_had_no_window(tamperer: Tamperer) -> None:
    tamperer.put(MIDDLE, replace(decision_at(tamperer), do_predict=0).packed())


def move_a_decision_in_time(tamperer: Tamperer) -> None:
    tamperer.put(MIDDLE, replace(decision_at(tamperer), seconds=BEGIN + 1).packed())


def give_it_to_the_other_pair(tamperer: Tamperer) -> None:
    decision = decision_at(tamperer)
    tamperer.put(MIDDLE, replace(decision, number=1 - decision.number).packed())


def leave_a_decision_out(tamperer: Tamperer) -> None:
    tamperer.drop(MIDDLE)


def close_the_hole(tamperer: Tamperer) -> None:
    tamperer.drop(MIDDLE)
    tamperer.base.execute("BEGIN")
    for table in ("entries", "marks"):
        # Row by row, in order, because numbers are unique.
        for (seq,) in tamperer.base.execute(
            f"SELECT seq FROM {table} WHERE seq > ? ORDER BY seq", (MIDDLE,)
        ).fetchall():
            tamperer.base.execute(f"UPDATE {table} SET seq = seq - 1 WHERE seq = ?", (seq,))
    tamperer.base.execute("COMMIT")


def swap_two_decisions(tamperer: Tamperer) -> None:
    first, second = tamperer.content(MIDDLE), tamperer.content(MIDDLE + 1)
    tamperer.put(MIDDLE, second)
    tamperer.put(MIDDLE + 1, first)


def append_a_decision(tamperer: Tamperer) -> None:
    last = tamperer.contents()[-1][0]
    tamperer.base.execute("INSERT INTO entries VALUES (?, ?)", (last + 1, tamperer.content(last)))


def cut_the_end(tamperer: Tamperer) -> None:
    tamperer.drop(tamperer.contents()[-1][0])


def change_a_claim(tamperer: Tamperer) -> None:
    seq = tamperer.of_kind(CLAIM)
    claim = unpacked(tamperer.content(seq))
    assert isinstance(claim, Claim)
    tamperer.put(seq, packed(replace(claim, profit=-0.001)))


def leave_a_claim_out(tamperer: Tamperer) -> None:
    tamperer.drop(tamperer.of_kind(CLAIM, -1))


def change_the_costs(tamperer: Tamperer) -> None:
    genesis = unpacked(tamperer.content(1))
    assert isinstance(genesis, Genesis)
    tamperer.put(1, packed(replace(genesis, scoring={**genesis.scoring, "cost": 0.0})))


def improve_a_trade(tamperer: Tamperer) -> None:
    seq = tamperer.of_kind(OUTCOME)
    outcome = unpacked(tamperer.content(seq))
    assert isinstance(outcome, Outcome)
    (row, side, _, promised), *rest = outcome.trades
    tamperer.put(seq, packed(replace(outcome, trades=((row, side, 0.003, promised), *rest))))


def leave_outcomes_out(tamperer: Tamperer) -> None:
    tamperer.drop(tamperer.of_kind(OUTCOME, 2))


def change_a_stored_hash(tamperer: Tamperer) -> None:
    tamperer.base.execute(
        "UPDATE marks SET hash = ? WHERE seq = ?", (bytes(32), tamperer.of_kind(CLAIM))
    )


def remove_a_stored_hash(tamperer: Tamperer) -> None:
    tamperer.base.execute("DELETE FROM marks WHERE seq = ?", (tamperer.of_kind(CLAIM),))


def change_the_head(tamperer: Tamperer) -> None:
    tamperer.base.execute("UPDATE head SET hash = ?", (bytes(32),))


def remove_the_head(tamperer: Tamperer) -> None:
    tamperer.base.execute("DELETE FROM head")


def widen_a_gap(tamperer: Tamperer) -> None:
    """Make decisions that went wrong look as if the bot itself had made room."""
    last = tamperer.base.execute("SELECT max(last) FROM gaps").fetchone()[0]
    tamperer.base.execute("UPDATE gaps SET last = last + 2 WHERE last = ?", (last,))
    tamperer.drop(last + 1)
    tamperer.drop(last + 2)


def remove_a_gap(tamperer: Tamperer) -> None:
    tamperer.base.execute("DELETE FROM gaps")


def put_in_a_gap(tamperer: Tamperer) -> None:
    tamperer.base.execute(
        "INSERT INTO gaps VALUES (?, ?, ?, ?)", (MIDDLE, MIDDLE, bytes(32), bytes(32))
    )
    tamperer.drop(MIDDLE)


def hidden_by_a_gap(tamperer: Tamperer, first: int, last: int) -> None:
    """Entries go, and the hashes around them, which anybody can compute, are those of the chain."""
    gaps = tamperer.base.execute("SELECT * FROM gaps ORDER BY first").fetchall()
    ends, head = {gap[0]: Head(gap[1], gap[3]) for gap in gaps}, Head(0, ORIGIN)
    hashes = {0: ORIGIN}
    for seq, content in tamperer.contents():
        while head.seq + 1 in ends:
            head = ends[head.seq + 1]
            hashes[head.seq] = head.hash
        head = head.after(content)
        hashes[seq] = head.hash
    for table in ("entries", "marks"):
        tamperer.base.execute(f"DELETE FROM {table} WHERE seq BETWEEN ? AND ?", (first, last))
    gap = first, last, hashes[first - 1], hashes[last]
    tamperer.base.execute("INSERT INTO gaps VALUES (?, ?, ?, ?)", gap)


def hide_a_decision(tamperer: Tamperer) -> None:
    hidden_by_a_gap(tamperer, MIDDLE, MIDDLE)


def hide_an_outcome(tamperer: Tamperer) -> None:
    seq = tamperer.of_kind(OUTCOME)
    hidden_by_a_gap(tamperer, seq, seq)


def marks_after_gaps(tamperer: Tamperer) -> list[int]:
    wanted = "SELECT seq FROM marks WHERE seq > (SELECT max(last) FROM gaps) ORDER BY seq"
    return [seq for (seq,) in tamperer.base.execute(wanted)]


def hide_a_day_with_its_outcomes(tamperer: Tamperer) -> None:
    """From one entry that is no decision to another, as the bot's own gaps are."""
    last = tamperer.of_kind(OUTCOME, -1)
    hidden_by_a_gap(tamperer, marks_after_gaps(tamperer)[0] + 1, last - 1)


def hide_decisions_of_late(tamperer: Tamperer) -> None:
    """All between two entries that are no decisions, long before the bot would do so."""
    marks = marks_after_gaps(tamperer)
    first, stop = next((a, b) for a, b in pairwise(marks[::-1]) if a - b > 1)[::-1]
    hidden_by_a_gap(tamperer, first + 1, stop - 1)


def swap_the_head_table(tamperer: Tamperer) -> None:
    tamperer.base.execute("DROP TABLE head")
    tamperer.base.execute("CREATE TABLE head (one INTEGER, seq INTEGER, hash BLOB)")
    tamperer.base.execute("INSERT INTO head VALUES (1, 3, ?)", (bytes(32),))


def write_every_entry_twice(tamperer: Tamperer) -> None:
    last = tamperer.contents()[-1][0]
    tamperer.base.execute("INSERT INTO entries SELECT seq + ?, content FROM entries", (last,))


def turn_the_order_around(tamperer: Tamperer) -> None:
    tamperer.base.execute("UPDATE entries SET seq = -seq")


def cut_the_end_and_mend_the_head(tamperer: Tamperer) -> None:
    """The hash before the last entry is not stored, so it is guessed."""
    last = tamperer.contents()[-1][0]
    tamperer.drop(last)
    tamperer.base.execute("UPDATE head SET seq = ?", (last - 1,))


def write_nonsense(tamperer: Tamperer) -> None:
    tamperer.put(tamperer.of_kind(OUTCOME, -1), b"\x04nonsense")


KINDS: list[Callable[[Tamperer], None]] = [
    flip_a_decision,
    raise_a_probability,
    say_it_was_blocked,
    say_it_had_no_window,
    move_a_decision_in_time,
    give_it_to_the_other_pair,
    leave_a_decision_out,
    close_the_hole,
    swap_two_decisions,
    append_a_decision,
    cut_the_end,
    change_a_claim,
    leave_a_claim_out,
    change_the_costs,
    improve_a_trade,
    leave_outcomes_out,
    change_a_stored_hash,
    remove_a_stored_hash,
    change_the_head,
    remove_the_head,
    widen_a_gap,
    remove_a_gap,
    put_in_a_gap,
    hide_a_decision,
    hide_an_outcome,
    hide_a_day_with_its_outcomes,
    hide_decisions_of_late,
    swap_the_head_table,
    write_every_entry_twice,
    turn_the_order_around,
    cut_the_end_and_mend_the_head,
    write_nonsense,
]


def verified(path: Path, noted: str | None = None) -> Verification:
    file = RecordFile.for_reading(path)
    found = verify(file, noted)
    file.close()
    return found


@pytest.fixture
def copy(sound: tuple[Path, Head], tmp_path: Path) -> Path:
    return Path(shutil.copy(sound[0], tmp_path))


def test_a_sound_record_has_no_problem(copy: Path, sound: tuple[Path, Head]) -> None:
    found = verified(copy, sound[1].text)
    assert (found.problems, found.has_head) == ([], True)
    assert found.removed > 100


@pytest.mark.parametrize("tamper", KINDS, ids=lambda kind: kind.__name__)
def test_tampering_is_found(tamper: Callable[[Tamperer], None], copy: Path) -> None:
    tamperer = Tamperer(copy)
    tamper(tamperer)
    tamperer.base.close()
    assert verified(copy).problems


def test_damage_to_the_file_is_found(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    tamperer = Tamperer(copy)
    content[content.index(tamperer.content(MIDDLE)) + 4] ^= 4
    tamperer.base.close()
    copy.write_bytes(content)
    assert verified(copy).problems
    copy.write_bytes(content[: len(content) // 2])
    assert verified(copy).problems


def whole_contents(tmp_path: Path) -> tuple[Path, list[bytes], Head]:
    """A record without a gap, which alone can be computed again from its beginning."""
    bot = PaperBot(tmp_path, days=2)
    record = bot.open()
    head = bot.run(record)[-1].head
    record.close()
    path = tmp_path / RECORD_NAME
    file = RecordFile.for_reading(path)
    contents = [content for _, content in file.entries()]
    file.close()
    return path, contents, head


def without_the_worst(contents: list[bytes]) -> list[bytes]:
    """Outcomes that leave the lost trades out, as somebody might who can compute hashes."""
    changed = []
    for content in contents:
        entry = unpacked(content)
        if isinstance(entry, Outcome):
            kept = tuple(trade for trade in entry.trades if trade[2] > 0.0)
            changed.append(packed(replace(entry, trades=kept)))
        else:
            changed.append(content)
    return changed


def undecided_trades(contents: list[bytes]) -> list[bytes]:
    changed = []
    for content in contents:
        entry = unpacked(content)
        if isinstance(entry, Outcome):
            moved = tuple((row + 1, *rest) for row, *rest in entry.trades)
            changed.append(packed(replace(entry, trades=moved)))  # type: ignore[arg-type]
        else:
            changed.append(content)
    return changed


def test_a_chain_that_was_computed_again_shows_by_a_head_that_was_noted(tmp_path: Path) -> None:
    path, contents, head = whole_contents(tmp_path)
    assert verified(path, head.text).problems == []
    Tamperer(path).hash_again(without_the_worst(contents))
    assert verified(path).problems == [], "a chain alone cannot show this, as its limits tell"
    assert verified(path, head.text).problems == [f"the chain does not pass the head {head.text}"]


def test_an_older_copy_shows_by_a_head_that_was_noted(tmp_path: Path) -> None:
    path, contents, head = whole_contents(tmp_path)
    Tamperer(path).hash_again(contents[: len(contents) // 2])
    assert verified(path).problems == []
    assert verified(path, head.text).has_head is False


@pytest.mark.parametrize(
    "change", [undecided_trades, lambda contents: [*contents, contents[-1]], lambda all_: all_[1:]]
)
def test_entries_that_disagree_are_found_in_a_sound_chain(
    change: Callable[[list[bytes]], list[bytes]], tmp_path: Path
) -> None:
    path, contents, _ = whole_contents(tmp_path)
    Tamperer(path).hash_again(change(contents))
    assert verified(path).problems


def test_a_head_at_the_end_of_removed_decisions_is_passed(tmp_path: Path) -> None:
    bot = PaperBot(tmp_path, days=3)
    bot.run(bot.open())
    file = RecordFile.for_writing(tmp_path / RECORD_NAME)
    heads = [Head(0, ORIGIN)]
    for _, content in file.entries():
        heads.append(heads[-1].after(content))
    file.prune(BEGIN + 202 * STEP)
    gap = max(file.gaps(), key=lambda gap: gap.last - gap.first)
    assert gap.last > gap.first
    for seq, has_head in ((gap.first - 1, True), (gap.first, False), (gap.last, True)):
        # Of the decisions that made room, the last hash alone is left.
        assert verify(file, heads[seq].text).has_head is has_head


def test_a_hash_of_an_entry_that_is_not_there_is_found(copy: Path) -> None:
    tamperer = Tamperer(copy)
    tamperer.base.execute("INSERT INTO marks VALUES (?, ?)", (10**6, bytes(32)))
    tamperer.base.close()
    assert verified(copy).problems == ["the hashes name entry 1000000, which is not there"]


def test_what_sqlite_finds_damaged_is_told_where_every_entry_can_be_read(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    # The number of free pages, in the header of the file.
    content[36:40] = (5).to_bytes(4, "big")
    copy.write_bytes(content)
    (problem,) = verified(copy).problems
    assert problem.startswith("sqlite finds the file damaged: ")
