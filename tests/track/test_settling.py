"""What a record asks for, writes and gives up when a period is over."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dualwindow.columns import HOLD
from dualwindow.track.entries import Claim, Decision, Genesis, Outcome, unpacked
from dualwindow.track.record import KEPT_DAYS, Settled, TrackRecord
from dualwindow.track.record_file import RecordFile
from tests.makers.track_records import BEGIN, candles_of, scoring_of

HOUR, DAY = 3600, 86_400
SCORING = scoring_of(step=HOUR)
PAIR, OTHER = "BTC/USDT:USDT", "ETH/USDT:USDT"


class Asked:
    """Candles of an exchange, and what was asked for."""

    def __init__(self, count: int) -> None:
        self.candles = candles_of(1, count, step=HOUR)
        self.calls: list[tuple[str, int]] = []

    def __call__(self, pair: str, since: int) -> pd.DataFrame:
        self.calls.append((pair, since))
        return self.candles


def decide(record: TrackRecord, pair: str, seconds: int) -> None:
    claim = None
    if record.claim_of(pair) is None:
        claim = Claim(pair, 0, seconds, "a model", {}, "a rule", {})
    record.decide(pair, Decision(0, seconds, 0.25, 0.5, HOLD, 1, blocked=False), claim)


@pytest.fixture
def file(tmp_path: Path) -> RecordFile:
    return RecordFile.for_writing(tmp_path / "record.sqlite")


def test_a_period_is_settled_once_with_the_candles_that_its_labels_need(file: RecordFile) -> None:
    record, asked = TrackRecord(file, SCORING, BEGIN), Asked(24 * 20)
    settled: list[Settled] = []
    verdicts = [record.timeline.now]
    for row in range(24 * 20):
        seconds = BEGIN + HOUR * row
        asked.calls.clear()
        done = record.settle(seconds, asked)
        if done is not None:
            period = SCORING.period_of(seconds) - 1
            assert seconds == SCORING.counts_from(period)
            assert asked.calls == [
                (pair, SCORING.labelled_before(period - 1)) for pair in (PAIR, OTHER)
            ]
            assert done.before == verdicts[-1]
            assert done.after == record.timeline.now
            assert done.head == file.head
            assert record.settle(seconds, asked) is None
            verdicts.append(done.after)
            settled.append(done)
        else:
            assert asked.calls == []
        for pair in (PAIR, OTHER):
            decide(record, pair, seconds)
    assert len(settled) >= 2
    outcomes = [unpacked(content) for _, content in file.marked()]
    found = [each for each in outcomes if isinstance(each, Outcome)]
    assert [each.pair for each in found] == [PAIR, OTHER] * len(settled)
    assert [each.number for each in found] == [0, 1] * len(settled)
    # Every decision has one label: none is left out between two periods.
    labels = "".join(each.labels for each in found if each.pair == PAIR)
    assert len(labels) == (SCORING.labelled_before(found[-1].period) - BEGIN) // HOUR


def test_decisions_are_kept_one_by_one_for_three_months_and_no_longer(file: RecordFile) -> None:
    record, last = TrackRecord(file, SCORING, BEGIN), 0
    for row in range(24 * 130):
        seconds = BEGIN + HOUR * row
        if record.settle(seconds, lambda *_: None) is not None:
            last = seconds
        decide(record, PAIR, seconds)
    oldest = file.decisions_after(0)[0][1].seconds
    assert last - (KEPT_DAYS * DAY) - 2 * SCORING.seconds < oldest
    assert oldest <= last - KEPT_DAYS * DAY + HOUR
    assert file.gaps()


def test_a_record_begins_with_how_it_is_scored_and_what_it_takes_the_place_of(
    file: RecordFile,
) -> None:
    record = TrackRecord(file, SCORING, BEGIN, before="12:ab")
    ((_, content),) = file.entries()
    genesis = unpacked(content)
    assert isinstance(genesis, Genesis)
    assert (genesis.created, genesis.before) == (BEGIN, "12:ab")
    assert genesis.scoring["candle_seconds"] == HOUR
    assert not record.is_behind
    assert record.claim_of(PAIR) is None
    with pytest.raises(ValueError, match=f"{PAIR} has no claim"):
        record.decide(PAIR, Decision(0, BEGIN, 0.2, 0.2, HOLD, 1, blocked=False), None)


def test_a_pair_is_known_by_its_last_claim(file: RecordFile) -> None:
    record = TrackRecord(file, SCORING, BEGIN)
    decide(record, PAIR, BEGIN)
    decide(record, OTHER, BEGIN)
    assert record.is_claimed(PAIR, "a model", "a rule")
    assert not record.is_claimed(PAIR, "another", "a rule")
    assert not record.is_claimed("SOL/USDT", "a model", "a rule")
    assert [record.is_decided(PAIR, BEGIN + by) for by in (-HOUR, 0, HOUR)] == [True, True, False]
    newer = Claim(PAIR, 9, BEGIN + HOUR, "another", {}, "a rule", {})
    decision = Decision(9, BEGIN + HOUR, 0.2, 0.2, HOLD, 1, blocked=False)
    record.decide(PAIR, decision, newer)
    assert record.is_claimed(PAIR, "another", "a rule")
    claim = record.claim_of(PAIR)
    assert claim is not None
    # The record numbers its pairs.
    assert claim.number == 0
    assert [each.number for _, each in file.decisions_after(0)] == [0, 1, 0]
    assert TrackRecord(file, SCORING, BEGIN).is_claimed(PAIR, "another", "a rule")
