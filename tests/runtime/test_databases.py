"""A database is read where nothing can be written beside it, and while it is written to."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dualwindow.runtime import databases
from dualwindow.runtime.databases import opened_for_reading

ROWS = 3


def values(path: Path) -> list[int]:
    with closing(opened_for_reading(path)) as database:
        return [value for (value,) in database.execute("SELECT value FROM noted ORDER BY value")]


def written(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE noted (value INTEGER)")
    database.executemany("INSERT INTO noted VALUES (?)", [(value,) for value in range(ROWS)])
    return database


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A closed database in a folder in which no other user may write."""
    # Other users reach no folder of pytest's.
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "noted.sqlite"
        written(path).close()
        path.chmod(0o444)
        path.parent.chmod(0o555)
        yield path
        path.parent.chmod(0o755)


def read_as_other_user(path: Path, told: multiprocessing.Queue[object]) -> None:
    if os.geteuid() == 0:
        os.setuid(65_534)
    try:
        told.put(values(path))
    except sqlite3.Error as error:
        told.put(repr(error))


@pytest.mark.skipif(os.name == "nt", reason="other users' folders are a matter of Unix")
def test_a_database_in_a_read_only_folder_is_read(read_only: Path) -> None:
    fork = multiprocessing.get_context("fork")
    told: multiprocessing.Queue[object] = fork.Queue()
    reader = fork.Process(target=read_as_other_user, args=(read_only, told))
    reader.start()
    assert told.get(timeout=60) == list(range(ROWS))
    reader.join()
    assert [file.name for file in read_only.parent.iterdir()] == [read_only.name]


def test_the_copy_holds_what_only_the_log_has(tmp_path: Path) -> None:
    path = tmp_path / "noted.sqlite"
    with closing(written(path)):
        assert path.with_name("noted.sqlite-wal").stat().st_size > 0
        with closing(databases._copied(path)) as copy:
            assert copy.execute("SELECT count(*) FROM noted").fetchone() == (ROWS,)
        assert values(path) == list(range(ROWS))


def test_damage_shows_when_a_database_is_read(tmp_path: Path) -> None:
    path = tmp_path / "noted.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        values(path)
    with pytest.raises(sqlite3.OperationalError):
        opened_for_reading(tmp_path / "missing.sqlite")
