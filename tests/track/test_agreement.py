"""Entries that do not agree with those before them are named, whatever their hashes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.track.agreement import Agreement
from dualwindow.track.entries import (
    Claim,
    Decision,
    Entry,
    EntryError,
    Genesis,
    Outcome,
    TradeEntry,
)

STEP = 300
PAIR = "BTC/USDT:USDT"
#: A period of four candles, of which the last has its future in the next one.
GENESIS = Genesis(1, 0, {"candle_seconds": STEP, "future_window": 12})
CLAIM = Claim(PAIR, 0, STEP, "model", {}, "SHORT 0.60, LONG 0.60", {}, profit=0.001)
TRADE = TradeEntry(7, PAIR, "LONG", STEP, 2 * STEP, 100.0, 101.0, 1.0, 0.01, "roi", "long_0.60")


def decision(seconds: int, side: int = HOLD) -> Decision:
    return Decision(0, seconds, 0.2, 0.2, side, 1, blocked=False)


def problems(*entries: Entry) -> list[str]:
    agreement = Agreement()
    return [problem for entry in (GENESIS, *entries) for problem in agreement.take(entry)]


def test_entries_in_order_have_no_problem() -> None:
    assert problems(CLAIM, decision(STEP), decision(2 * STEP, LONG), TRADE) == []


def test_a_record_begins_with_how_it_is_scored() -> None:
    with pytest.raises(EntryError, match="does not begin with how it is scored"):
        list(Agreement().take(CLAIM))


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ((GENESIS,), "the record begins a second time"),
        ((replace(CLAIM, number=3),), f"{PAIR} has the number 3"),
        (
            (CLAIM, replace(CLAIM, pair="ETH/USDT:USDT", seconds=2 * STEP)),
            f"ETH/USDT:USDT has the number of {PAIR}",
        ),
        (
            (CLAIM, decision(STEP), CLAIM),
            f"{PAIR}: a claim after the decisions that it is of",
        ),
        ((decision(STEP),), "a decision without a claim before it"),
        (
            (CLAIM, decision(2 * STEP), decision(STEP, SHORT)),
            f"{PAIR}: a decision out of the order of time",
        ),
        ((CLAIM, TRADE, TRADE), "freqtrade's trade 7 is there twice"),
        (
            (Outcome(PAIR, 0, 0, 0, {}, {}, "", ()),),
            f"outcomes of {PAIR}, which has decided nothing",
        ),
    ],
)
def test_an_entry_against_those_before_it_is_named(
    entries: tuple[Entry, ...], problem: str
) -> None:
    assert problem in problems(*entries)


def test_outcomes_before_their_time_again_or_of_other_decisions_are_named() -> None:
    early = Outcome(PAIR, 0, 0, 1, {"LONG": 1}, {}, "L", ((1, LONG, 0.01, 0.001),))
    found = problems(CLAIM, decision(STEP), early, early, decision(2 * STEP))
    assert f"{PAIR}: a decision after outcomes of its period" in found
    assert f"{PAIR}: outcomes of period 0 again" in found
    assert f"{PAIR}: a trade that was not decided, or not so" in found
    assert f"{PAIR}: outcomes that are not those of the decisions" in found
