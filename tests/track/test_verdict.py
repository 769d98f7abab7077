"""A verdict begins with the candles after its period, and words mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from dualwindow.track.evidence import ScoredTrade
from dualwindow.track.verdict import (
    AS_PROMISED,
    EDGE_FOUND,
    TOO_EARLY,
    WORDS,
    WORSE,
    Demand,
    Timeline,
    Verdict,
    blocked,
)
from tests.makers.track_records import BEGIN, scoring_of

SCORING = scoring_of()
FIRST = BEGIN // SCORING.seconds


def timeline_of(wins: float, promised: float | None, days: int = 120) -> Timeline:
    """Two pairs of five trades a day each, of which a share wins."""
    random, timeline = np.random.default_rng(1), Timeline(SCORING)
    for day in range(days):
        won = random.random((2, 5)) < wins
        timeline.add(
            FIRST + day,
            {
                str(pair): [
                    ScoredTrade(SCORING.bounds.profit if each else -SCORING.bounds.loss, promised)
                    for each in own
                ]
                for pair, own in enumerate(won)
            },
        )
    return timeline


@pytest.mark.parametrize(
    ("wins", "promised", "code"),
    [
        (0.7, 0.001, EDGE_FOUND),
        (0.7, None, EDGE_FOUND),
        (0.4, -0.0005, AS_PROMISED),
        (0.4, -0.0012, AS_PROMISED),
        (0.4, 0.001, WORSE),
        (0.7, 0.0028, WORSE),
        (0.4, None, TOO_EARLY),
    ],
)
def test_a_word_for_every_record(wins: float, promised: float | None, code: int) -> None:
    verdict = timeline_of(wins, promised).now
    assert verdict.code == code
    assert verdict.text.startswith(WORDS[code])
    mean = wins * SCORING.bounds.profit - (1 - wins) * SCORING.bounds.loss
    assert verdict.interval[0] < mean < verdict.interval[1]


def test_a_few_days_are_too_early() -> None:
    assert timeline_of(0.6, 0.0005, days=2).now.code == TOO_EARLY
    assert Timeline(SCORING).now.text == "too early to tell: no paper trade has ended"


def test_a_verdict_holds_from_the_tenth_candle_after_its_period() -> None:
    timeline = timeline_of(1.0, 0.001, days=20)
    dates = BEGIN + SCORING.candle_seconds * np.arange(25 * SCORING.candles)
    codes = timeline.at(dates)
    changed = int(np.flatnonzero(codes == EDGE_FOUND)[0])
    assert changed % SCORING.candles == 10
    assert (codes[changed:] == EDGE_FOUND).all()
    assert timeline.at(dates[changed - 1 : changed + 1]).tolist() == [
        codes[changed - 1],
        EDGE_FOUND,
    ]


def test_periods_come_in_order() -> None:
    timeline = timeline_of(0.5, None, days=2)
    with pytest.raises(ValueError, match="does not follow"):
        timeline.add(FIRST, {})
    with pytest.raises(ValueError, match="does not follow"):
        timeline.add(FIRST + 1, {})
    timeline.add(FIRST + 2, {})


@pytest.mark.parametrize(
    ("demand", "open_to"),
    [
        (False, {WORSE, TOO_EARLY, AS_PROMISED, EDGE_FOUND}),
        (True, {TOO_EARLY, AS_PROMISED, EDGE_FOUND}),
        ("strict", {EDGE_FOUND}),
    ],
)
def test_what_a_demand_lets_through(demand: Demand, open_to: set[int]) -> None:
    codes = np.array(list(WORDS))
    assert set(codes[~blocked(codes, demand)].tolist()) == open_to


def test_what_was_let_through_is_told_from_every_change_of_the_verdict_on() -> None:
    timeline = timeline_of(1.0, 0.001, days=20)
    dates = BEGIN + SCORING.candle_seconds * np.arange(25 * SCORING.candles)
    codes = timeline.at(dates)
    assert len(set(codes.tolist())) > 1
    changes = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist()]
    for demand in (False, True, "strict"):
        spans = timeline.spans(demand)
        assert len(spans) == len(changes)
        assert spans[0].first == 0
        for span, at in zip(spans, changes, strict=True):
            assert at == 0 or span.first == dates[at]
            assert span.blocks == blocked(codes[at : at + 1], demand)[0]
            assert span.verdict == WORDS[int(codes[at])]


def test_before_the_first_period_counts_it_is_too_early() -> None:
    timeline = timeline_of(1.0, 0.001, days=1)
    counted = SCORING.counts_from(FIRST)
    assert timeline.at(np.array([0, counted - 1])).tolist() == [TOO_EARLY] * 2
    assert [span.first for span in Timeline(SCORING).spans("strict")] == [0]


@pytest.mark.parametrize(("promise", "text"), [(0.0005, "promised +0.050 %"), (None, "unknown")])
def test_the_line_of_a_verdict_has_its_figures_in_percent(promise: float | None, text: str) -> None:
    verdict = Verdict(AS_PROMISED, 9, 40, 0.0003, (-0.0004, 0.0011), promise)
    assert verdict.text.startswith("as promised: +0.030 % a trade")
    assert "-0.040 % to +0.110 %" in verdict.text
    assert text in verdict.text
    assert "40 paper trades" in verdict.text
    none = Verdict(TOO_EARLY, 0, 0, None, (-1.0, 1.0), None)
    assert none.text == "too early to tell: no paper trade has ended"


def test_figures_of_a_verdict_are_those_of_its_evidence() -> None:
    timeline = timeline_of(0.6, 0.0005, days=30)
    found = timeline.now
    assert (found.periods, found.trades) == (30, 300)
    assert found.promise == pytest.approx(0.0005)
    assert found.mean is not None
    assert -SCORING.bounds.loss < found.interval[0] < found.mean < found.interval[1]
