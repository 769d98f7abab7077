"""The chain in its file: hashes, who may append, what is pruned and what stays."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest

from dualwindow.track.entries import Decision, EntryError, Genesis, packed
from dualwindow.track.record_file import ORIGIN, Gap, Head, MovedOnError, RecordFile

RARE = packed(Genesis(1, 60, {}))


def decision(seconds: int) -> bytes:
    return Decision(1, seconds, 0.5, 0.25, 2, 1, blocked=False).packed()


def chained(contents: list[bytes]) -> list[bytes]:
    hashes = [ORIGIN]
    for content in contents:
        hashes.append(hashlib.sha256(hashes[-1] + content).digest())
    return hashes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.sqlite"


#: Numbers from 1: rare ones are 1, 4, 5 and 8.
CONTENTS = [RARE, decision(60), decision(120), RARE, RARE, decision(180), decision(240), RARE]


def filled(path: Path) -> RecordFile:
    file = RecordFile.for_writing(path)
    file.append(CONTENTS)
    return file


def test_a_new_record_begins_with_the_origin(path: Path) -> None:
    assert RecordFile.for_writing(path).head == Head(0, ORIGIN)
    assert Head(0, ORIGIN).text == "0:" + "00" * 32
    # Opened again it goes on.
    RecordFile.for_writing(path).append([RARE])
    assert RecordFile.for_writing(path).head.seq == 1


def test_every_hash_is_of_the_one_before_and_the_content(path: Path) -> None:
    file, hashes = filled(path), chained(CONTENTS)
    assert file.head == Head(8, hashes[8])
    assert file.head.text == f"8:{hashes[8].hex()}"
    assert file.marks() == {number: hashes[number] for number in (1, 4, 5, 8)}
    assert list(file.entries()) == list(enumerate(CONTENTS, 1))
    assert file.marked() == [(number, RARE) for number in (1, 4, 5, 8)]
    assert file.gaps() == []
    assert file.is_sound() is None


def test_appended_in_parts_it_is_the_same_record(path: Path, tmp_path: Path) -> None:
    whole, parts = filled(path), RecordFile.for_writing(tmp_path / "parts.sqlite")
    for content in CONTENTS:
        head = parts.append([content], after=parts.head)
        assert head == parts.head
    assert parts.head == whole.head
    assert parts.append([]) == whole.head


def test_who_has_read_an_older_record_appends_nothing(path: Path) -> None:
    file = filled(path)
    old = file.head
    RecordFile.for_writing(path).append([RARE])
    with pytest.raises(MovedOnError):
        file.append([RARE, RARE], after=old)
    assert file.head.seq == 9
    file.append([RARE], after=file.head)
    assert file.head.seq == 10


def test_an_append_that_fails_leaves_nothing_behind_and_the_next_one_works(path: Path) -> None:
    file = filled(path)
    head = file.head
    with pytest.raises(EntryError):
        file.append([decision(300), RARE, b"no entry"])
    assert file.head == head
    assert len(list(file.entries())) == len(CONTENTS)
    assert file.append([decision(300)]).seq == 9


def test_decisions_after_an_entry_are_found_in_order(path: Path) -> None:
    file = filled(path)
    found = file.decisions_after(2)
    assert [number for number, _ in found] == [3, 6, 7]
    assert [each.seconds for _, each in found] == [120, 180, 240]
    assert [number for number, _ in file.decisions_after(0)] == [2, 3, 6, 7]
    assert file.decisions_after(7) == []


@pytest.mark.parametrize(
    ("before", "removed", "gaps"),
    [(120, 0, []), (121, 2, [(2, 3)]), (240, 2, [(2, 3)]), (241, 4, [(2, 3), (6, 7)])],
)
def test_chunks_of_decisions_that_are_all_older_make_room(
    before: int, removed: int, gaps: list[tuple[int, int]], path: Path
) -> None:
    file, hashes = filled(path), chained(CONTENTS)
    assert file.prune(before) == removed
    assert file.gaps() == [Gap(*ends, hashes[ends[0] - 1], hashes[ends[1]]) for ends in gaps]
    gone = {number for first, last in gaps for number in range(first, last + 1)}
    kept = [(number, each) for number, each in enumerate(CONTENTS, 1) if number not in gone]
    assert list(file.entries()) == kept
    assert file.head == Head(8, hashes[8])
    # A second time there is nothing more to remove.
    assert file.prune(before) == 0
    assert len(file.gaps()) == len(gaps)


def test_gaps_are_added_as_time_goes_by_and_newer_decisions_stay(path: Path) -> None:
    file = filled(path)
    assert [file.prune(before) for before in (121, 241)] == [2, 2]
    file.append([decision(300), RARE, decision(360)])
    assert file.prune(10_000) == 1
    # What follows the last entry of another kind is no chunk yet.
    assert [number for number, _ in file.entries()] == [1, 4, 5, 8, 10, 11]
    assert [(gap.first, gap.last) for gap in file.gaps()] == [(2, 3), (6, 7), (9, 9)]


def test_a_record_without_chunks_is_not_pruned(path: Path) -> None:
    file = RecordFile.for_writing(path)
    assert file.prune(10_000) == 0
    file.append([RARE, RARE, decision(60)])
    assert file.prune(10_000) == 0


def test_a_reader_changes_nothing_and_sees_what_is_added(path: Path) -> None:
    file = filled(path)
    reader = RecordFile.for_reading(path)
    file.append([RARE])
    assert reader.head == file.head
    with pytest.raises(sqlite3.Error):
        reader.append([RARE])
    reader.close()
    file.close()
    with pytest.raises(sqlite3.Error):
        file.append([RARE])
    assert RecordFile.for_reading(path).head.seq == 9


def test_a_record_may_be_written_by_another_thread_than_it_was_opened_in(path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    file = RecordFile.for_writing(path)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(file.append, [RARE]).result().seq == 1


def test_its_log_stays_beside_it_and_small(path: Path) -> None:
    file = RecordFile.for_writing(path)
    for number in range(1500):
        file.append([decision(60 * number)])
    log = path.with_name(path.name + "-wal")
    assert log.exists()
    assert log.stat().st_size < 2_000_000


def test_damage_is_told_in_sqlites_words(path: Path) -> None:
    file = filled(path)
    for number in range(200):
        file.append([RARE, decision(60 * number)])
    file.close()
    content = bytearray(path.read_bytes())
    content[4096 : 4096 + 40] = b"\xff" * 40
    path.write_bytes(content)
    reader = RecordFile.for_reading(path)
    try:
        found = reader.is_sound()
    except sqlite3.DatabaseError as error:
        found = str(error)
    assert found
    assert found != "ok"
