"""Twelve causes, each planted alone, are named; gates close in their order and never wrongly."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from dualwindow.bot.why.facts import (
    BotFacts,
    CandleFacts,
    Evidence,
    Limit,
    LockFacts,
    MarketFacts,
    ModelFacts,
    OtherGap,
    PredictionFacts,
    TradingFacts,
)
from dualwindow.bot.why.gates import ENTERED, GATES, NOT_KNOWN, answer_of
from dualwindow.columns import HOLD, LONG, SHORT

SECOND = 1_750_000_020
LIMITS = (Limit(SHORT, 0.2, 0.55), Limit(LONG, 0.6, 0.55))
DECIDED = PredictionFacts(usable=True, decision=LONG, limits=LIMITS, rule="LONG 0.55")
UNUSABLE = PredictionFacts(usable=False)
FREE = TradingFacts(slots=(0, 2), stake=(900.0, 100.0))
#: A candle whose every gate is open but for the order, of a bot.
OPEN = CandleFacts(
    "BTC/USDT:USDT",
    SECOND,
    60,
    market=MarketFacts(covered=(0, 2 * SECOND)),
    model=ModelFacts(trained_until=SECOND - 7200, age_limit=48.0),
    prediction=DECIDED,
    bot=BotFacts(awaited=""),
    trading=replace(FREE, entered="long trade 1"),
)


def market(**changes: Any) -> dict[str, Any]:
    return {"market": replace(OPEN.market, **changes), "prediction": UNUSABLE}


def trading(**changes: Any) -> dict[str, Any]:
    return {"trading": replace(FREE, **changes)}


GAP = OtherGap("ETH/USDT:USDT 1m", True, SECOND - 600, "has a hole")
RUN = (SECOND - 3600, SECOND - 600)
#: Cause to the facts that it changes, in the order of the gates.
CAUSES: list[tuple[str, dict[str, Any]]] = [
    ("hole", {"market": replace(OPEN.market, missing=True), "prediction": None}),
    ("impossible candle", market(impossible="low -1")),
    ("bot not running", {"bot": BotFacts(looked=False), "prediction": None}),
    (
        "first candle after a start",
        {"bot": BotFacts(first=True, awaited=""), "prediction": UNUSABLE},
    ),
    ("late candle", {"bot": BotFacts(awaited="the candle of 12:00"), "prediction": UNUSABLE}),
    ("late candle", {"bot": BotFacts(awaited="", arrived=True), "prediction": UNUSABLE}),
    ("hole", {"bot": BotFacts(awaited="12:00", never_came=True), "prediction": UNUSABLE}),
    ("impossible candle", market(broken_by=(SECOND - 600, "low -1"))),
    ("hole", market(outage=RUN, outage_missing=3)),
    ("flat run", market(outage=RUN)),
    ("warm-up", market(warm_up=(300, 120))),
    ("correlated pair", market(other=GAP)),
    ("other timeframe", market(other=replace(GAP, is_pair=False))),
    ("feature", {"prediction": UNUSABLE}),
    ("no model", {"model": ModelFacts(none_because="none yet"), "prediction": None}),
    ("expired model", {"model": replace(OPEN.model, expired=True), "prediction": UNUSABLE}),
    ("not calibrated", {"prediction": replace(DECIDED, problem="no calibration")}),
    ("threshold", {"prediction": replace(DECIDED, decision=HOLD)}),
    ("evidence", {"evidence": Evidence(blocks=True, verdict="worse than promised")}),
    ("no shorts", {"prediction": replace(DECIDED, decision=SHORT), "can_short": False}),
    ("open position", trading(open_position="a long trade")),
    ("locked pair", trading(lock=LockFacts("locked until 13:00"))),
    ("all pairs locked", trading(lock=LockFacts("locked until 13:00", of_all=True))),
    ("protection", trading(lock=LockFacts("locked until 13:00", protection="MaxDrawdown"))),
    ("max_open_trades", trading(slots=(2, 2))),
    ("no stake", trading(stake=(50.0, 100.0))),
    ("no stake", trading(stake_problem="Available balance is lower than stake amount")),
    ("unfilled order", trading(unfilled="removed")),
    ("refused", trading(refused="no")),
    ("end of the backtest", trading(end=True)),
    ("refused", trading()),
]


def with_changes(*changes: dict[str, Any]) -> CandleFacts:
    """The open candle as a bot found it that entered nothing."""
    facts = replace(OPEN, trading=FREE)
    for change in changes:
        facts = replace(facts, **change)
    return facts


def test_an_open_candle_becomes_a_trade() -> None:
    answer = answer_of(OPEN)
    assert answer.cause == ENTERED
    assert answer.closing is None
    assert {gate.state for gate in answer.gates} == {"open"}


@pytest.mark.parametrize(("cause", "change"), CAUSES)
def test_a_planted_cause_is_named_with_what_would_have_had_to_differ(
    cause: str, change: dict[str, Any]
) -> None:
    answer = answer_of(with_changes(change))
    assert answer.cause == cause
    assert answer.closing is not None
    assert answer.closing.words
    assert answer.closing.needed
    assert len(answer.gates) == len(GATES)
    # Nothing before it closed, so it is the first.
    at = answer.gates.index(answer.closing)
    assert all(gate.state != "closed" for gate in answer.gates[:at])


def test_the_issues_twelve_causes_all_have_a_gate() -> None:
    names = {cause for cause, _ in CAUSES}
    assert names >= {
        "hole",
        "flat run",
        "late candle",
        "expired model",
        "threshold",
        "locked pair",
        "no stake",
        "open position",
        "warm-up",
        "impossible candle",
        "correlated pair",
        "evidence",
    }


TRADING = [entry for entry in CAUSES if set(entry[1]) == {"trading"}]
BEFORE = [entry for entry in CAUSES if not entry[1].keys() & {"trading", "can_short"}]


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.product(BEFORE, TRADING)), ids=lambda each: each[0]
)
def test_of_two_causes_the_one_whose_gate_stands_first_counts(
    first: tuple[str, dict[str, Any]], second: tuple[str, dict[str, Any]]
) -> None:
    assert answer_of(with_changes(first[1], second[1])).cause == first[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"missing": True},
        {"impossible": "low -1"},
        {"broken_by": (SECOND, "low -1")},
        {"outage": RUN, "outage_missing": 1},
        {"warm_up": (300, 1)},
        {"other": GAP},
    ],
)
def test_candles_of_now_do_not_speak_against_a_prediction_that_was_made(
    changes: dict[str, Any],
) -> None:
    """The files may have been downloaded again; the record of the time counts."""
    facts = replace(OPEN, market=replace(OPEN.market, **changes))
    assert answer_of(facts).cause == ENTERED
    assert answer_of(replace(facts, trading=FREE)).cause == "refused"


def test_without_records_nothing_is_claimed() -> None:
    facts = replace(OPEN, trading=None, no_trading="there is no database")
    answer = answer_of(facts)
    assert answer.cause == NOT_KNOWN
    assert answer.closing is None
    unknown = [gate.name for gate in answer.gates if gate.state == "not known"]
    assert unknown == ["position", "lock", "max_open_trades", "stake", "order"]
    earlier = replace(OPEN, prediction=UNUSABLE, bot=BotFacts(), trading=FREE)
    assert answer_of(earlier).cause == "not predicted"


def test_a_threshold_tells_how_much_was_missing_and_which_mode_fires() -> None:
    hold = PredictionFacts(
        usable=True,
        decision=HOLD,
        limits=(Limit(SHORT, 0.2, 0.7), Limit(LONG, 0.5, 0.7)),
        rule="conservative",
        modes=("aggressive",),
    )
    closing = answer_of(with_changes({"prediction": hold})).closing
    assert closing is not None
    assert closing.needed.startswith("0.200 more for the nearest side (LONG 0.500 of 0.700)")
    assert "confidence_mode aggressive fires" in closing.needed
    assert closing.to_dict()["cause"] == "threshold"


def test_an_order_that_was_made_opens_the_gates_before_it() -> None:
    """An entry may begin after a position has ended within the candle."""
    change = trading(open_position="a trade", lock=("locked", False), unfilled="taken back")
    assert answer_of(with_changes(change)).cause == "unfilled order"


@pytest.mark.parametrize(
    ("changes", "name", "state", "words"),
    [
        ({"trading": replace(FREE, slots=None)}, "max_open_trades", "open", "not limited"),
        (
            {"trading": replace(FREE, stake=None)},
            "stake",
            "not known",
            "the balance of that moment is not known",
        ),
        ({"bot": BotFacts(looked=None)}, "bot", "not known", "was not written down"),
        (
            {"market": MarketFacts(known=False), "prediction": UNUSABLE},
            "window",
            "not known",
            "there is no candle file to look into; download the pair",
        ),
    ],
)
def test_a_gate_that_nothing_is_known_of_closes_nothing(
    changes: dict[str, Any], name: str, state: str, words: str
) -> None:
    answer = answer_of(with_changes(changes))
    (gate,) = (gate for gate in answer.gates if gate.name == name)
    assert gate.state == state
    assert words in gate.words
    assert answer.closing is None or answer.closing.name != name
