"""Curves and groups of profits are sums of the trades, whatever they are thinned to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.equity import entry_tags, equity_of, profit_groups, with_equity
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import DAY_SECONDS, ComparedTrades
from dualwindow.columns import LONG, SHORT
from tests.backtest.test_after_fees import compared, trades_of

TERMS = TradeTerms(fee=0.0005)
PROFITS = st.lists(
    st.tuples(
        st.floats(-0.05, 0.05).map(lambda value: round(value, 5)),
        st.floats(-0.05, 0.05).map(lambda value: round(value, 5)),
        st.sampled_from([SHORT, LONG]),
    ),
    min_size=1,
    max_size=40,
)


def pair_of(trades: list[tuple[float, float, int]], every: int = 10) -> ComparedTrades:
    own, other, sides = (list(values) for values in zip(*trades, strict=True))
    rows = every * len(trades) + 20
    made = compared(own, other, sides, rows=rows, every=every)
    prices = 100.0 + np.arange(rows, dtype=np.float64) % 7
    return replace(made, pair="A/USDT", prices=prices)


def slow_levels(pairs: list[ComparedTrades]) -> list[tuple[int, float, float]]:
    """Time, sum and fall of every trade's end, one by one."""
    ends = sorted(
        (int(pair.seconds[row]), place, float(profit))
        for place, pair in enumerate(pairs)
        for row, profit in zip(pair.chosen.exit_row, pair.chosen.profit, strict=True)
    )
    level = highest = 0.0
    found = []
    for seconds, _, profit in ends:
        level += 100 * profit
        highest = max(highest, level)
        found.append((seconds, level, highest - level))
    return found


@given(st.lists(PROFITS, min_size=1, max_size=3), st.integers(1, 60))
def test_the_curve_is_the_sum_of_the_trades_that_have_ended(
    made: list[list[tuple[float, float, int]]], stretches: int
) -> None:
    pairs = [pair_of(trades) for trades in made]
    found, slow = equity_of(pairs, TERMS, stretches=stretches), slow_levels(pairs)
    assert len(found.seconds) <= stretches
    assert found.seconds == sorted(set(found.seconds))
    begin = min(int(pair.seconds[0]) for pair in pairs)
    for number, end in enumerate(found.seconds):
        so_far = [row for row in slow if row[0] < end]
        level = so_far[-1][1] if so_far else 0.0
        assert found.model[number] == pytest.approx(level, abs=2e-4)
        within = [fall for seconds, _, fall in slow if begin <= seconds < end]
        before = so_far[: len(so_far) - len(within)][-1:] or [(0, 0.0, 0.0)]
        assert found.drawdown[number] == pytest.approx(max([before[0][2], *within]), abs=2e-4)
        begin = end


@given(st.lists(PROFITS, min_size=1, max_size=3))
def test_curves_end_where_the_figures_are(made: list[list[tuple[float, float, int]]]) -> None:
    pairs = [pair_of(trades) for trades in made]
    figures = with_equity(after_fees(pairs, TERMS), pairs, TERMS)
    assert figures.equity is not None
    assert figures.sides is not None
    sides, curve = figures.sides, figures.equity
    assert curve.model[-1] == pytest.approx(sides.model.total_pct.value, abs=1e-3)
    assert max(curve.drawdown) == pytest.approx(sides.model.drawdown_pct, abs=1e-3)
    random = sides.random.total_pct
    ends = curve.flip[-1], curve.flip_low[-1], curve.flip_high[-1]
    assert ends == pytest.approx((random.value, random.low, random.high), abs=1e-3)


def test_buy_and_hold_is_one_stake_of_every_pair_after_fees() -> None:
    early, late = pair_of([(0.01, 0.0, LONG)]), pair_of([(0.01, 0.0, LONG)])
    late = replace(late, seconds=late.seconds + DAY_SECONDS)
    one = equity_of([early], TERMS)
    assert early.prices is not None
    for end, held in zip(one.seconds, one.hold, strict=True):
        price = early.prices[early.seconds < end][-1]
        assert held == pytest.approx(100 * (price * 0.9995 / (100.0 * 1.0005) - 1), abs=1e-3)
    # Before the second pair's first candle only the first one is held.
    both = equity_of([early, late], TERMS)
    first = [held for end, held in zip(both.seconds, both.hold, strict=True) if end <= DAY_SECONDS]
    assert first == [held for held in one.hold if held in first]
    assert both.hold[-1] != pytest.approx(one.hold[-1])
    unknown = equity_of([early, replace(late, prices=None)], TERMS)
    assert unknown.hold == []


@given(st.lists(PROFITS, min_size=1, max_size=3))
def test_every_kind_of_group_holds_every_trade_once(
    made: list[list[tuple[float, float, int]]],
) -> None:
    pairs = [replace(pair_of(trades), pair=f"{at}/USDT") for at, trades in enumerate(made)]
    found = profit_groups(pairs)
    assert set(found) == {"day", "hour", "pair", "side", "exit reason"}
    slow: dict[str, list[float]] = defaultdict(list)
    for pair in pairs:
        for row, profit in zip(pair.chosen.entry_row, pair.chosen.profit, strict=True):
            slow[f"{pair.seconds[row] // 3600 % 24:02d}"].append(float(profit))
    assert {group.name: group.trades for group in found["hour"]} == {
        name: len(profits) for name, profits in slow.items()
    }
    for group in found["hour"]:
        own = slow[group.name]
        assert group.total_pct == pytest.approx(100 * sum(own), abs=1e-3)
        assert group.mean_pct == pytest.approx(100 * sum(own) / len(own), abs=1e-3)
        assert group.hit_rate == pytest.approx(np.mean([each > 0 for each in own]), abs=1e-3)
    for groups in found.values():
        assert sum(group.trades for group in groups) == sum(map(len, made))
    names = [group.name for group in found["day"]]
    assert names == sorted(names)


def test_tags_are_those_of_the_strategy_at_the_signal() -> None:
    trades = trades_of([0.0, 0.0], [LONG, SHORT], every=3)
    trades = replace(trades, entry_row=trades.entry_row + 1)
    probabilities = np.zeros((8, 3))
    probabilities[0] = [0.1, 0.2, 0.7]
    probabilities[3] = [0.52, 0.4, 0.08]
    assert entry_tags(trades, probabilities) == ["long_0.70", "short_0.50"]
    pair = replace(compared([0.0, 0.0], [0.0, 0.0], [LONG, SHORT]), tags=["long_0.70", "short"])
    assert {group.name for group in profit_groups([pair])["tag"]} == {"long_0.70", "short"}


def test_without_a_trade_there_is_no_curve() -> None:
    figures = after_fees([compared([], [], [])], TERMS)
    assert with_equity(figures, [compared([], [], [])], TERMS) == figures
    assert figures.equity is None
