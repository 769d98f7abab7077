"""Trades beside those of the other side: of a backtest, of a part of it, and pooled over pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import (
    DAY_SECONDS,
    ComparedTrades,
    PooledTrades,
    Trades,
    trade_decisions,
    trade_entries,
)
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.settings import TrainingConfig
from tests.makers.markets import random_candles

ROWS = 400
CONFIG = TrainingConfig(future_window=12, long_tp_pct=0.002, short_tp_pct=0.002)
TERMS = TradeTerms(fee=0.0005)
CANDLES = TradeCandles.from_frame(random_candles(ROWS, seed=4, volatility=0.001))
RANDOM = np.random.default_rng(1)
DECISIONS: NDArray[np.int64] = RANDOM.choice([SHORT, HOLD, LONG], ROWS, p=[0.1, 0.8, 0.1])
USABLE = np.arange(ROWS) % 7 != 0


def same(found: Trades, expected: Trades, shift: int = 0) -> None:
    for name, values in vars(expected).items():
        moved = values - shift if name.endswith("_row") else values
        np.testing.assert_array_equal(getattr(found, name), moved, err_msg=name)


def compared() -> ComparedTrades:
    return ComparedTrades.of_backtest(CANDLES, DECISIONS, CONFIG, TERMS, USABLE)


def test_a_backtest_is_traded_without_turns_and_counts_those_of_freqtrade() -> None:
    found = compared()
    plain, turning = (
        trade_decisions(CANDLES, DECISIONS, CONFIG, TERMS, turns=turns, usable=USABLE)
        for turns in (False, True)
    )
    # The market has turns, or the test would show nothing.
    assert len(turning) > len(plain) > 10
    same(found.chosen, plain)
    assert found.with_turns is not None
    assert found.with_turns.trades == len(turning)
    assert found.with_turns.turned == np.count_nonzero(turning.turned) > 0
    same(found.other, trade_entries(CANDLES, plain.entry_row, 2 - plain.side, CONFIG, TERMS))
    assert found.prices is CANDLES.open
    np.testing.assert_array_equal(found.seconds, CANDLES.seconds)


@pytest.mark.parametrize(("first", "end"), [(0, ROWS), (50, 51), (100, 250), (ROWS - 40, ROWS)])
def test_trades_of_some_rows_are_those_whose_signal_lies_there(first: int, end: int) -> None:
    whole = compared()
    found = whole.entered_in(np.arange(first, end))
    signals = whole.chosen.entry_row - 1
    inside = (first <= signals) & (signals < end)
    for part, of_whole in ((found.chosen, whole.chosen), (found.other, whole.other)):
        expected = Trades(**{name: values[inside] for name, values in vars(of_whole).items()})
        same(part, expected, first)
    # The candles reach to the end of the rows, or to the last exit behind it, and no further.
    exits = [*whole.chosen.exit_row[inside], *whole.other.exit_row[inside]]
    stop = max([end, *(row + 1 for row in exits)])
    np.testing.assert_array_equal(found.seconds, whole.seconds[first:stop])
    assert found.step_share == whole.step_share


def test_a_trade_belongs_to_the_row_of_its_signal_alone() -> None:
    whole = compared()
    for number, entry in enumerate(whole.chosen.entry_row.tolist()):
        found = whole.entered_in(np.array([entry - 1]))
        assert found.chosen.entry_row.tolist() == [1]
        assert found.chosen.profit.tolist() == [whole.chosen.profit[number]]
        assert found.other.profit.tolist() == [whole.other.profit[number]]
        # One row further there is another trade, or none.
        later = whole.entered_in(np.array([entry])).chosen
        assert later.profit.tolist() != found.chosen.profit.tolist()


@given(cut=st.integers(1, ROWS - 1))
def test_two_parts_of_a_backtest_hold_each_of_its_trades_once(cut: int) -> None:
    whole = compared()
    parts = [whole.entered_in(rows) for rows in (np.arange(cut), np.arange(cut, ROWS))]
    assert sum(len(part.chosen.side) for part in parts) == len(whole.chosen.side)
    for part in parts:
        dates = part.seconds[part.chosen.exit_row]
        assert set(dates.tolist()) <= set(whole.seconds[whole.chosen.exit_row].tolist())


def test_a_part_keeps_the_step_of_the_whole() -> None:
    whole = ComparedTrades(CANDLES.seconds, compared().chosen, compared().other, 0.25)
    assert whole.entered_in(np.arange(50, 100)).step_share == 0.25


def test_pairs_are_pooled_one_after_the_other_with_both_sides_beside_each_other() -> None:
    first = compared()
    later = ComparedTrades(first.seconds + 5 * DAY_SECONDS, first.other, first.chosen)
    pooled = PooledTrades.from_pairs([first, later])
    count = len(first.chosen.side)
    assert len(pooled.day) == 2 * count
    entered = first.seconds[first.chosen.entry_row]
    np.testing.assert_array_equal(pooled.day[:count], entered // 86_400)
    np.testing.assert_array_equal(pooled.day[count:], entered // 86_400 + 5)
    np.testing.assert_array_equal(pooled.is_long[:count], first.chosen.side == LONG)
    np.testing.assert_array_equal(pooled.is_long[count:], first.other.side == LONG)
    np.testing.assert_array_equal(pooled.turned[:count], first.chosen.turned)
    np.testing.assert_array_equal(pooled.profit[:count, 0], first.chosen.profit)
    np.testing.assert_array_equal(pooled.profit[count:, 0], first.other.profit)
    np.testing.assert_array_equal(pooled.profit[:count, 1], first.other.profit)
    np.testing.assert_array_equal(pooled.left[:count, 1], first.seconds[first.other.exit_row])
    taken = np.arange(2 * count) % 3 == 0
    profits, left = pooled.taking(taken)
    np.testing.assert_array_equal(
        profits, np.where(taken, pooled.profit[:, 1], pooled.profit[:, 0])
    )
    np.testing.assert_array_equal(left, np.where(taken, pooled.left[:, 1], pooled.left[:, 0]))
