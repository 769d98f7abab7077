"""The file of a track record: a chain of entries in one sqlite database.

Every entry's hash is the SHA-256 of the hash before it and its own content, so that nothing can be
changed, left out or put in without changing every later hash. The hash of each entry that is no
decision is stored, and that of the last entry. A chunk of old decisions is replaced by a gap, which
keeps the hashes before and after it.

One transaction adds a candle. sqlite keeps a log beside the file (`-wal`), so that a process that
is killed at any moment loses at most the transaction it was in.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

from dualwindow.runtime.databases import opened_for_reading
from dualwindow.track.entries import DECISION, Decision, kind_of

RECORD_NAME: Final = "track_record.sqlite"
#: Hash before the first entry.
ORIGIN: Final = bytes(32)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS marks (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gaps
    (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, before BLOB NOT NULL, after BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS head
    (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL);
"""
#: Seconds that a writer waits for another one, such as a database browser.
_PATIENCE: Final = 1.0
#: Pages of the log after which sqlite moves them into the file: the log stays small.
_LOG_PAGES: Final = 200


@dataclass(frozen=True)
class Head:
    """Number and hash of the last entry; 0 and `ORIGIN` before the first."""

    seq: int
    hash: bytes

    def after(self, content: bytes) -> Head:
        """The head when an entry follows."""
        return Head(self.seq + 1, hashlib.sha256(self.hash + content).digest())

    @property
    def text(self) -> str:
        """Both, to be noted elsewhere: `12:` and the hash in hexadecimal digits."""
        return f"{self.seq}:{self.hash.hex()}"


class MovedOnError(sqlite3.OperationalError):
    """Another process has added entries since the record was read."""


@dataclass(frozen=True)
class Gap:
    """A chunk of old decisions that was removed: its numbers, and the hashes around it."""

    first: int
    last: int
    before: bytes
    after: bytes


class RecordFile:
    """Appends to a record, and reads it.

    Raises:
        sqlite3.Error: from all methods, when the file cannot be read or written.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def for_writing(cls, path: Path) -> Self:
        """Open a record, or begin one in an existing folder."""
        # The thread that analyses candles is another one than that of freqtrade's start.
        connection = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        connection.executescript(_SCHEMA)
        connection.execute("INSERT OR IGNORE INTO head VALUES (1, 0, ?)", (ORIGIN,))
        return cls(connection)

    @classmethod
    def for_reading(cls, path: Path) -> Self:
        """Open a record without changing it, while a bot may be writing to it."""
        return cls(opened_for_reading(path))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @property
    def head(self) -> Head:
        """The last entry's number and hash."""
        row = self._connection.execute("SELECT seq, hash FROM head").fetchone()
        return Head(0, ORIGIN) if row is None else Head(row[0], bytes(row[1]))

    def append(self, contents: Sequence[bytes], after: Head | None = None) -> Head:
        """Add entries, all of them or none.

        Raises:
            MovedOnError: when the last entry is another one than that of `after`.
        """
        with self._transaction():
            head = self.head
            if after not in (None, head):
                raise MovedOnError("another process has added to it at the same moment")
            for content in contents:
                head = head.after(content)
                self._connection.execute("INSERT INTO entries VALUES (?, ?)", (head.seq, content))
                if kind_of(content) != DECISION:
                    self._connection.execute(
                        "INSERT INTO marks VALUES (?, ?)", (head.seq, head.hash)
                    )
            self._connection.execute("UPDATE head SET seq = ?, hash = ?", (head.seq, head.hash))
        return head

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Numbers and contents of all entries that are left, in order."""
        with closing(self._connection.execute("SELECT * FROM entries ORDER BY seq")) as rows:
            yield from rows

    def marked(self) -> list[tuple[int, bytes]]:
        """Numbers and contents of those that are no decisions, in order."""
        return self._connection.execute(
            "SELECT seq, content FROM entries JOIN marks USING (seq) ORDER BY seq"
        ).fetchall()

    def decisions_after(self, seq: int) -> list[tuple[int, Decision]]:
        """Numbers of the decisions after an entry, and the decisions, in order."""
        rows = self._connection.execute(
            "SELECT seq, content FROM entries WHERE seq > ? ORDER BY seq", (seq,)
        )
        with closing(rows):
            return [
                (number, Decision.unpacked(content))
                for number, content in rows
                if kind_of(content) == DECISION
            ]

    def marks(self) -> dict[int, bytes]:
        """Number of an entry to its stored hash."""
        return dict(self._connection.execute("SELECT seq, hash FROM marks"))

    def gaps(self) -> list[Gap]:
        """All gaps, in order."""
        return [Gap(*row) for row in self._connection.execute("SELECT * FROM gaps ORDER BY first")]

    def prune(self, before: int) -> int:
        """Put gaps in place of chunks of decisions that are older than a date.

        A chunk lies between two entries of other kinds. Returns how many decisions were removed.
        """
        removed = 0
        with self._transaction():
            marks = self.marks()
            stops = sorted(marks)
            gone = {gap.first for gap in self.gaps()}
            for mark, stop in pairwise(stops):
                first, last = mark + 1, stop - 1
                if first > last or first in gone:
                    continue
                chunk = self._connection.execute(
                    "SELECT content FROM entries WHERE seq BETWEEN ? AND ? ORDER BY seq",
                    (first, last),
                ).fetchall()
                if not chunk or Decision.unpacked(chunk[-1][0]).seconds >= before:
                    break
                head = Head(mark, bytes(marks[mark]))
                for (content,) in chunk:
                    head = head.after(content)
                removed += self._remove(Gap(first, last, marks[mark], head.hash))
        return removed

    def _remove(self, gap: Gap) -> int:
        self._connection.execute(
            "DELETE FROM entries WHERE seq BETWEEN ? AND ?", (gap.first, gap.last)
        )
        values = (gap.first, gap.last, gap.before, gap.after)
        self._connection.execute("INSERT INTO gaps VALUES (?, ?, ?, ?)", values)
        return gap.last - gap.first + 1

    def is_sound(self) -> str | None:
        """Why sqlite finds the file damaged; None where it does not."""
        found = self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        return None if found == "ok" else str(found)
