"""Outcomes of a pair's decisions, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.data.features.windows import label_frame
from dualwindow.evaluation.evidence.day_clusters import day_ratio
from dualwindow.track.entries import Decision, Outcome
from dualwindow.track.evidence import ScoredTrade
from dualwindow.track.outcomes import (
    Made,
    Noted,
    PeriodFigures,
    by_pair,
    outcome_of,
    period_estimates,
    periods_of_outcomes,
)
from dualwindow.track.periods import prices_of
from tests.makers.track_records import BEGIN, STEP, candles_of, scoring_of

PAIR = "BTC/USDT:USDT"
SCORING = scoring_of()
PERIOD = BEGIN // SCORING.seconds
#: The period's candles that are not over with it, and some before and after it.
CANDLES = candles_of(3, SCORING.candles + 40, BEGIN - 20 * STEP)
RANDOM = np.random.default_rng(8)
SIDES = RANDOM.choice([SHORT, HOLD, LONG], SCORING.candles, p=[0.1, 0.8, 0.1])
VALID = RANDOM.random(SCORING.candles) < 0.9


def noted(row: int) -> Noted:
    decision = Decision(
        2, BEGIN + STEP * row, 0.2, 0.3, int(SIDES[row]), int(VALID[row]), blocked=False
    )
    return Noted(decision, None if row % 3 == 0 else row / 1000)


INSIDE = [noted(row) for row in range(SCORING.candles)]
OVER = [each.decision for each in INSIDE[: SCORING.candles - SCORING.config.future_window]]
MADE = Made(PAIR, 2, PERIOD, OVER, INSIDE)
FOUND = outcome_of(MADE, CANDLES, SCORING)


def labels_of(candles: pd.DataFrame) -> np.ndarray:
    return label_frame(candles, SCORING.config, STEP)[0]


def test_it_is_of_its_pair_and_period() -> None:
    assert (FOUND.pair, FOUND.number, FOUND.period) == (PAIR, 2, PERIOD)


def test_labels_are_those_of_training_on_the_candles_of_the_period() -> None:
    wanted = labels_of(CANDLES)[20 : 20 + len(OVER)]
    assert (wanted >= 0).all()
    assert FOUND.labels == "".join(map(str, wanted.tolist()))


def test_decisions_count_by_side_where_the_prediction_was_valid() -> None:
    sides = np.where(VALID, SIDES, HOLD)[: len(OVER)]
    labels = labels_of(CANDLES)[20 : 20 + len(OVER)]
    assert FOUND.predicted == np.count_nonzero(VALID[: len(OVER)])
    for name, code in (("SHORT", SHORT), ("LONG", LONG)):
        assert FOUND.fired[name] == np.count_nonzero(sides == code) > 5
        right = np.count_nonzero((sides == code) & (labels == code))
        assert FOUND.right[name] == right > 0
    assert set(FOUND.fired) == set(FOUND.right) == {"SHORT", "LONG"}


def test_paper_trades_have_the_promise_of_their_own_candle() -> None:
    sides = np.where(VALID, SIDES, HOLD)
    wanted = SCORING.score(sides, prices_of(CANDLES, PERIOD, SCORING))
    assert len(FOUND.trades) == len(wanted) > 5
    for found, trade in zip(FOUND.trades, wanted, strict=True):
        assert found == (trade.row, trade.side, trade.profit, INSIDE[trade.row].promised)
    assert {promised is None for *_, promised in FOUND.trades} == {True, False}


@pytest.mark.parametrize("candles", [None, CANDLES.iloc[:0]])
def test_without_candles_nothing_is_known_but_what_was_decided(
    candles: pd.DataFrame | None,
) -> None:
    found = outcome_of(MADE, candles, SCORING)
    assert found.labels == "-" * len(OVER)
    assert found.trades == ()
    assert found.right == {"SHORT": 0, "LONG": 0}
    assert (found.predicted, found.fired) == (FOUND.predicted, FOUND.fired)


def test_candles_before_the_first_decision_and_after_the_period_change_no_label() -> None:
    narrow = CANDLES.iloc[20 : 20 + SCORING.candles].reset_index(drop=True)
    assert outcome_of(MADE, narrow, SCORING).labels == FOUND.labels
    other = CANDLES.copy()
    other.loc[:19, ["open", "high", "low", "close"]] *= 1.1
    other.loc[20 + SCORING.candles :, ["open", "high", "low", "close"]] *= 0.9
    assert outcome_of(MADE, other, SCORING) == FOUND


def test_decisions_of_candles_that_are_not_there_have_an_unknown_label() -> None:
    hole = CANDLES.drop(index=120).reset_index(drop=True)
    found = outcome_of(MADE, hole, SCORING).labels
    future = SCORING.config.future_window
    # The candle itself, and all whose future it was in.
    assert [at for at, label in enumerate(found) if label == "-"] == [*range(100 - future, 101)]
    late = CANDLES[CANDLES["date"] > CANDLES["date"].iloc[-3]].reset_index(drop=True)
    assert set(outcome_of(MADE, late, SCORING).labels) == {"-"}


def test_a_pair_without_decisions_in_the_period_has_labels_alone() -> None:
    found = outcome_of(replace(MADE, inside=[]), CANDLES, SCORING)
    assert (found.labels, found.trades) == (FOUND.labels, ())
    found = outcome_of(replace(MADE, over=[]), CANDLES, SCORING)
    assert (found.labels, found.predicted, found.trades) == ("", 0, FOUND.trades)


def outcome(pair: str, *trades: tuple[float, float | None]) -> Outcome:
    rows = tuple((at, LONG, profit, promised) for at, (profit, promised) in enumerate(trades))
    return Outcome(pair, 0, 5, 0, {}, {}, "", rows)


def test_trades_are_kept_apart_by_pair() -> None:
    found = by_pair(
        [outcome("A", (0.1, 0.2), (0.3, None)), outcome("B"), outcome("C", (-1.0, 0.0))]
    )
    assert found == {
        "A": [ScoredTrade(0.1, 0.2), ScoredTrade(0.3, None)],
        "B": [],
        "C": [ScoredTrade(-1.0, 0.0)],
    }


OUTCOMES = {
    7: [outcome("A", (0.5, 0.25), (-0.25, None)), outcome("B", (0.125, 0.5))],
    5: [outcome("A")],
    6: [outcome("A")],
    4: [outcome("A", (1.0, None))],
}


def test_periods_with_a_trade_or_a_direction_are_counted_in_order() -> None:
    found = periods_of_outcomes(OUTCOMES, {6: (2, 3), 7: (1, 4)}, 100)
    assert found == [
        PeriodFigures(500, 1, 1.0, 0.0, 0, 0, 0, 0),
        PeriodFigures(700, 0, 0.0, 0.0, 0, 0, 2, 3),
        PeriodFigures(800, 3, 0.375, 0.75, 2, 0.625, 1, 4),
    ]


def test_estimates_are_of_directions_beyond_one_half_and_of_profits_beyond_the_promise() -> None:
    random = np.random.default_rng(2)
    periods = [
        PeriodFigures(
            *(
                at,
                9,
                0.0,
                float(random.normal()),
                int(random.integers(1, 5)),
                float(random.normal()),
            ),
            right=int(random.integers(0, 5)),
            directed=int(random.integers(5, 9)),
        )
        for at in range(30)
    ]
    found = period_estimates(periods)
    directed = np.array([each.directed for each in periods], float)
    right = np.array([each.right for each in periods], float)
    beyond = np.array([each.kept - each.promised for each in periods])
    counts = np.array([each.with_promise for each in periods], float)
    for name, totals, of in (
        ("direction", right - directed / 2, directed),
        ("beyond_promise", beyond, counts),
    ):
        wanted = day_ratio(totals, of)
        interval = wanted.interval()
        assert interval is not None
        assert found[name] == {"value": wanted.value, "low": interval.low, "high": interval.high}


def test_nothing_to_count_has_no_estimate_and_one_period_has_no_interval() -> None:
    empty = PeriodFigures(100, 2, 0.5, 0.0, 0, 0.0, 0, 0)
    assert (
        period_estimates([])
        == period_estimates([empty])
        == {
            "direction": None,
            "beyond_promise": None,
        }
    )
    one = period_estimates([replace(empty, right=3, directed=4, with_promise=2, kept=0.5)])
    assert one["direction"] == {"value": 0.25, "low": None, "high": None}
    assert one["beyond_promise"] == {"value": 0.25, "low": None, "high": None}
