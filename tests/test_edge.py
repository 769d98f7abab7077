from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.columns import HOLD, LONG, SHORT, UNKNOWN
from dualwindow.edge import Trade, edge_of, preferred_sides, simulate
from dualwindow.settings import TrainingConfig
from dualwindow.windows import utc_seconds
from tests.markets import candle_frames, random_candles

FUTURE = 4
CONFIG = TrainingConfig(future_window=FUTURE)


# --- the slow, obviously right version -----------------------------------------------------------


def slow_outcome(
    candles: list[tuple[float, float, float]],
    row: int,
    side: int,
    config: TrainingConfig,
    fee: float,
) -> tuple[float, int]:
    entry = candles[row + 1][0]
    for at in range(row + 1, row + 1 + config.future_window):
        _, high, low = candles[at]
        if side == LONG:
            stopped = low <= entry * (1 - config.long_sl_pct)
            won = high >= entry * (1 + config.long_tp_pct)
            factor = 1 - config.long_sl_pct if stopped else 1 + config.long_tp_pct
        else:
            stopped = high >= entry * (1 + config.short_sl_pct)
            won = low <= entry * (1 - config.short_tp_pct)
            factor = 1 + config.short_sl_pct if stopped else 1 - config.short_tp_pct
        if stopped or won:
            break
    else:
        at = row + 1 + config.future_window
        factor = candles[at][0] / entry
    gain = factor - 1 if side == LONG else 1 - factor
    # Both fees are fractions of the price at which they are paid.
    return gain - fee - fee * factor, at


def slow_trades(
    candles: pd.DataFrame, sides: list[int], config: TrainingConfig, fee: float
) -> list[Trade]:
    prices = list(zip(candles["open"], candles["high"], candles["low"], strict=True))
    trades: list[Trade] = []
    for row, side in enumerate(sides):
        busy = bool(trades) and row < trades[-1].exit_row
        if side not in (SHORT, LONG) or busy or row + 1 + config.future_window >= len(prices):
            continue
        chosen, exit_row = slow_outcome(prices, row, side, config, fee)
        opposite, _ = slow_outcome(prices, row, {SHORT: LONG, LONG: SHORT}[side], config, fee)
        trades.append(Trade(row, exit_row, chosen, opposite))
    return trades


def assert_same(found: list[Trade], wanted: list[Trade]) -> None:
    assert [(trade.row, trade.exit_row) for trade in found] == [
        (trade.row, trade.exit_row) for trade in wanted
    ]
    for trade, slow in zip(found, wanted, strict=True):
        assert trade.chosen == pytest.approx(slow.chosen, abs=1e-14)
        assert trade.other == pytest.approx(slow.other, abs=1e-14)


barrier = st.sampled_from([0.005, 0.01, 0.02])


@given(
    data=st.data(),
    candles=candle_frames(holes=False),
    changes=st.fixed_dictionaries(
        {
            "future_window": st.integers(1, 8),
            "long_tp_pct": barrier,
            "long_sl_pct": barrier,
            "short_tp_pct": barrier,
            "short_sl_pct": barrier,
        }
    ),
    fee=st.sampled_from([0.0, 0.0005, 0.01]),
)
@settings(max_examples=200)
def test_trades_equal_the_candle_by_candle_version(
    data: st.DataObject, candles: pd.DataFrame, changes: dict[str, Any], fee: float
) -> None:
    codes = st.sampled_from([SHORT, HOLD, LONG, UNKNOWN])
    sides = data.draw(st.lists(codes, min_size=len(candles), max_size=len(candles)))
    config = TrainingConfig.from_parameters(changes)
    found = simulate(candles, np.array(sides, np.int8), config, fee)
    assert_same(found, slow_trades(candles, sides, config, fee))


def test_trades_on_a_random_walk_equal_the_candle_by_candle_version() -> None:
    candles = random_candles(3000, 1, volatility=0.002)
    sides = np.random.default_rng(0).integers(0, 3, 3000).astype(np.int8)
    config = TrainingConfig(future_window=30)
    found = simulate(candles, sides, config)
    assert_same(found, slow_trades(candles, sides.tolist(), config, 0.0005))
    assert len(found) > 100


# --- by hand -------------------------------------------------------------------------------------


def market(*candles: tuple[float, float, float], rows: int = 12) -> pd.DataFrame:
    """Calm candles at 100, of which (open, high, low) of the first ones are given."""
    calm = (100.0, 100.0, 100.0)
    table = [*candles, *[calm] * (rows - len(candles))]
    return pd.DataFrame(table, columns=["open", "high", "low"])


def asks(*rows: int, side: int = LONG, count: int = 12) -> np.ndarray[Any, Any]:
    sides = np.full(count, HOLD, np.int8)
    sides[list(rows)] = side
    return sides


CALM = (100.0, 100.0, 100.0)


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_both_barriers_in_one_candle_count_as_the_stop_loss_for_both_sides(side: int) -> None:
    candles = market(CALM, (100.0, 101.0, 99.0))
    (trade,) = simulate(candles, asks(0, side=side), CONFIG, fee=0.0)
    assert trade.chosen == pytest.approx(-0.005)
    assert trade.other == pytest.approx(-0.005)
    assert trade.exit_row == 1


@pytest.mark.parametrize(
    ("candles", "side", "chosen", "other", "exit_row"),
    [
        ([CALM, CALM, (100.0, 101.0, 100.0)], LONG, 0.01, -0.005, 2),
        ([CALM, CALM, (100.0, 100.0, 99.0)], SHORT, 0.01, -0.005, 2),
        ([CALM, CALM, (100.0, 100.0, 99.5)], LONG, -0.005, 0.0, 2),
        ([CALM, (100.0, 101.0, 100.0), (100.0, 100.0, 99.0)], LONG, 0.01, -0.005, 1),
        # Nothing is touched: out at the open of the candle after the future window.
        ([CALM] * 5 + [(100.2, 100.2, 100.2)], LONG, 0.002, -0.002, 5),
        # A touch in the candle after the window comes too late.
        ([CALM] * 5 + [(100.0, 102.0, 100.0)], LONG, 0.0, 0.0, 5),
        # The entry is the open of the next candle, and that candle counts.
        ([CALM, (200.0, 202.0, 200.0)], LONG, 0.01, -0.005, 1),
        # The signal's own candle does not.
        ([(100.0, 105.0, 95.0)], LONG, 0.0, 0.0, 5),
    ],
)
def test_a_trade_without_fees_is_worth_its_barrier(
    candles: list[tuple[float, float, float]],
    side: int,
    chosen: float,
    other: float,
    exit_row: int,
) -> None:
    (trade,) = simulate(market(*candles), asks(0, side=side), CONFIG, fee=0.0)
    assert trade.row == 0
    assert trade.exit_row == exit_row
    assert trade.chosen == pytest.approx(chosen, abs=1e-12)
    assert trade.other == pytest.approx(other, abs=1e-12)


@pytest.mark.parametrize(("side", "factor"), [(LONG, 1.01), (SHORT, 0.99)])
def test_fees_are_paid_on_the_way_in_and_on_the_way_out(side: int, factor: float) -> None:
    candles = market(CALM, (100.0, 101.0, 100.0) if side == LONG else (100.0, 100.0, 99.0))
    (trade,) = simulate(candles, asks(0, side=side), CONFIG, fee=0.001)
    assert trade.chosen == pytest.approx(0.01 - 0.001 * (1 + factor), abs=1e-12)
    (usual,) = simulate(candles, asks(0, side=side), CONFIG)
    assert usual.chosen == pytest.approx(0.01 - 0.0005 * (1 + factor), abs=1e-12)


def test_there_is_one_position_at_a_time() -> None:
    trades = simulate(market(rows=20), asks(*range(20), count=20), CONFIG)
    # Filled at row 1, out at row 5; the next signal that is heard is that of row 5.
    assert [(trade.row, trade.exit_row) for trade in trades] == [(0, 5), (5, 10), (10, 15)]


def test_a_trade_that_would_outlive_the_candles_is_not_made() -> None:
    candles = market(rows=12)
    assert len(simulate(candles, asks(6), CONFIG)) == 1
    assert simulate(candles, asks(7), CONFIG) == []


def test_only_short_and_long_trade() -> None:
    assert simulate(market(), np.full(12, HOLD, np.int8), CONFIG) == []
    assert simulate(market(), np.full(12, UNKNOWN, np.int8), CONFIG) == []
    assert simulate(market(rows=0), np.array([], np.int8), CONFIG) == []


# --- preferred sides -----------------------------------------------------------------------------


def test_the_preferred_side_has_the_higher_probability_over_its_prior() -> None:
    probabilities = np.array([[0.30, 0.5, 0.20], [0.29, 0.5, 0.21], [0.1, 0.5, 0.4]])
    assert preferred_sides(probabilities, np.array([0.2, 0.6, 0.2])).tolist() == [0, 0, 2]
    # Where SHORT is common, the same 0.30 says less than 0.20 of a rare LONG.
    assert preferred_sides(probabilities, np.array([0.3, 0.6, 0.1])).tolist() == [2, 2, 2]


@pytest.mark.parametrize("place", range(3))
def test_a_row_without_a_prediction_prefers_no_side(place: int) -> None:
    probabilities = np.array([[0.3, 0.3, 0.4]] * 3, np.float32)
    probabilities[1, place] = math.nan
    found = preferred_sides(probabilities, np.array([0.3, 0.4, 0.3]))
    assert found.tolist() == [LONG, UNKNOWN, LONG]
    assert found.dtype == np.int8


# --- the edge ------------------------------------------------------------------------------------


def trades_with(gaps: np.ndarray[Any, Any]) -> list[Trade]:
    return [Trade(row, row + 1, gap, -gap) for row, gap in enumerate(gaps.tolist())]


def hours(count: int) -> np.ndarray[Any, Any]:
    return 1_700_000_000 + 3600 * np.arange(count, dtype=np.int64)


def test_the_edge_is_what_the_side_earns_beyond_a_coin_flip() -> None:
    trades = [Trade(0, 1, 0.01, -0.005), Trade(1, 2, -0.005, 0.01), Trade(2, 3, 0.01, -0.005)]
    edge = edge_of(trades, hours(3))
    assert edge.trades == 3
    assert edge.profit == pytest.approx(0.005)
    # A coin flip earns the mean of both sides.
    coin = np.mean([(trade.chosen + trade.other) / 2 for trade in trades])
    assert edge.mean == pytest.approx(edge.profit - coin)
    assert edge.mean == pytest.approx(0.0025)


@given(seed=st.integers(0, 2**31), count=st.integers(24 * 5, 24 * 20))
@settings(max_examples=30)
def test_the_interval_lies_around_the_mean(seed: int, count: int) -> None:
    gaps = np.random.default_rng(seed).normal(0.001, 0.01, count)
    edge = edge_of(trades_with(gaps), hours(count), draws=400)
    assert edge.low < edge.mean < edge.high
    assert edge.mean == pytest.approx(gaps.mean())
    assert min(gaps) < edge.low
    assert edge.high < max(gaps)


def test_the_interval_covers_a_known_mean_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(100):
        gaps = np.random.default_rng(seed).normal(0.002, 0.01, 24 * 40)
        edge = edge_of(trades_with(gaps), hours(len(gaps)), draws=300)
        covered += edge.low <= 0.002 <= edge.high
    assert 85 <= covered <= 100


def test_the_interval_knows_that_trades_of_one_day_move_together() -> None:
    random = np.random.default_rng(0)
    alone = random.normal(0, 0.01, 24 * 30)
    # The same spread, but each day is all good or all bad.
    daily = np.repeat(random.normal(0, 0.01, 30), 24)
    apart, together = (
        edge_of(trades_with(gaps), 86_400 * 19_000 + 3600 * np.arange(len(gaps)))
        for gaps in (alone, daily)
    )
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    trades = trades_with(np.random.default_rng(0).normal(size=240))
    assert edge_of(trades, hours(240)) == edge_of(trades, hours(240))
    assert edge_of(trades, hours(240)) != edge_of(trades, hours(240), seed=1)


def test_random_sides_on_a_random_walk_have_no_edge() -> None:
    candles = random_candles(20_000, 11, volatility=0.002)
    sides = np.random.default_rng(5).choice([SHORT, LONG], len(candles))
    trades = simulate(candles, sides, TrainingConfig(future_window=60))
    edge = edge_of(trades, utc_seconds(candles["date"]))
    assert edge.low <= 0.0 <= edge.high
    # Nobody earns the fees of both ways back by chance.
    assert edge.profit < 0


def test_no_trades_have_no_edge() -> None:
    with pytest.raises(ValueError, match="at least one trade"):
        edge_of([], hours(5))
