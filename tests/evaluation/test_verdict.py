"""Three verdicts: an edge, none worth the fees, or too little data, and how much would do."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.stats import t

from dualwindow.evaluation.bootstrap import Interval
from dualwindow.evaluation.evidence.day_clusters import DayEstimate, day_mean
from dualwindow.evaluation.evidence.verdict import (
    EDGE,
    FEWEST_TRADES,
    NO_EDGE,
    UNCLEAR,
    Evidence,
    minimum_detectable,
    more_days,
    outcome_of,
)
from dualwindow.evaluation.evidence.words import verdict_sentences
from tests.makers.simulated_trades import KINDS, TradeKind

ABOVE, AROUND, BELOW = Interval(2.0, 1.0, 3.0), Interval(0.1, -1.0, 1.2), Interval(-2.0, -3.0, -1.0)


@pytest.mark.parametrize(
    ("profit", "edge", "trades", "outcome"),
    [
        (ABOVE, ABOVE, 100, EDGE),
        (ABOVE, AROUND, 100, UNCLEAR),
        (ABOVE, BELOW, 100, UNCLEAR),
        (ABOVE, None, 100, UNCLEAR),
        (AROUND, ABOVE, 100, UNCLEAR),
        (BELOW, ABOVE, 100, NO_EDGE),
        (BELOW, None, 100, NO_EDGE),
        (None, ABOVE, 100, UNCLEAR),
        (None, None, 0, UNCLEAR),
        (ABOVE, ABOVE, FEWEST_TRADES - 1, UNCLEAR),
        (BELOW, BELOW, FEWEST_TRADES - 1, UNCLEAR),
        (ABOVE, ABOVE, FEWEST_TRADES, EDGE),
        # A figure of nothing is neither a profit nor a loss.
        (Interval(1.0, 0.0, 2.0), ABOVE, 100, UNCLEAR),
        (ABOVE, Interval(1.0, 0.0, 2.0), 100, UNCLEAR),
        (Interval(-1.0, -2.0, 0.0), BELOW, 100, UNCLEAR),
    ],
)
def test_the_verdict_follows_from_the_intervals(
    profit: Interval | None, edge: Interval | None, trades: int, outcome: str
) -> None:
    assert outcome_of(profit, edge, trades) == outcome


def judged(kind: TradeKind, days: int, mean: float, random: np.random.Generator) -> Evidence:
    values, day = kind.draw(days, random, mean)
    profit = day_mean(values, day)
    return Evidence.of(profit, profit, len(values))


@pytest.mark.parametrize("days", [5, 12, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_without_an_edge_one_is_seldom_found(kind: str, days: int) -> None:
    random = np.random.default_rng(days)
    found = [judged(KINDS[kind], days, 0.0, random).outcome for _ in range(200)]
    # 2.5 % and three standard errors of 200.
    assert found.count(EDGE) / 200 < 0.059


@pytest.mark.parametrize("kind", KINDS)
def test_an_edge_of_the_detectable_size_is_found_four_times_in_five(kind: str) -> None:
    random = np.random.default_rng(0)
    detectable = np.mean(
        [judged(KINDS[kind], 60, 0.0, random).detectable or 0.0 for _ in range(50)]
    )
    found = [judged(KINDS[kind], 60, float(detectable), random).outcome for _ in range(200)]
    assert 0.7 < found.count(EDGE) / 200 < 0.92


@pytest.mark.parametrize("kind", KINDS)
def test_after_the_days_that_are_asked_for_most_verdicts_are_settled(kind: str) -> None:
    random, mean = np.random.default_rng(1), 0.15
    few = day_mean(*KINDS[kind].draw(20, random, mean))
    asked = more_days(replace(few, value=mean))
    assert asked is not None
    settled = [judged(KINDS[kind], 20 + asked, mean, random).outcome for _ in range(100)]
    assert settled.count(EDGE) > 60


@pytest.mark.parametrize("choices", [1, 3, 40])
def test_more_choices_ask_for_more(choices: int) -> None:
    estimate = DayEstimate(0.05, 0.03, 19.0, 20)
    one, many = Evidence.of(estimate, estimate, 500), Evidence.of(estimate, estimate, 500, choices)
    assert many == one.of_choices(choices)
    if choices > 1:
        assert (many.detectable or 0) > (one.detectable or 0)
        assert (many.more_days or 0) > (one.more_days or 0)
        assert f"{choices} choices of thresholds" in " ".join(verdict_sentences(many))


@pytest.mark.parametrize("value", [0.0, 1e-9, -1e-9])
def test_what_ten_years_would_not_settle_is_said_so(value: float) -> None:
    estimate = DayEstimate(value, 0.03, 19.0, 20)
    found = Evidence.of(estimate, estimate, 500)
    assert (found.outcome, found.more_days) == (UNCLEAR, None)
    assert "ten years more would not settle it" in verdict_sentences(found)[-1]


def test_nothing_can_be_detected_with_one_day() -> None:
    estimate = day_mean(np.array([1.0, 2.0]), np.array([3, 3]))
    assert minimum_detectable(estimate) is None
    assert more_days(estimate) is None
    assert verdict_sentences(Evidence.of(estimate, estimate, 2)) == [
        "Not enough data to tell: 2 trades on 1 day are too few for an interval."
    ]


@pytest.mark.parametrize(("mean", "outcome"), [(0.3, EDGE), (-0.3, NO_EDGE), (0.02, UNCLEAR)])
def test_the_sentences_name_verdict_interval_power_and_days(mean: float, outcome: str) -> None:
    estimate = DayEstimate(mean, 0.03, 39.0, 40)
    found = Evidence.of(estimate, estimate, 800)
    text = " ".join(verdict_sentences(found))
    assert text.startswith(outcome.capitalize())
    assert re.search(
        rf"{re.escape(f'{mean:+.3f}')} % \(95 % interval .* %; 800 trades on 40 days\)", text
    )
    assert f"{found.detectable:.3f} % a trade after fees would be found four times in five" in text
    assert ("would settle it" in text) == (outcome == UNCLEAR)
    assert json.loads(json.dumps(asdict(found), allow_nan=False))["outcome"] == outcome


@pytest.mark.parametrize("choices", [1, 9])
def test_a_verdict_holds_the_interval_and_the_power_of_its_choices(choices: int) -> None:
    profit, edge = DayEstimate(0.01, 0.02, 19.0, 20), DayEstimate(0.05, 0.01, 30.0, 31)
    found, interval = Evidence.of(profit, edge, 77, choices), profit.interval(choices)
    assert interval is not None
    assert (found.low, found.high) == (interval.low, interval.high)
    assert (found.profit, found.edge, found.trades, found.choices) == (profit, edge, 77, choices)
    # Student's t of 95 % on both sides, shared among the choices, and of 80 % on one.
    multiple = t.ppf(1 - 0.05 / choices / 2, 19.0) + t.ppf(0.8, 19.0)
    assert found.detectable == pytest.approx(0.02 * multiple)
    assert found.detectable == minimum_detectable(profit, choices)
    one = profit.interval()
    assert one is not None
    width = (interval.high - interval.low) / (one.high - one.low)
    assert found.wider_by == pytest.approx(width)
    assert (found.wider_by > 1.0) == (choices > 1)
    assert Evidence.of(profit, edge, 77).of_choices(choices) == found


def test_an_edge_is_unclear_where_that_of_the_choices_is_not_above_nothing() -> None:
    profit, edge = DayEstimate(0.2, 0.02, 99.0, 100), DayEstimate(0.05, 0.02, 99.0, 100)
    assert [Evidence.of(profit, edge, 900, choices).outcome for choices in (1, 9)] == [
        EDGE,
        UNCLEAR,
    ]
    assert Evidence.of(profit, None, 900).outcome == UNCLEAR


def test_a_settled_verdict_asks_for_no_more_days() -> None:
    for mean in (0.3, -0.3):
        assert Evidence.of(*[DayEstimate(mean, 0.03, 39.0, 40)] * 2, trades=800).more_days == 0
    unclear = Evidence.of(*[DayEstimate(0.05, 0.03, 39.0, 40)] * 2, trades=800)
    assert unclear.more_days == more_days(DayEstimate(0.05, 0.03, 39.0, 40))


@pytest.mark.parametrize("error", [None, 0.0])
def test_without_an_error_no_interval_is_wider_than_another(error: float | None) -> None:
    found = Evidence.of(*[DayEstimate(0.1, error, 5.0, 6)] * 2, trades=800, choices=9)
    assert found.wider_by == 1.0
    assert more_days(found.profit) is None
    assert found.more_days in (None, 0)


@pytest.mark.parametrize("value", [0.01, 0.03, -0.02])
@pytest.mark.parametrize("choices", [1, 7])
def test_so_many_days_more_have_the_power_and_one_less_has_not(value: float, choices: int) -> None:
    estimate = DayEstimate(value, 0.02, 19.0, 20)
    left = more_days(estimate, choices)
    assert left is not None

    def needed(days: int) -> float:
        """Days with which a figure of this size has the power that so many days have."""
        freedom = 19.0 * days / 20
        multiple = t.ppf(1 - 0.05 / choices / 2, freedom) + t.ppf(0.8, freedom)
        return float(20 * (multiple * 0.02 / abs(value)) ** 2)

    assert needed(20 + left) <= 20 + left
    assert needed(20 + left - 1) > 20 + left - 1


def test_ten_years_are_the_most_that_is_asked_for() -> None:
    years = [more_days(DayEstimate(value, 0.02, 19.0, 20)) for value in (0.0043, 0.0040)]
    assert years[0] is not None
    assert 3000 < years[0] <= 3650
    assert years[1] is None


def test_a_figure_that_is_clear_already_needs_no_further_day() -> None:
    assert more_days(DayEstimate(5.0, 0.02, 19.0, 20)) == 0
