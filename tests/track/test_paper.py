"""Paper trades end where a label's barriers are touched, and stay between them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.track.paper import PaperTrade, after_costs, last_decision
from dualwindow.track.periods import Scoring, periods_of, prices_of
from tests.makers.track_records import BEGIN, STEP, candles_of, scoring_of

SCORING = scoring_of()
CANDLES = candles_of(5, SCORING.candles + 40)
PERIOD = BEGIN // SCORING.seconds


def by_hand(sides: np.ndarray, candles: pd.DataFrame, scoring: Scoring) -> list[PaperTrade]:
    """One candle after another, with no help."""
    config, trades, free = scoring.config, [], 0
    for row in range(scoring.candles):
        if row + config.future_window + 2 > scoring.candles or row < free or sides[row] == HOLD:
            continue
        entry, gross, end = candles["open"][row + 1], None, row + 1
        long = sides[row] == LONG
        for end in range(row + 1, row + 1 + config.future_window):
            high, low = candles["high"][end] / entry - 1.0, candles["low"][end] / entry - 1.0
            if (low <= -config.long_sl_pct) if long else (high >= config.short_sl_pct):
                gross = -config.long_sl_pct if long else -config.short_sl_pct
            elif (high >= config.long_tp_pct) if long else (low <= -config.short_tp_pct):
                gross = config.long_tp_pct if long else config.short_tp_pct
            if gross is not None:
                break
        if gross is None:
            end = row + 1 + config.future_window
            gross = (candles["open"][end] / entry - 1.0) * (1.0 if long else -1.0)
        free = end
        trades.append(PaperTrade(row, int(sides[row]), after_costs(gross, sides[row], 0.0005)))
    return trades


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
def test_trades_are_those_that_are_found_by_hand(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    sides = random.choice([SHORT, HOLD, LONG], SCORING.candles, p=[share / 2, 1 - share, share / 2])
    found = SCORING.score(sides, prices_of(CANDLES, PERIOD, SCORING))
    wanted = by_hand(sides, CANDLES, SCORING)
    assert [(trade.row, trade.side) for trade in found] == [
        (trade.row, trade.side) for trade in wanted
    ]
    assert np.allclose([trade.profit for trade in found], [trade.profit for trade in wanted])


@given(
    seed=st.integers(0, 99),
    unequal=st.booleans(),
    cost=st.floats(0.0, 0.01),
)
def test_no_profit_lies_beyond_its_bounds(seed: int, unequal: bool, cost: float) -> None:
    barriers = {"long_tp_pct": 0.008, "short_sl_pct": 0.003} if unequal else {}
    scoring = Scoring(scoring_of(**barriers).config, cost, STEP, can_short=True)
    sides = np.random.default_rng(seed).choice([SHORT, HOLD, LONG], scoring.candles)
    candles = candles_of(seed, scoring.candles)
    # A jump over both barriers, such as a candle after an outage.
    candles.loc[100:, ["open", "high", "low", "close"]] *= 1.5
    for trade in scoring.score(sides, prices_of(candles, PERIOD, scoring)):
        assert -scoring.bounds.loss - 1e-12 <= trade.profit <= scoring.bounds.profit + 1e-12


def test_nothing_outside_a_period_changes_its_score() -> None:
    sides = np.random.default_rng(1).choice([SHORT, HOLD, LONG], SCORING.candles)
    other = CANDLES.copy()
    other.loc[SCORING.candles :, ["open", "high", "low", "close"]] *= 2.0
    before = pd.concat([candles_of(8, 30, BEGIN - 30 * STEP), other], ignore_index=True)
    scored = [SCORING.score(sides, prices_of(own, PERIOD, SCORING)) for own in (CANDLES, before)]
    assert scored[0] == scored[1]
    assert scored[0]


def test_missing_candles_are_filled_as_freqtrade_fills_them() -> None:
    sides = np.random.default_rng(2).choice([SHORT, HOLD, LONG], SCORING.candles)
    gone = [50, 51, 52, 120]
    filled = CANDLES.copy()
    for row in gone:
        filled.loc[row, ["open", "high", "low", "close"]] = filled.loc[row - 1, "close"]
    holes = CANDLES.drop(index=gone).reset_index(drop=True)
    scored = [SCORING.score(sides, prices_of(own, PERIOD, SCORING)) for own in (filled, holes)]
    assert scored[0] == scored[1]


def test_a_short_is_no_trade_on_spot() -> None:
    scoring = scoring_of(can_short=False)
    sides = np.full(scoring.candles, SHORT)
    assert scoring.score(sides, prices_of(CANDLES, PERIOD, scoring)) == []


def test_a_backtests_periods_are_scored_one_by_one() -> None:
    candles = candles_of(3, 3 * SCORING.candles + 7, BEGIN - 7 * STEP)
    sides = np.random.default_rng(3).choice([SHORT, HOLD, LONG], len(candles))
    found = dict(periods_of(candles, sides, SCORING))
    # The seven candles before midnight are too late for a trade.
    assert list(found) == [PERIOD, PERIOD + 1, PERIOD + 2]
    for place, (period, trades) in enumerate(found.items()):
        first = 7 + place * SCORING.candles
        own = sides[first : first + SCORING.candles]
        assert trades == SCORING.score(own, prices_of(candles, period, SCORING))


@pytest.mark.parametrize(
    ("candles", "future", "counted"), [(1440, 120, 1319), (288, 12, 275), (10, 12, 0)]
)
def test_the_last_decision_whose_trade_ends_in_its_period(
    candles: int, future: int, counted: int
) -> None:
    assert last_decision(candles, scoring_of(future_window=future).config) == counted


@pytest.mark.parametrize("future", [1, 120, 240, 2000])
@pytest.mark.parametrize("step", [60, 300, 3600, 86_400])
def test_most_of_a_period_is_scored(future: int, step: int) -> None:
    scoring = Scoring(scoring_of(future_window=future).config, 0.0, step, can_short=True)
    assert scoring.seconds % 86_400 == 0
    assert last_decision(scoring.candles, scoring.config) >= 0.85 * scoring.candles
