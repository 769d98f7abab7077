"""Entries of a record as bytes: what is written comes back, and what is no entry is refused."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.track.entries import (
    CLAIM,
    DECISION,
    GENESIS,
    KINDS,
    OUTCOME,
    TRADE,
    Claim,
    Decision,
    Entry,
    EntryError,
    Genesis,
    Outcome,
    TradeEntry,
    kind_of,
    packed,
    unpacked,
)

ENTRIES: list[tuple[int, Entry]] = [
    (GENESIS, Genesis(1, 1_700_000_000, {"future_window": 30}, "12:ab")),
    (GENESIS, Genesis(1, 1_700_000_000, {})),
    (
        CLAIM,
        Claim(
            *("BTC/USDT", 3, 1_700_000_040, "sub-train-BTC_1", {"model.zip": "ab"}, "LONG 0.4"),
            thresholds={"LONG": 0.4},
            firing=0.01,
            precision={"LONG": 0.5, "SHORT": None},
            profit=0.002,
            interval=(-0.001, 0.004),
            previous=2,
        ),
    ),
    (CLAIM, Claim("BTC/USDT", 3, 1_700_000_040, "sub-train-BTC_1", {}, "LONG 0.4", {})),
    (DECISION, Decision(7, 1_700_000_100, 1.0, 0.0, 2, 1, blocked=True)),
    (
        OUTCOME,
        Outcome(
            "BTC/USDT", 3, 19_000, 5, {"LONG": 2}, {"LONG": 1}, "01-2", ((4, 2, 0.1, None),), 9
        ),
    ),
    (
        TRADE,
        TradeEntry(
            *(4, "BTC/USDT", "long", 1_700_000_100, 1_700_000_900, 1.0, 1.5, 2.0, 0.9),
            reason="roi",
            tag="LONG 0.45",
        ),
    ),
]


@pytest.mark.parametrize(("kind", "entry"), ENTRIES)
def test_an_entry_comes_back_as_it_was_with_its_kind_in_the_first_byte(
    kind: int, entry: Entry
) -> None:
    content = packed(entry)
    assert content[0] == kind == kind_of(content)
    assert unpacked(content) == entry


def test_the_kinds_are_those_of_files_that_exist() -> None:
    assert KINDS == (1, 2, 3, 4, 5)


@given(
    number=st.integers(0, 65_535),
    seconds=st.integers(0, 2**32 - 1),
    levels=st.tuples(*[st.integers(0, 65_535)] * 2),
    side=st.integers(0, 2),
    do_predict=st.integers(0, 2),
    blocked=st.booleans(),
)
def test_a_decision_keeps_every_field_in_twelve_bytes(
    number: int, seconds: int, levels: tuple[int, int], side: int, do_predict: int, blocked: bool
) -> None:
    short, long = (level / 65_535 for level in levels)
    decision = Decision(number, seconds, short, long, side, do_predict, blocked=blocked)
    assert len(decision.packed()) == 12
    assert Decision.unpacked(decision.packed()) == decision


def test_what_lies_outside_a_decisions_ranges_is_kept_at_their_ends() -> None:
    decision = Decision(1, 60, 1.2, -0.1, 0, 1, blocked=False)
    for do_predict, kept in ((-2, 0), (-1, 0), (3, 2), (9, 2)):
        found = Decision.unpacked(replace(decision, do_predict=do_predict).packed())
        assert (found.do_predict, found.short, found.long) == (kept, 1.0, 0.0)


@pytest.mark.parametrize("flags", [3, 3 << 2, 32, 64, 255])
def test_a_decision_with_flags_that_no_decision_has_is_refused(flags: int) -> None:
    content = Decision(1, 60, 0.5, 0.5, 0, 0, blocked=False).packed()
    with pytest.raises(EntryError, match=f"a decision with the flags {flags}"):
        unpacked(content[:-1] + bytes([flags]))


@pytest.mark.parametrize("length", [1, 11, 13])
def test_a_decision_of_another_length_is_refused(length: int) -> None:
    content = (Decision(1, 60, 0.5, 0.5, 0, 0, blocked=False).packed() + b"\0")[:length]
    with pytest.raises(EntryError, match=f"a decision of {length} bytes"):
        unpacked(content)


@pytest.mark.parametrize(("content", "kind"), [(b"", "none"), (b"\0", "0"), (b"\x06x", "6")])
def test_what_is_no_kind_is_refused(content: bytes, kind: str) -> None:
    for read in (kind_of, unpacked):
        with pytest.raises(EntryError, match=f"an entry of the kind {kind}"):
            read(content)


@pytest.mark.parametrize("kind", [GENESIS, CLAIM, OUTCOME, TRADE])
@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"format": "one"}'])
def test_a_rare_entry_that_cannot_be_read_is_refused_by_its_kind(
    kind: int, text: str | None
) -> None:
    body = b"not compressed" if text is None else zlib.compress(text.encode())
    with pytest.raises(EntryError, match=rf"an entry of the kind {kind} cannot be read \(.+\)$"):
        unpacked(bytes([kind]) + body)


def test_numbers_are_not_read_from_texts() -> None:
    content = json.dumps({"format": "1", "created": 5, "scoring": {}}).encode()
    with pytest.raises(EntryError):
        unpacked(bytes([GENESIS]) + zlib.compress(content))


def test_no_number_is_written_that_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="JSON"):
        packed(Genesis(1, 5, {"fee": float("nan")}))


def test_a_claim_is_of_its_model_and_rule_alone() -> None:
    claim = Claim("BTC/USDT", 3, 60, "a model", {}, "a rule", {})
    assert claim.is_of("a model", "a rule")
    assert not claim.is_of("a model", "another")
    assert not claim.is_of("another", "a rule")


def test_a_trade_is_told_from_one_of_another_database_by_its_date() -> None:
    trade = ENTRIES[-1][1]
    assert isinstance(trade, TradeEntry)
    assert trade.key == (4, 1_700_000_100)
    assert replace(trade, opened=1).key != trade.key != replace(trade, id=5).key


def test_a_text_of_many_numbers_is_kept_small() -> None:
    outcome = Outcome("BTC/USDT", 1, 2, 1440, {}, {}, "1" * 1440, ())
    assert len(packed(outcome)) < 200
