"""The cause of a difference, of facts alone, and the parity figure."""

from __future__ import annotations

from typing import Any

import pytest

from dualwindow.bot.audit.differences import Audit, DecisionFacts, Difference, cause_of

FACTS: list[tuple[str, dict[str, Any]]] = [
    ("restart", {"looked": False, "started": "stopped and started"}),
    ("skipped candle", {"looked": False, "missing": True}),
    ("skipped candle", {"looked": False}),
    ("restart", {"first": True}),
    ("late candle", {"waited": "it waited"}),
    ("model of another time", {"expired": True}),
    ("model of another time", {"own_model": "another"}),
    ("other settings", {"own_rule": "another"}),
    ("corrected candle", {"corrected": "another close"}),
    ("not known", {}),
]


@pytest.mark.parametrize(("cause", "facts"), FACTS)
def test_a_cause_is_named_with_words(cause: str, facts: dict[str, Any]) -> None:
    found, words = cause_of(DecisionFacts(**facts))
    assert found == cause
    assert words


@pytest.mark.parametrize("at", range(len(FACTS) - 1))
def test_of_several_causes_the_one_that_came_first_counts(at: int) -> None:
    together: dict[str, Any] = {}
    for _, facts in FACTS[at + 1 :]:
        together |= {name: value for name, value in facts.items() if name != "looked"}
    if at < 3:
        together.pop("started", None)
    assert cause_of(DecisionFacts(**{**together, **FACTS[at][1]}))[0] == FACTS[at][0]


def difference(pair: str, second: int, cause: str = "restart") -> Difference:
    return Difference(pair, second, "decision", cause, "HOLD", "LONG", "words")


def test_a_candle_counts_once_however_many_differences_it_has() -> None:
    found = [difference("BTC/USDT", 60), difference("BTC/USDT", 60, "spread")]
    found += [difference("ETH/USDT", 60)]
    audit = Audit(10, found)
    assert audit.differing == 2
    assert audit.parity == pytest.approx(0.8)
    assert audit.causes == {"restart": 2, "spread": 1}
    content = audit.to_dict()
    assert content["parity"] == audit.parity
    assert content["differences"][0]["second"] == "1970-01-01 00:01"


def test_without_differences_the_parity_is_one() -> None:
    assert Audit(10, []).parity == 1.0
