"""Everything that a running bot left, and its predictions by the rules of their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from dualwindow.bot.live.prediction_archive import DATE
from dualwindow.bot.trades.account import Account
from dualwindow.bot.trades.bot_log import BotLog
from dualwindow.bot.why.candles import Place
from dualwindow.bot.why.evidence import RecordedGate
from dualwindow.bot.why.history import read_history
from dualwindow.bot.why.predictions import SavedDecisions
from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.models.identifier.journal import Journal, JournalRow
from dualwindow.models.identifier.rules import rule_from_dict

_COLUMNS: Final = (*CLASS_NAMES, *CONFIDENCE_COLUMNS)


@dataclass(frozen=True)
class BotRecords:
    """Everything that a bot left beside the predictions of single pairs.

    Attributes:
        place: its folder, with the rule of the configuration.
        journal: None of an earlier version.
        account: None without a database.
        no_account: words on why there is none.
        log: None without one.
        expiration: `expiration_hours`; 0: models do not expire.
        gate: of its track record.
    """

    place: Place
    journal: Journal | None
    account: Account | None
    no_account: str = ""
    log: BotLog | None = None
    expiration: float = 0.0
    gate: RecordedGate = field(default_factory=RecordedGate)


def session_of(journal: Journal | None, noted: JournalRow | None) -> Mapping[str, Any]:
    """Settings that trades depend on, of the start that met a candle; empty: not known."""
    if journal is None or noted is None or noted.session not in journal.sessions:
        return {}
    return journal.sessions[noted.session].content


def journal_parts(records: BotRecords, rows: Sequence[JournalRow]) -> list[SavedDecisions]:
    """The predictions of the journal, by the rules of their sessions."""
    parts = []
    for number in dict.fromkeys(row.session for row in rows):
        own = [row for row in rows if row.session == number]
        content = session_of(records.journal, own[0])
        try:
            rule = rule_from_dict(content["rule"])
        except (KeyError, TypeError, ValueError):
            rule = records.place.settings.rule
        parts.append(SavedDecisions(_journal_frame(own), rule))
    return parts


def history_of(records: BotRecords, pair: str, before: int | None) -> SavedDecisions | None:
    """The predictions that FreqAI saved, older than the journal; None without any."""
    frame = read_history(records.place.folder, pair)
    if frame is not None and before is not None:
        frame = frame[utc_seconds(frame[DATE]) < before]
    if frame is None or not len(frame):
        return None
    return SavedDecisions(frame, records.place.settings.rule, dates=DATE)


def looked_at(history: SavedDecisions) -> list[int]:
    """Dates of predictions that were made when their candles were the newest.

    FreqAI predicts the candles before a start as well, with the flag 0.
    """
    seconds: list[int] = history.seconds[history.do_predict != 0].tolist()
    return seconds


def _journal_frame(rows: Sequence[JournalRow]) -> pd.DataFrame:
    seconds = [row.second for row in rows]
    frame = pd.DataFrame([row.predicted for row in rows], columns=list(_COLUMNS))
    frame.insert(0, "date", pd.to_datetime(seconds, unit="s", utc=True))
    return frame.assign(do_predict=[row.do_predict for row in rows])
