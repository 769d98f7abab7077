"""Whether a record is as it was written: its chain, and that its entries agree."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dualwindow.data.candles.timerange import DAY_SECONDS
from dualwindow.track.agreement import Agreement
from dualwindow.track.claims import ClaimedModels, claimed_models
from dualwindow.track.entries import DECISION, EntryError, kind_of, unpacked
from dualwindow.track.record import KEPT_DAYS
from dualwindow.track.record_file import ORIGIN, Head, RecordFile

#: A pair may lag behind the others, whose candles tell when decisions are old.
_SLACK_DAYS: Final = 1
#: Printed with every verification.
LIMITS: Final = (
    "A chain shows that nothing in this file was changed, left out or put in by itself. It cannot "
    "show that the file is the only one: whoever may write it can compute a whole chain again, or "
    "put back an older copy, or begin another record and show the better one. Note the head "
    "somewhere else (a bot logs it with every verdict) and give it to --head: then everything up "
    "to it is as it was then. Nor can a chain show that the candles were those of the exchange."
)


@dataclass
class Verification:
    """What a verification found.

    Attributes:
        problems: one sentence for each; none for a sound record.
        head: of the chain as it is computed.
        entries: that are left.
        removed: old decisions that the bot itself has removed.
        has_head: whether the chain passes the head that was asked for; None without one.
        models: that were claimed; None where they were not looked for.
    """

    problems: list[str] = field(default_factory=list)
    head: Head = field(default_factory=lambda: Head(0, ORIGIN))
    entries: int = 0
    removed: int = 0
    has_head: bool | None = None
    models: ClaimedModels | None = None


def verify(file: RecordFile, noted: str | None = None, folder: Path | None = None) -> Verification:
    """Compute the chain again, and hold the entries against one another.

    Args:
        file: the record.
        noted: a head that was noted elsewhere, as `Head.text` has it.
        folder: of the bot's models, which are held against their claims.
    """
    found = Verification(has_head=None if noted is None else False)
    try:
        if damage := file.is_sound():
            found.problems.append(f"sqlite finds the file damaged: {damage}")
        _Walk(file, found, noted).follow(file)
        if folder is not None and not found.problems:
            found.models = claimed_models(file, folder)
            found.problems += found.models.changed
    except sqlite3.Error as error:
        found.problems.append(f"the file cannot be read: {error}")
    if found.has_head is False:
        found.problems.append(f"the chain does not pass the head {noted}")
    return found


class _Walk:
    """Walks along a chain, and notes in `found` what does not fit."""

    def __init__(self, file: RecordFile, found: Verification, noted: str | None) -> None:
        self._found, self._noted = found, noted
        self._marks = file.marks()
        self._gaps = {gap.first: gap for gap in file.gaps()}
        self._agreement = Agreement()
        #: The last entry that was no decision, and dates from which on gaps hold decisions.
        self._marked, self._gap_dates = 0, dict[int, int]()

    def follow(self, file: RecordFile) -> None:
        """Take all entries in turn."""
        stored, found = file.head, self._found
        for seq, content in file.entries():
            self._jump(seq)
            if seq != found.head.seq + 1:
                found.problems.append(f"entry {found.head.seq + 1} is missing, {seq} follows")
                return
            found.head = found.head.after(content)
            found.entries += 1
            if found.head.text == self._noted:
                found.has_head = True
            if not self._take(seq, content):
                return
        for seq in (*self._marks, *self._gaps):
            found.problems.append(f"the hashes name entry {seq}, which is not there")
        if stored != found.head:
            found.problems.append(
                f"the chain ends with {found.head.text}, the file's own head is {stored.text}"
            )
        kept = self._agreement.newest - (KEPT_DAYS - _SLACK_DAYS) * DAY_SECONDS
        for first, since in self._gap_dates.items():
            if since > kept:
                found.problems.append(
                    f"the gap at entry {first} is of decisions that were not old yet"
                )

    def _take(self, seq: int, content: bytes) -> bool:
        """Look at an entry; false where nothing after it can be told."""
        found = self._found
        try:
            is_marked, entry = kind_of(content) != DECISION, unpacked(content)
            found.problems += [f"entry {seq}: {text}" for text in self._agreement.take(entry)]
            previous = getattr(entry, "previous", None)
            if previous not in (None, self._marked):
                found.problems.append(
                    f"entry {seq} names {previous} as the last before it that is no decision, and "
                    f"that is {self._marked}"
                )
        except EntryError as error:
            found.problems.append(f"entry {seq}: {error}")
            is_marked = seq in self._marks
        mark = self._marks.pop(seq, None)
        if is_marked != (mark is not None):
            found.problems.append(f"entry {seq}: its own hash is missing, or should not be there")
        elif mark is not None and bytes(mark) != found.head.hash:
            found.problems.append(
                f"entry {seq} or one before it was changed: the hash stored there is another one"
            )
            return False
        self._marked = seq if is_marked else self._marked
        return True

    def _jump(self, seq: int) -> None:
        """Go over decisions that were removed, whose hashes are taken as they are."""
        found = self._found
        while (gap := self._gaps.pop(found.head.seq + 1, None)) is not None:
            if gap.before != found.head.hash or gap.last < gap.first:
                found.problems.append(
                    f"the gap at entry {gap.first} does not follow what is before it"
                )
            if self._marked != gap.first - 1 or (gap.last + 1 == seq and seq not in self._marks):
                found.problems.append(
                    f"the gap at entry {gap.first} does not lie between entries that are no "
                    "decisions, as the bot's own do"
                )
            self._gap_dates[gap.first] = self._agreement.reached
            self._agreement.lose()
            found.removed += gap.last - gap.first + 1
            found.head = Head(gap.last, gap.after)
            if found.head.text == self._noted:
                found.has_head = True
