"""The journal of a running bot, candle by candle: a small file beside its models.

Predictions alone do not tell which model made them, whether a candle was waited for, or how the
newest candle looked at that moment; freqtrade deletes an entry that was never filled. One row a
pair and candle is committed before the strategy decides; the newest two weeks of minutes are kept.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dualwindow.errors import ModelFileError
from dualwindow.runtime.databases import opened_for_reading
from dualwindow.runtime.files import set_aside

JOURNAL_NAME: Final = "decision_journal.sqlite"
#: Candles of a pair that are kept: two weeks of minutes, some 3 MB.
KEPT: Final = 20_160
#: Candles of a pair whose features are kept by bin, at least: a day of minutes.
KEPT_BINS: Final = 1_440
#: Rows between two looks for those that are too old.
_CLEARED_AFTER: Final = 1_000
#: Seconds that a writer waits for another one, such as a database browser.
_PATIENCE: Final = 1.0
_FORMAT: Final = 1
_VALUES: Final = struct.Struct("<5d")
_PREDICTED: Final = struct.Struct("<3f5d")
_SCHEMA: Final = """
create table if not exists session (id integer primary key, started real, content text);
create table if not exists pair (id integer primary key, name text unique);
create table if not exists candle (
    pair integer, second integer, session integer, decided real, model integer,
    do_predict integer, first integer, arrived integer, awaited text, candle blob, predicted blob,
    primary key (pair, second)) without rowid;
create table if not exists entry (
    pair integer, second integer, side integer, rate real, tried real);
create table if not exists bins (
    pair integer, second integer, bins blob, primary key (pair, second)) without rowid;
"""

_HAS_BINS: Final = "select 1 from sqlite_master where name = 'bins'"

#: Name of a series to the dates of its candles that were waited for, seconds since 1970.
Awaited = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class JournalRow:
    """One candle of one pair, as a running bot met it.

    Attributes:
        second: date of the candle, seconds since 1970.
        decided: when it was decided, seconds since 1970.
        model: end of the training of the model that predicted; 0: none did.
        do_predict: FreqAI's flag, as the strategy got it.
        first: whether it was the pair's first candle after a start.
        arrived: whether a candle that was waited for had just arrived.
        awaited: the candles that were waited for.
        candle: open, high, low, close and volume, as they were then.
        predicted: the three probabilities and `columns.CONFIDENCE_COLUMNS`.
        session: number of the start; set by the journal.
        bins: of its features in the model's training, a byte each; only written.
    """

    second: int
    decided: float
    model: int
    do_predict: int
    first: bool
    arrived: bool
    awaited: Awaited
    candle: tuple[float, ...]
    predicted: tuple[float, ...]
    session: int = 0
    bins: bytes | None = None


@dataclass(frozen=True)
class Session:
    """A start of the bot: when, and the configuration that its trades depend on."""

    number: int
    started: float
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TriedEntry:
    """An entry that the bot began: the candle, the side, the rate, and when."""

    second: int
    side: int
    rate: float
    tried: float


class JournalWriter:
    """Appends to a journal; a damaged one is set aside. Any thread may write.

    Args:
        folder: `user_data/models/<identifier>`.
        session: what `Session.content` shall hold, plain JSON types.
        started: seconds since 1970.

    Raises:
        sqlite3.Error, OSError: when it cannot be written.
    """

    def __init__(self, folder: Path, session: Mapping[str, Any], started: float) -> None:
        self._lock = threading.Lock()
        self._pairs: dict[str, int] = {}
        self._rows = 0
        path = folder / JOURNAL_NAME
        try:
            self._database = _opened(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) or not path.is_file():
                raise
            set_aside(path)
            self._database = _opened(path)
        with self._database:
            content = (started, json.dumps(dict(session)))
            added = self._database.execute(
                "insert into session (started, content) values (?, ?)", content
            )
        self._session = int(added.lastrowid or 0)

    def note(self, pair: str, row: JournalRow, candle_seconds: int) -> None:
        """Commit a candle; a second look at it replaces the first."""
        awaited = json.dumps({name: list(seconds) for name, seconds in row.awaited.items()})
        values = (
            *(row.second, self._session, row.decided, row.model, row.do_predict),
            *(int(row.first), int(row.arrived), awaited if row.awaited else None),
            *(_VALUES.pack(*row.candle), _PREDICTED.pack(*row.predicted)),
        )
        with self._lock, self._database:
            number = self._number(pair)
            marks = ", ".join("?" * (len(values) + 1))
            self._database.execute(
                f"insert or replace into candle values ({marks})",
                (number, *values),
            )
            if row.bins is not None:
                added = (number, row.second, row.bins)
                self._database.execute("insert or replace into bins values (?, ?, ?)", added)
            self._rows += 1
            if self._rows % _CLEARED_AFTER == 1:
                self._clear(number, row.second, candle_seconds)

    def note_entry(self, pair: str, entry: TriedEntry) -> None:
        """Commit the beginning of an entry."""
        with self._lock, self._database:
            values = self._number(pair), entry.second, entry.side, entry.rate, entry.tried
            self._database.execute("insert into entry values (?, ?, ?, ?, ?)", values)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _number(self, pair: str) -> int:
        if pair not in self._pairs:
            self._database.execute("insert or ignore into pair (name) values (?)", (pair,))
            found = self._database.execute("select id from pair where name = ?", (pair,))
            self._pairs[pair] = int(found.fetchone()[0])
        return self._pairs[pair]

    def _clear(self, number: int, second: int, candle_seconds: int) -> None:
        for table, kept in (("candle", KEPT), ("entry", KEPT), ("bins", 2 * KEPT_BINS)):
            self._database.execute(
                f"delete from {table} where pair = ? and second < ?",
                (number, second - kept * candle_seconds),
            )


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, timeout=_PATIENCE)
    try:
        # Readers do not keep the bot waiting, and a kill loses nothing that was committed.
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = normal")
        database.execute("pragma wal_autocheckpoint = 100")
        if database.execute("pragma user_version").fetchone()[0] not in (0, _FORMAT):
            raise sqlite3.DatabaseError("another version of dualwindow wrote it")
        database.executescript(_SCHEMA)
        database.execute(f"pragma user_version = {_FORMAT}")
    except sqlite3.Error:
        database.close()
        raise
    return database


@dataclass(frozen=True)
class Journal:
    """A journal that was read: sessions by number, and rows and entries by pair, in time order."""

    sessions: Mapping[int, Session] = field(default_factory=dict)
    rows: Mapping[str, Sequence[JournalRow]] = field(default_factory=dict)
    entries: Mapping[str, Sequence[TriedEntry]] = field(default_factory=dict)


def read_journal(folder: Path) -> Journal | None:
    """Read the journal of `user_data/models/<identifier>`, also while its bot runs.

    None where there is none.

    Raises:
        ModelFileError: when it cannot be read.
    """
    path = folder / JOURNAL_NAME
    if not path.is_file():
        return None
    try:
        with closing(opened_for_reading(path)) as database:
            return _read(database)
    except (sqlite3.Error, ValueError, KeyError, TypeError, struct.error) as error:
        raise ModelFileError(
            f"{path} cannot be read ({error}); move it away, the bot begins another one"
        ) from None


def read_bins(folder: Path, pair: str, seconds: int) -> list[bytes]:
    """Bins of a pair's features, of its newest candles over so many seconds, in time order.

    Nothing where there is no journal, or one of an earlier version.

    Raises:
        ModelFileError: when it cannot be read.
    """
    path = folder / JOURNAL_NAME
    if not path.is_file():
        return []
    wanted = (
        "select second, bins from bins join pair on pair.id = bins.pair where name = ? "
        "order by second"
    )
    try:
        with closing(opened_for_reading(path)) as database:
            if not database.execute(_HAS_BINS).fetchone():
                return []
            rows = database.execute(wanted, (pair,)).fetchall()
    except sqlite3.Error as error:
        raise ModelFileError(
            f"{path} cannot be read ({error}); move it away, the bot begins another one"
        ) from None
    return [bins for second, bins in rows if second > rows[-1][0] - seconds]


def _read(database: sqlite3.Connection) -> Journal:
    sessions = {
        number: Session(number, started, json.loads(content))
        for number, started, content in database.execute("select id, started, content from session")
    }
    names = dict(database.execute("select id, name from pair").fetchall())
    rows: dict[str, list[JournalRow]] = {}
    wanted = "pair, session, second, decided, model, do_predict, first, arrived, awaited"
    found = database.execute(
        f"select {wanted}, candle, predicted from candle order by pair, second"
    )
    for pair, session, second, decided, model, flag, *rest in found:
        first, arrived, awaited, candle, predicted = rest
        rows.setdefault(names[pair], []).append(
            JournalRow(
                *(second, decided, model, flag, bool(first), bool(arrived)),
                json.loads(awaited) if awaited else {},
                _VALUES.unpack(candle),
                _PREDICTED.unpack(predicted),
                session,
            )
        )
    entries: dict[str, list[TriedEntry]] = {}
    tried = "select pair, second, side, rate, tried from entry order by tried"
    for pair, *entry in database.execute(tried):
        entries.setdefault(names[pair], []).append(TriedEntry(*entry))
    return Journal(sessions, rows, entries)
