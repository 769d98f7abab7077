"""Whether the entries of a record agree with those before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.track.entries import (
    Claim,
    Decision,
    Entry,
    EntryError,
    Genesis,
    Outcome,
    TradeEntry,
)
from dualwindow.track.periods import period_seconds


@dataclass
class _Pair:
    """What earlier entries have told of a pair.

    Attributes:
        claim: the last one.
        last: date of the last decision.
        period: of the last outcomes.
        since: date of the first decision after the last gap.
        is_whole: whether there was no gap before.
        noted: date of a decision to its class code and the promised profit, until its outcome.
        unlabelled: dates of the decisions whose outcomes have not come.
    """

    claim: Claim
    last: int = 0
    period: int = -1
    since: int | None = None
    is_whole: bool = True
    noted: dict[int, tuple[int, float | None]] = field(default_factory=dict)
    unlabelled: list[int] = field(default_factory=list)


class Agreement:
    """Takes entries in turn."""

    def __init__(self) -> None:
        self._pairs: dict[int, _Pair] = {}
        #: Seconds of a candle, of the future window and of a period; 0 before it is known.
        self._step = self._future = self._length = 0
        #: Date of the newest decision; None where it lies in a gap.
        self._newest: int | None = 0
        #: End of a period whose outcomes came before a decision later than it.
        self._awaited = 0
        self._trades: set[tuple[int, int]] = set()
        #: Date of the newest decision that there is, and the last one that an entry which is no
        #: decision names: later decisions are newer.
        self.newest = self.reached = 0

    def lose(self) -> None:
        """Go over a gap, whose decisions are not known any more."""
        self._newest, self._awaited = None, 0
        for pair in self._pairs.values():
            pair.since, pair.is_whole = None, False
            pair.noted.clear()
            pair.unlabelled.clear()

    def take(self, entry: Entry) -> Iterator[str]:
        """Problems of the next entry.

        Raises:
            EntryError: when the record does not begin with how it is scored.
        """
        if not self._length:
            if not isinstance(entry, Genesis):
                raise EntryError("the record does not begin with how it is scored")
            self._scored_by(entry.scoring)
        elif isinstance(entry, Genesis):
            yield "the record begins a second time"
        elif isinstance(entry, Claim):
            self.reached = entry.seconds
            yield from self._claim(entry)
        elif isinstance(entry, Decision):
            yield from self._decision(entry)
        elif isinstance(entry, Outcome):
            yield from self._outcome(entry)
        elif isinstance(entry, TradeEntry):
            self.reached = entry.closed
            if entry.key in self._trades:
                yield f"freqtrade's trade {entry.id} is there twice"
            self._trades.add(entry.key)

    def _claim(self, entry: Claim) -> Iterator[str]:
        known = self._pairs.get(entry.number)
        if known is None:
            if entry.number != len(self._pairs):
                yield f"{entry.pair} has the number {entry.number}"
            self._pairs[entry.number] = _Pair(entry)
            return
        if known.claim.pair != entry.pair:
            yield f"{entry.pair} has the number of {known.claim.pair}"
        if entry.seconds <= known.last:
            yield f"{entry.pair}: a claim after the decisions that it is of"
        known.claim = entry

    def _decision(self, entry: Decision) -> Iterator[str]:
        known = self._pairs.get(entry.number)
        if known is None:
            yield "a decision without a claim before it"
            return
        if entry.seconds <= known.last or entry.seconds < known.claim.seconds:
            yield f"{known.claim.pair}: a decision out of the order of time"
        if entry.seconds < self._awaited:
            yield f"{known.claim.pair}: a decision after outcomes of its period"
        self._awaited = 0
        known.last = max(known.last, entry.seconds)
        self._newest = max(self._newest or 0, entry.seconds)
        self.newest = max(self.newest, entry.seconds)
        known.since = entry.seconds if known.since is None else known.since
        side = entry.side if entry.do_predict == 1 else HOLD
        known.noted[entry.seconds] = (side, known.claim.profit)
        known.unlabelled.append(entry.seconds)

    def _outcome(self, entry: Outcome) -> Iterator[str]:
        known = self._pairs.get(entry.number)
        if known is None or known.claim.pair != entry.pair:
            yield f"outcomes of {entry.pair}, which has decided nothing"
            return
        length = self._length
        self.reached = (entry.period + 1) * length
        if entry.period <= known.period:
            yield f"{entry.pair}: outcomes of period {entry.period} again"
        # A bot that was off when a period ended settles it before its next decision.
        if self._newest is not None and self._newest < (entry.period + 1) * length:
            self._awaited = (entry.period + 1) * length
        known.period = entry.period
        for row, side, _, promised in entry.trades:
            date = entry.period * length + row * self._step
            is_known = known.since is not None and date >= known.since
            if is_known and known.noted.get(date) != (side, promised):
                yield f"{entry.pair}: a trade that was not decided, or not so"
        end = (entry.period + 1) * length - self._future
        over = [date for date in known.unlabelled if date < end]
        begin = end - length
        is_whole = known.is_whole or (known.since is not None and known.since <= begin)
        if is_whole and not _agrees(entry, [known.noted[date][0] for date in over]):
            yield f"{entry.pair}: outcomes that are not those of the decisions"
        known.unlabelled = [date for date in known.unlabelled if date >= end]
        known.noted = {date: noted for date, noted in known.noted.items() if date >= end}

    def _scored_by(self, scoring: Mapping[str, Any]) -> None:
        try:
            self._step, window = int(scoring["candle_seconds"]), int(scoring["future_window"])
        except (KeyError, TypeError, ValueError) as error:
            raise EntryError(f"it does not tell how the record is scored ({error!r})") from error
        self._future, self._length = window * self._step, period_seconds(window, self._step)


def _agrees(entry: Outcome, sides: list[int]) -> bool:
    """Whether outcomes count the decisions that they are of, class codes in order."""
    if len(entry.labels) != len(sides):
        return False
    pairs = list(zip(sides, entry.labels, strict=True))
    return all(
        entry.fired.get(name) == sides.count(code)
        and entry.right.get(name) == sum(side == code == _code(label) for side, label in pairs)
        for code, name in enumerate(CLASS_NAMES)
        if code != HOLD
    )


def _code(letter: str) -> int | None:
    return int(letter) if letter.isdigit() else None
