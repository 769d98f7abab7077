"""Promises about the track record: each prediction once, with what became of it."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.settings import TrainingConfig
from dualwindow.track.entries import Claim, Decision, EntryError, Outcome, unpacked
from dualwindow.track.periods import Scoring
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from dualwindow.track.verify import verify
from tests.lives.bot import FUTURE
from tests.lives.invariants import Invariant
from tests.lives.market import BEGIN, HOUR

if TYPE_CHECKING:
    from tests.lives.bot import Analysis
    from tests.lives.life import Life

Found = Iterator[str]
#: Decisions of a record by pair and row.
Held = dict[tuple[str, int], Decision]
#: Steps in which a record keeps a probability.
_STEP: Final = 1 / 65_535
#: Its periods alone are asked for.
_SCORING: Final = Scoring(TrainingConfig(future_window=FUTURE), 0.0, HOUR, True)


def recorded(life: Life) -> Found:
    """Also reads the record for the other promise."""
    life.ledger.entries = None
    path = life.folder / RECORD_NAME
    if not path.is_file():
        if life.ledger.heads.pop(str(path), None) is not None:
            yield "the track record is gone"
        return
    try:
        with closing(RecordFile.for_reading(path)) as file:
            noted = life.ledger.heads.get(str(path))
            if not file.head.seq or file.head.text == noted:
                return
            found = verify(file, noted)
            yield from found.problems
            life.ledger.heads[str(path)] = file.head.text
            entries = [unpacked(content) for _, content in file.entries()]
    except (sqlite3.Error, EntryError) as error:
        yield f"the track record cannot be read: {error}"
        return
    life.ledger.entries = entries
    yield from _each_once(life, entries)


def _each_once(life: Life, entries: list[object]) -> Found:
    names: dict[int, str] = {}
    held: Held = {}
    for entry in entries:
        if isinstance(entry, Claim):
            names[entry.number] = entry.pair
        if isinstance(entry, Decision):
            key = names[entry.number], (entry.seconds - BEGIN) // HOUR
            if key in held:
                yield f"{key[0]} row {key[1]} is in the track record twice"
            held[key] = entry
    for found in life.analyses:
        if found.frame is not None and found.folder is not None and found.bot is life.bot:
            yield from _as_decided(life, found, held)
    life.ledger.decided = set(held)


def _as_decided(life: Life, found: Analysis, held: Held) -> Found:
    known, where = held.get((found.pair, found.row)), f"{found.pair} row {found.row}"
    if known is None:
        # One that is older than what was decided is left out: the clock was set back.
        later = any(pair == found.pair and row > found.row for pair, row in held)
        if not (life.step_failed or life.second_was or later):
            yield f"{where} is not in the track record"
        return
    # One that was decided before a stop within the candle is not decided again.
    is_again = found.is_first and life.was_killed
    if (found.pair, found.row) in life.ledger.decided or life.second_was or is_again:
        return
    last = found.frame.iloc[-1]
    got, wanted = (known.side, known.do_predict), (int(last["decision"]) + 1, found.do_predict)
    if got != wanted:
        yield f"{where}: {got} is in the record, {wanted} was decided"
    for value, name in ((known.short, "SHORT"), (known.long, "LONG")):
        if math.isfinite(last[name]) and abs(value - float(last[name])) > _STEP:
            yield f"{where}: {name} is {last[name]}, {value} in the record"


def true_outcomes(life: Life) -> Found:
    """By the candles that every answer of the exchange agrees on."""
    if life.ledger.entries is None:
        return
    names: dict[int, str] = {}
    waiting: dict[int, list[int]] = {}
    for entry in life.ledger.entries:
        if isinstance(entry, Claim):
            names[entry.number] = entry.pair
        elif isinstance(entry, Decision):
            waiting.setdefault(entry.number, []).append((entry.seconds - BEGIN) // HOUR)
        elif isinstance(entry, Outcome):
            rows = waiting.get(entry.number, [])
            end = (_SCORING.labelled_before(entry.period) - BEGIN) // HOUR
            over = [row for row in rows if row < end]
            waiting[entry.number] = [row for row in rows if row >= end]
            if len(over) != len(entry.labels):
                yield f"{len(over)} decisions are over, {len(entry.labels)} have a label"
                continue
            for row, letter in zip(over, entry.labels, strict=True):
                truth = _label(life, names[entry.number], row)
                if letter != "-" and truth is not None and int(letter) != truth:
                    yield f"{entry.pair} row {row} has the label {letter}, and turned out {truth}"


def _label(life: Life, pair: str, row: int) -> int | None:
    """The slow label of a candle; None where the exchange has told it differently or not at all."""
    rows = [life.market.told[pair].get(at, set()) for at in range(row, row + FUTURE + 1)]
    if any(len(values) != 1 for values in rows):
        return None
    candles = [next(iter(values)) for values in rows]
    if not all(0 < price < math.inf for candle in candles for price in candle[:4]):
        return None
    if any(low > high for _, high, low, _, _ in candles):
        return None
    close = candles[0][3]
    ends = life.config["freqai"]["model_training_parameters"]
    highs, lows = [candle[1] for candle in candles[1:]], [candle[2] for candle in candles[1:]]
    # The stop loss may be touched nowhere in the future window.
    wins = max(highs) >= close * (1 + ends["long_tp_pct"])
    loses = min(lows) <= close * (1 - ends["long_sl_pct"])
    if wins and not loses:
        return LONG
    wins = min(lows) <= close * (1 - ends["short_tp_pct"])
    loses = max(highs) >= close * (1 + ends["short_sl_pct"])
    if wins and not loses:
        return SHORT
    return HOLD


RECORDED: Final = (
    Invariant(
        "recorded once",
        "each prediction is in the track record once, as it was; its chain only grows",
        after_step=recorded,
    ),
    Invariant(
        "true outcomes",
        "a label in the track record is how it turned out",
        after_step=true_outcomes,
    ),
)
