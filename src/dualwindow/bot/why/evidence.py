"""The gate of `trade_only_on_evidence` at past candles of a running bot or a backtest."""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from dualwindow.bot.why.facts import Evidence
from dualwindow.errors import DualWindowError
from dualwindow.models.identifier.traded import GateSpan
from dualwindow.settings.root_settings import ON_EVIDENCE, ROOT_KEY
from dualwindow.track.entries import Claim, Decision, EntryError, Genesis, Outcome, unpacked
from dualwindow.track.figures import scoring_from
from dualwindow.track.outcomes import by_pair
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from dualwindow.track.verdict import WORDS, Timeline

logger = logging.getLogger(__name__)

#: A bot's record, and those that were set aside because they were scored otherwise.
_RECORDS: Final = f"{Path(RECORD_NAME).stem}*{Path(RECORD_NAME).suffix}"


@dataclass(frozen=True)
class RecordedGate:
    """What a bot's track records tell of its gate.

    Attributes:
        decided: pair to the date of a candle, seconds since 1970, to whether nothing was let in
            upon it, and the verdict in words.
    """

    decided: Mapping[str, Mapping[int, tuple[bool, str]]] = field(default_factory=dict)

    def at(self, pair: str, second: int, session: Mapping[str, Any]) -> Evidence | None:
        """The gate at a candle.

        None where entries waited for no verdict, by the settings of the start that met the candle
        (empty: not known) and the record.
        """
        found = self.decided.get(pair, {}).get(second)
        if found is not None:
            return Evidence(*found)
        waits = dict(session.get(ROOT_KEY) or {}).get(ON_EVIDENCE)
        return Evidence(None, "") if waits else None


def read_gate(folder: Path) -> RecordedGate:
    """Read the track records of `user_data/models/<identifier>`, also while its bot runs.

    One that cannot be read is left out, with a warning.
    """
    decided: dict[str, dict[int, tuple[bool, str]]] = defaultdict(dict)
    for path in sorted(folder.glob(_RECORDS), key=lambda path: path.name == RECORD_NAME):
        try:
            for pair, own in _read(path).items():
                decided[pair].update(own)
        except (sqlite3.Error, EntryError, DualWindowError, LookupError, ValueError) as error:
            logger.warning(
                "the track record %s cannot be read (%s); dualwindow track --verify names what is "
                "damaged",
                path,
                error,
            )
    return RecordedGate(decided)


def _read(path: Path) -> dict[str, dict[int, tuple[bool, str]]]:
    names: dict[int, str] = {}
    decisions: list[Decision] = []
    outcomes: dict[int, list[Outcome]] = defaultdict(list)
    timeline: Timeline | None = None
    file = RecordFile.for_reading(path)
    try:
        for _, content in file.entries():
            entry = unpacked(content)
            if isinstance(entry, Genesis):
                timeline = Timeline(scoring_from(entry.scoring), with_interval=False)
            elif isinstance(entry, Claim):
                names[entry.number] = entry.pair
            elif isinstance(entry, Decision):
                decisions.append(entry)
            elif isinstance(entry, Outcome):
                outcomes[entry.period].append(entry)
    finally:
        file.close()
    found: dict[str, dict[int, tuple[bool, str]]] = defaultdict(dict)
    if timeline is None or not decisions:
        return found
    for period in sorted(outcomes):
        timeline.add(period, by_pair(outcomes[period]))
    codes = timeline.at(np.array([decision.seconds for decision in decisions], dtype=np.int64))
    for decision, code in zip(decisions, codes.tolist(), strict=True):
        found[names[decision.number]][decision.seconds] = (decision.blocked, WORDS[code])
    return found


def backtested_gate(spans: Sequence[GateSpan] | None, second: int) -> Evidence | None:
    """The gate of a backtest at a candle; None where entries waited for no verdict."""
    if not spans:
        return None
    at = int(np.searchsorted([span.first for span in spans], second, side="right"))
    span = spans[max(at - 1, 0)]
    return Evidence(span.blocks, span.verdict)
