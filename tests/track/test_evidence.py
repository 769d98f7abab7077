"""Evidence is seldom wrong, however often it is looked at, and it can be lost again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.track.evidence import ALPHA, Evidence, ScoredTrade, Trades
from studies import track
from studies.track import BOUNDS, FAIR, KINDS, PROMISED, TOLERANCE, day_of

SIDE = st.floats(-BOUNDS.loss, BOUNDS.profit)


def days(kind: str, wins: float, count: int, seed: int = 0) -> list[Trades]:
    random = np.random.default_rng(seed)
    return [day_of(kind, random, wins, PROMISED) for _ in range(count)]


def new() -> Evidence:
    return Evidence(BOUNDS, TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bot_without_an_edge_is_seldom_told_to_have_one_ever(kind: str) -> None:
    """Of 40 bots one is expected at most; the study has 500."""
    assert sum(track.ever_found(kind, seed, days=120) for seed in range(40)) <= 3


@pytest.mark.parametrize("kind", list(KINDS)[:2])
def test_an_edge_that_ends_is_noticed_and_one_that_lasts_is_not(kind: str) -> None:
    """The study has 200 bots."""
    ends = [track.noticed_after(kind, seed, alive=40, dead=220) for seed in range(20)]
    assert sum(early for early, _ in ends) <= 2
    within = sum(end is not None and end <= track.NOTICED_WITHIN for _, end in ends)
    assert within >= 0.9 * len(ends)


def test_the_interval_holds_the_mean_at_every_time() -> None:
    """Whatever is earned on average: also where a day ends with its first win."""
    missed = 0
    for seed in range(60):
        kind, wins = list(KINDS)[seed % len(KINDS)], (0.3, 0.4, 0.6)[seed % 3]
        mean, evidence = wins * track.WON + (1.0 - wins) * track.LOST, new()
        inside = True
        for trades in days(kind, wins, 60, seed):
            evidence.update(trades)
            low, high = evidence.interval
            inside &= low <= mean <= high
        missed += not inside
    assert missed <= 60 * 2 * ALPHA + 3


def test_a_mean_of_day_means_would_be_wrong_where_a_day_ends_with_its_first_win() -> None:
    """Why bets are made on trades, and not on means over as many as there happen to be."""
    means = [
        np.mean([trade.profit for trade in trades["0"]])
        for trades in days("a day ends with its first win", FAIR, 2000)
    ]
    assert np.mean(means) > 0.001


def test_a_verdict_that_no_longer_holds_is_taken_back() -> None:
    evidence = new()
    found, worse = [], []
    for wins, count in ((0.6, 60), (0.3, 60), (0.6, 60)):
        for trades in days("independent trades", wins, count):
            evidence.update(trades)
        found.append(evidence.is_edge_found)
        worse.append(evidence.is_worse)
    assert (found, worse) == ([True, False, True], [False, True, False])


def test_nothing_is_known_without_a_trade() -> None:
    evidence = new()
    evidence.update({})
    evidence.update({"0": []})
    assert (evidence.periods, evidence.is_edge_found, evidence.is_worse) == (0, False, False)
    assert evidence.interval == (-BOUNDS.loss, BOUNDS.profit)
    assert evidence.promise is None


def test_trades_without_a_promise_are_never_worse_than_it() -> None:
    evidence = new()
    for _ in range(100):
        evidence.update({"0": [ScoredTrade(-BOUNDS.loss, None)] * 5})
    assert not evidence.is_worse
    assert evidence.interval[1] < 0.0


TRADES = st.lists(st.tuples(SIDE, st.none() | st.floats(-1.0, 1.0)), max_size=9)


@given(st.lists(st.dictionaries(st.sampled_from("ABC"), TRADES), max_size=9))
def test_any_trades_between_the_bounds_can_be_added(
    periods: list[dict[str, list[tuple[float, float | None]]]],
) -> None:
    evidence = new()
    for trades in periods:
        evidence.update(
            {pair: [ScoredTrade(*own) for own in all_] for pair, all_ in trades.items()}
        )
        low, high = evidence.interval
        assert -BOUNDS.loss <= low <= high <= BOUNDS.profit
        assert isinstance(evidence.is_kept, bool)


def test_bounds_of_either_side_hold_for_all_periods() -> None:
    """A hundred periods of the worst, and of the best, that can happen."""
    for profit in (-BOUNDS.loss, BOUNDS.profit):
        evidence = new()
        for _ in range(100):
            evidence.update({"0": [ScoredTrade(profit, 0.0)] * 12})
        assert (evidence.is_edge_found, evidence.is_worse) == (profit > 0.0, profit < 0.0)
