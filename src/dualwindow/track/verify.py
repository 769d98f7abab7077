"""Whether a record is as it was written: its chain, and that its entries agree."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dualwindow.track.agreement import Agreement
from dualwindow.track.claims import ClaimedModels, claimed_models
from dualwindow.track.entries import DECISION, EntryError, kind_of, unpacked
from dualwindow.track.record_file import ORIGIN, Gap, Head, RecordFile

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
        _follow(file, found, noted)
        if folder is not None and not found.problems:
            found.models = claimed_models(file, folder)
            found.problems += found.models.changed
    except sqlite3.Error as error:
        found.problems.append(f"the file cannot be read: {error}")
    if found.has_head is False:
        found.problems.append(f"the chain does not pass the head {noted}")
    return found


def _follow(file: RecordFile, found: Verification, noted: str | None) -> None:
    """Walk along the chain, and note what does not fit."""
    marks, gaps, stored = file.marks(), {gap.first: gap for gap in file.gaps()}, file.head
    agreement = Agreement()
    for seq, content in file.entries():
        while (gap := gaps.pop(found.head.seq + 1, None)) is not None:
            _jump(gap, found, noted)
            agreement.lose()
        if seq != found.head.seq + 1:
            found.problems.append(f"entry {found.head.seq + 1} is missing, {seq} follows")
            return
        found.head = found.head.after(content)
        found.entries += 1
        if found.head.text == noted:
            found.has_head = True
        try:
            is_marked = kind_of(content) != DECISION
            found.problems += [f"entry {seq}: {text}" for text in agreement.take(unpacked(content))]
        except EntryError as error:
            found.problems.append(f"entry {seq}: {error}")
            is_marked = seq in marks
        mark = marks.pop(seq, None)
        if is_marked != (mark is not None):
            found.problems.append(f"entry {seq}: its own hash is missing, or should not be there")
        elif mark is not None and bytes(mark) != found.head.hash:
            found.problems.append(
                f"entry {seq} or one before it was changed: the hash stored there is another one"
            )
            return
    for seq in (*marks, *gaps):
        found.problems.append(f"the hashes name entry {seq}, which is not there")
    if stored != found.head:
        found.problems.append(
            f"the chain ends with {found.head.text}, the file's own head is {stored.text}"
        )


def _jump(gap: Gap, found: Verification, noted: str | None) -> None:
    """Go over decisions that were removed, whose hashes are taken as they are."""
    if gap.before != found.head.hash or gap.last < gap.first:
        found.problems.append(f"the gap at entry {gap.first} does not follow what is before it")
    found.removed += gap.last - gap.first + 1
    found.head = Head(gap.last, gap.after)
    if found.head.text == noted:
        found.has_head = True
