"""Opening a bot's record: what cannot be gone on with is set aside, never overwritten."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dualwindow.runtime.files import set_aside
from dualwindow.track.entries import EntryError, Genesis, unpacked
from dualwindow.track.periods import Scoring
from dualwindow.track.record import TrackRecord, scoring_values
from dualwindow.track.record_file import RECORD_NAME, RecordFile

logger = logging.getLogger(__name__)

#: Files that sqlite keeps beside a database.
_BESIDE = ("-wal", "-shm")


def open_record(folder: Path, scoring: Scoring, now: int) -> TrackRecord:
    """Go on with the record in `user_data/models/<identifier>`, or begin one.

    A damaged one is set aside, and one that is scored by other barriers or costs, whose profits
    cannot be compared; the new one names the head of the latter. `now` is the clock, seconds since
    1970.

    Raises:
        sqlite3.Error, OSError: when no record can be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, before = folder / RECORD_NAME, None
    if path.is_file():
        try:
            file = RecordFile.for_writing(path)
            changes = _changes(file, scoring)
            if not changes:
                return TrackRecord(file, scoring, now)
            before = file.head.text
            file.close()
        except (sqlite3.DatabaseError, EntryError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            logger.warning(
                "the track record %s is damaged (%s): it was set aside as %s, and another one "
                "begins; put back a copy to go on with it",
                path,
                error,
                _moved(path, set_aside(path)).name,
            )
        else:
            logger.warning(
                "the track record %s was scored otherwise (%s), so that its profits cannot be "
                "compared: it was set aside as %s, and another one begins",
                path,
                ", ".join(changes),
                _moved(path, path.with_name(f"{path.stem}-until-{now}{path.suffix}")).name,
            )
    return TrackRecord(RecordFile.for_writing(path), scoring, now, before)


def _changes(file: RecordFile, scoring: Scoring) -> list[str]:
    """In which values a record was scored otherwise; none for an empty one."""
    for _, content in file.marked()[:1]:
        entry = unpacked(content)
        if not isinstance(entry, Genesis):
            raise EntryError("it does not begin with how it is scored")
        then, now = dict(entry.scoring), dict(scoring_values(scoring))
        return [
            f"{name} {_text(then, name)} before, {_text(now, name)} now"
            for name in dict.fromkeys([*then, *now])
            if then.get(name) != now.get(name)
        ]
    return []


def _text(values: Mapping[str, Any], name: str) -> str:
    return str(values[name]) if name in values else "unknown"


def _moved(path: Path, target: Path) -> Path:
    """Where a record lies, with the files that sqlite keeps beside it, once it is moved."""
    for end in ("", *_BESIDE):
        file = path.with_name(f"{path.name}{end}")
        if file.exists():
            file.replace(target.with_name(f"{target.name}{end}"))
    return target
