"""The track record of a running bot: what it claims and decides, and how that ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pandas as pd

from dualwindow.track.entries import (
    Claim,
    Decision,
    Entry,
    EntryError,
    Genesis,
    Outcome,
    TradeEntry,
    packed,
    unpacked,
)
from dualwindow.track.outcomes import Made, Noted, by_pair, outcome_of
from dualwindow.track.periods import Scoring
from dualwindow.track.record_file import Head, RecordFile
from dualwindow.track.verdict import Timeline, Verdict

FORMAT: Final = 1
#: Periods whose decisions are kept one by one, in days.
KEPT_DAYS: Final = 92
_DAY: Final = 86_400


@dataclass
class _Pair:
    """What is known of a pair.

    Attributes:
        claim: the last one.
        last: date of the last candle that was decided, seconds since 1970.
        open: decisions by period, of periods that are not settled.
        unlabelled: decisions whose future window had not ended with the last settled period.
    """

    claim: Claim
    last: int = 0
    open: dict[int, list[Noted]] = field(default_factory=lambda: defaultdict(list))
    unlabelled: list[Decision] = field(default_factory=list)


@dataclass(frozen=True)
class Settled:
    """The verdict before and after a period was settled, and the head of the chain then."""

    before: Verdict
    after: Verdict
    head: Head


class TrackRecord:
    """Writes a bot's record, and knows its verdict at every time.

    Args:
        file: of the record, empty or one that is scored in this way.
        scoring: of its decisions.
        now: the clock, seconds since 1970.
        before: head of the record that a new one takes the place of.

    Raises:
        sqlite3.Error: from all methods, when the file cannot be read or written.
        EntryError: when its content is no record's.
    """

    def __init__(
        self, file: RecordFile, scoring: Scoring, now: int, before: str | None = None
    ) -> None:
        self._file = file
        self._scoring = scoring
        self._pairs: dict[str, _Pair] = {}
        self._noted_trades: set[tuple[int, int]] = set()
        self._trades_until = now
        self._settled_until = -1
        self.timeline = Timeline(scoring)
        self._head = file.head
        #: Number of the last entry that is no decision.
        self._marked = 0
        if not self._head.seq:
            self._append([Genesis(FORMAT, now, scoring_values(scoring), before)])
        self._read()

    @property
    def is_behind(self) -> bool:
        """Whether another process has added entries, which are not known here."""
        return self._file.head != self._head

    def _append(self, entries: Sequence[Entry]) -> None:
        """Append entries; those that are no decisions name the last such one before them."""
        contents, last = [], self._marked
        for number, entry in enumerate(entries, self._head.seq + 1):
            linked = entry
            if not isinstance(entry, Decision):
                linked = entry if isinstance(entry, Genesis) else replace(entry, previous=last)
                last = number
            contents.append(packed(linked))
        self._head = self._file.append(contents, after=self._head)
        self._marked = last

    def close(self) -> None:
        """Close its file."""
        self._file.close()

    def _read(self) -> None:
        """Take over what was written before this start."""
        outcomes: dict[int, list[Outcome]] = defaultdict(list)
        claims: dict[int, list[Claim]] = defaultdict(list)
        # Numbers of the last outcomes, and of those that were settled before them.
        last = before = 0
        for seq, content in self._file.marked():
            entry, self._marked = unpacked(content), seq
            if isinstance(entry, Claim):
                claims[entry.number].append(entry)
                self._pairs[entry.pair] = _Pair(entry)
            elif isinstance(entry, Outcome):
                outcomes[entry.period].append(entry)
                last, before = seq, before if seq == last + 1 else last
            elif isinstance(entry, TradeEntry):
                self._noted_trades.add(entry.key)
                self._trades_until = max(self._trades_until, entry.closed)
            elif isinstance(entry, Genesis):
                self._trades_until = entry.created
        for period in sorted(outcomes):
            self.timeline.add(period, by_pair(outcomes[period]))
            self._settled_until = period
        by_number = {pair.claim.number: pair for pair in self._pairs.values()}
        unlabelled = self._scoring.labelled_before(self._settled_until)
        # A pair may lag behind the others, so decisions are not in the order of their dates.
        for seq, decision in self._file.decisions_after(before):
            if seq < last and decision.seconds < unlabelled:
                continue
            pair = by_number.get(decision.number)
            if pair is None:
                raise EntryError("a decision without a claim before it")
            made = [own for own in claims[decision.number] if own.seconds <= decision.seconds]
            self._note(pair, decision, (made or [pair.claim])[-1].profit)

    def _note(self, pair: _Pair, decision: Decision, promised: float | None) -> None:
        pair.last = max(pair.last, decision.seconds)
        period = self._scoring.period_of(decision.seconds)
        if period > self._settled_until:
            pair.open[period].append(Noted(decision, promised))
        pair.unlabelled.append(decision)

    def is_claimed(self, pair: str, model: str, rule: str) -> bool:
        """Whether the record holds the claim that a decision of a model by a rule needs."""
        known = self._pairs.get(pair)
        return known is not None and known.claim.is_of(model, rule)

    def claim_of(self, pair: str) -> Claim | None:
        """The pair's last claim; None without one."""
        known = self._pairs.get(pair)
        return None if known is None else known.claim

    def is_decided(self, pair: str, seconds: int) -> bool:
        """Whether a candle, or a later one, was decided already: before a restart within it."""
        known = self._pairs.get(pair)
        return known is not None and seconds <= known.last

    def decide(self, pair: str, decision: Decision, claim: Claim | None) -> None:
        """Append the decision of a candle, in one transaction with the claim that it needs.

        The numbers of the pair are filled in here. Without a claim the pair's last one holds.
        """
        known, number = self._pairs.get(pair), len(self._pairs)
        if known is not None:
            number = known.claim.number
        elif claim is not None:
            known = _Pair(claim)
        else:
            raise ValueError(f"{pair} has no claim")
        decision = replace(decision, number=number)
        entries: list[Entry] = [decision]
        if claim is not None:
            claim = replace(claim, number=number)
            entries.insert(0, claim)
        self._append(entries)
        self._pairs[pair] = known
        known.claim = claim or known.claim
        self._note(known, decision, known.claim.profit)

    def settle(
        self, seconds: int, candles_of: Callable[[str, int], pd.DataFrame | None]
    ) -> Settled | None:
        """Write the outcomes of all periods that count at a candle, and prune old decisions.

        Args:
            seconds: date of the candle.
            candles_of: a pair and a date to freqtrade's candles of the pair from then on, at least;
                None where the bot holds none, and then its outcomes stay unknown.

        Returns:
            None when there is nothing to settle.
        """
        due = {
            period
            for pair in self._pairs.values()
            for period in pair.open
            if self._scoring.counts_from(period) <= seconds
        }
        if not due:
            return None
        before = self.timeline.now
        for period in sorted(due):
            since = self._scoring.labelled_before(period - 1)
            outcomes = [
                self._outcome(name, pair, period, candles_of(name, since))
                for name, pair in self._pairs.items()
                if period in pair.open or pair.unlabelled
            ]
            self._append(outcomes)
            self.timeline.add(period, by_pair(outcomes))
            self._settled_until = period
            for pair in self._pairs.values():
                pair.open.pop(period, None)
        self._file.prune(seconds - KEPT_DAYS * _DAY)
        return Settled(before, self.timeline.now, self._file.head)

    def _outcome(
        self, name: str, pair: _Pair, period: int, candles: pd.DataFrame | None
    ) -> Outcome:
        end = self._scoring.labelled_before(period)
        over = [decision for decision in pair.unlabelled if decision.seconds < end]
        pair.unlabelled = [decision for decision in pair.unlabelled if decision.seconds >= end]
        made = Made(name, pair.claim.number, period, over, pair.open.get(period, []))
        return outcome_of(made, candles, self._scoring)

    @property
    def trades_until(self) -> int:
        """When the last trade ended that is noted, or the record began; seconds since 1970."""
        return self._trades_until

    def add_trades(self, trades: Iterable[TradeEntry]) -> None:
        """Append trades that have ended; those that are noted already are left out."""
        entries = [entry for entry in trades if entry.key not in self._noted_trades]
        if entries:
            self._append(entries)
            self._noted_trades.update(entry.key for entry in entries)
            self._trades_until = max(self._trades_until, *(entry.closed for entry in entries))


def scoring_values(scoring: Scoring) -> Mapping[str, Any]:
    """The terms of scoring as plain JSON types, with which a record begins."""
    config = scoring.config
    return {
        "candle_seconds": scoring.candle_seconds,
        "future_window": config.future_window,
        "long_tp_pct": config.long_tp_pct,
        "long_sl_pct": config.long_sl_pct,
        "short_tp_pct": config.short_tp_pct,
        "short_sl_pct": config.short_sl_pct,
        "label_rule": config.label_rule,
        "cost": scoring.cost,
        "can_short": scoring.can_short,
    }
