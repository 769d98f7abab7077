"""Trades by events equal trades candle by candle, in freqtrade's order of things."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.backtest.exits import (
    EXIT_REASONS,
    FORCE_EXIT,
    STOP_LOSS,
    TAKE_PROFIT,
    TIME_OUT,
    roi_price,
    stop_price,
)
from dualwindow.backtest.prices import Funding, TradeCandles, nearest_tick
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import Trades, trade_decisions, trade_entries
from dualwindow.columns import HOLD, LONG, SHORT, UNKNOWN
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig
from tests.makers.markets import candle_frames, random_candles

FUTURE = 4
CONFIG = TrainingConfig(future_window=FUTURE)
FREE = TradeTerms(fee=0.0)


# --- the slow, obviously right version -----------------------------------------------------------


@dataclass
class Open:
    row: int
    is_short: bool
    entry: float
    profit_at: float
    stop_at: float
    tick: float


class SlowBacktest:
    """freqtrade's loop over candles, for one pair."""

    def __init__(
        self, candles: TradeCandles, config: TrainingConfig, terms: TradeTerms, turns: bool
    ) -> None:
        self.candles, self.config, self.terms, self.turns = candles, config, terms, turns
        self.position: Open | None = None
        self.made: list[tuple[Any, ...]] = []

    def run(self, asked: list[str | None]) -> list[tuple[Any, ...]]:
        last = len(self.candles) - 1
        for row in range(1, last + 1):
            side = asked[row - 1] if row < last else None
            had = self.position.is_short if self.position else None
            self.candle(row, side)
            closed = had is not None and self.position is None
            if self.turns and closed and side is not None and (side == "short") != had:
                self.candle(row, side)
        if self.position:
            self.close(last, self.candles.open[last], "force_exit")
        return self.made

    def candle(self, row: int, side: str | None) -> None:
        entered_before = self.position is not None
        closed_here = bool(self.made) and self.made[-1][1] == row
        if not entered_before and side and (not closed_here or self.turns):
            self.enter(row, side == "short")
        if self.position:
            self.leave_if_due(row, self.position)

    def enter(self, row: int, is_short: bool) -> None:
        worse = self.terms.slippage * (-1 if is_short else 1)
        entry = float(self.candles.open[row]) * (1 + worse)
        tick = float(self.candles.tick[row])
        profit = roi_price(entry, is_short=is_short, config=self.config, terms=self.terms)
        stop = stop_price(entry, tick, is_short=is_short, config=self.config)
        self.position = Open(row, is_short, entry, profit, stop, tick)

    def leave_if_due(self, row: int, position: Open) -> None:
        opening, high, low = (
            float(prices[row])
            for prices in (self.candles.open, self.candles.high, self.candles.low)
        )
        short, stop, target = position.is_short, position.stop_at, position.profit_at
        if row - position.row == self.config.future_window:
            self.close(row, opening, "time_out")
        elif high >= stop if short else low <= stop:
            never_back = low > stop if short else high < stop
            self.close(row, opening if never_back else stop, "stop_loss")
        elif low <= target if short else high >= target:
            better = min(opening, target) if short else max(opening, target)
            self.close(row, target if row == position.row else better, "roi")

    def close(self, row: int, price: float, reason: str) -> None:
        position, terms = self.position, self.terms
        assert position is not None
        left = nearest_tick(price, position.tick)
        left *= 1 + terms.slippage * (1 if position.is_short else -1)
        paid = 0.0
        if self.candles.funding is not None:
            first, last = self.candles.seconds[[position.row, row]]
            times = self.candles.funding.seconds
            paid = self.candles.funding.per_unit[(times >= first) & (times <= last)].sum()
        if position.is_short:
            got = position.entry * (1 - terms.fee)
            profit = (got - left * (1 + terms.fee) + paid) / got
        else:
            spent = position.entry * (1 + terms.fee)
            profit = (left * (1 - terms.fee) - paid - spent) / spent
        self.made.append(
            (position.row, row, position.is_short, position.entry, left, reason,
             profit * terms.leverage)
        )  # fmt: skip
        self.position = None


def assert_same(found: Trades, wanted: list[tuple[Any, ...]]) -> None:
    assert list(
        zip(
            found.entry_row.tolist(),
            found.exit_row.tolist(),
            (found.side == SHORT).tolist(),
            found.entry_price.tolist(),
            found.exit_price.tolist(),
            [EXIT_REASONS[code] for code in found.reason],
            strict=True,
        )
    ) == [each[:-1] for each in wanted]
    np.testing.assert_allclose(found.profit, [each[-1] for each in wanted], rtol=0, atol=1e-13)


def asked_of(decisions: np.ndarray, can_short: bool, usable: np.ndarray) -> list[str | None]:
    names = {LONG: "long", SHORT: "short" if can_short else None}
    return [
        names.get(int(code)) if ok else None for code, ok in zip(decisions, usable, strict=True)
    ]


barrier = st.sampled_from([0.005, 0.01, 0.02])
codes = st.sampled_from([SHORT, SHORT, HOLD, LONG, LONG, UNKNOWN])


@given(
    data=st.data(),
    frame=candle_frames(holes=False),
    changes=st.fixed_dictionaries(
        {
            "future_window": st.integers(1, 8),
            "long_tp_pct": barrier,
            "long_sl_pct": barrier,
            "short_tp_pct": barrier,
            "short_sl_pct": barrier,
        }
    ),
    terms=st.builds(
        TradeTerms,
        fee=st.sampled_from([0.0, 0.0005, 0.01]),
        slippage=st.sampled_from([0.0, 0.0, 0.002]),
        leverage=st.sampled_from([1.0, 1.0, 3.0]),
        can_short=st.booleans(),
    ),
    turns=st.booleans(),
    rounded=st.booleans(),
)
@settings(max_examples=300)
def test_trades_equal_the_candle_by_candle_version(
    data: st.DataObject,
    frame: pd.DataFrame,
    changes: dict[str, Any],
    terms: TradeTerms,
    turns: bool,
    rounded: bool,
) -> None:
    size = len(frame)
    decisions = np.array(data.draw(st.lists(codes, min_size=size, max_size=size)), np.int8)
    often = st.sampled_from([True, True, True, False])
    usable = np.array(data.draw(st.lists(often, min_size=size, max_size=size)), np.bool_)
    # A payment every other minute, at times between candles as well.
    start = frame["date"].iloc[0].timestamp() if size else 0
    times = (start + 100 * np.arange(30)).astype(np.int64)
    funding = Funding(times, np.linspace(-0.1, 0.2, 30))
    candles = TradeCandles.from_frame(frame, funding=funding, rounded=rounded)
    config = TrainingConfig.from_parameters(changes)
    found = trade_decisions(candles, decisions, config, terms, turns=turns, usable=usable)
    slow = SlowBacktest(candles, config, terms, turns)
    assert_same(found, slow.run(asked_of(decisions, terms.can_short, usable)))


@pytest.mark.parametrize("turns", [True, False])
def test_trades_on_a_random_walk_equal_the_candle_by_candle_version(turns: bool) -> None:
    candles = TradeCandles.from_frame(random_candles(3000, 1, volatility=0.002))
    decisions = np.random.default_rng(0).integers(0, 3, 3000).astype(np.int8)
    config, terms = TrainingConfig(future_window=30), TradeTerms(fee=0.0005)
    found = trade_decisions(candles, decisions, config, terms, turns=turns)
    asked = asked_of(decisions, True, np.ones(3000, np.bool_))
    assert_same(found, SlowBacktest(candles, config, terms, turns).run(asked))
    assert len(found) > 200
    assert set(found.reason) == {TAKE_PROFIT, STOP_LOSS, TIME_OUT} | (
        {FORCE_EXIT} if FORCE_EXIT in found.reason else set()
    )
    assert found.turned.any() == turns


# --- by hand -------------------------------------------------------------------------------------


def market(*candles: tuple[float, float, float], rows: int = 12) -> TradeCandles:
    """Calm candles at 100, of which (open, high, low) of the first ones are given."""
    table = np.array([*candles, *[CALM] * (rows - len(candles))], np.float64)
    return TradeCandles(np.arange(rows) * 60, *table.T, tick=np.zeros(rows))


CALM = (100.0, 100.0, 100.0)
STOPPED = (100.0, 100.0, 99.0)


def decided(rows: int = 12, **sides: int) -> np.ndarray:
    """HOLD but for rows given as `r3=LONG`."""
    decisions = np.full(rows, HOLD, np.int8)
    for name, side in sides.items():
        decisions[int(name[1:])] = side
    return decisions


def rows_of(candles: TradeCandles, decisions: np.ndarray, turns: bool) -> list[tuple[int, int]]:
    found = trade_decisions(candles, decisions, CONFIG, FREE, turns=turns)
    return list(zip(found.entry_row.tolist(), found.exit_row.tolist(), strict=True))


def test_there_is_one_position_at_a_time() -> None:
    decisions = np.full(12, LONG, np.int8)
    # Out by time-out in candles 5 and 10; the same side waits for the next candle.
    assert rows_of(market(), decisions, turns=True) == [(1, 5), (6, 10)]


@pytest.mark.parametrize(("side", "turns"), [(SHORT, True), (LONG, True), (SHORT, False)])
def test_in_the_candle_of_an_exit_only_the_opposite_side_enters_and_only_with_turns(
    side: int, turns: bool
) -> None:
    candles = market(CALM, CALM, STOPPED)
    decisions = decided(r0=LONG, r1=side)
    # The second, a short from the open of 100, takes the profit of what stopped the first.
    second = [(2, 2)] if side == SHORT and turns else []
    assert rows_of(candles, decisions, turns) == [(1, 2), *second]


def test_who_entered_and_left_in_one_candle_does_not_turn_in_it() -> None:
    candles = market(CALM, STOPPED)
    found = trade_decisions(candles, decided(r0=LONG, r1=SHORT), CONFIG, FREE, turns=True)
    assert found.entry_row.tolist() == [1, 2]
    assert found.exit_row.tolist()[0] == 1
    assert not found.turned.any()


def test_nothing_is_entered_in_the_last_candle_and_what_is_open_ends_there() -> None:
    assert rows_of(market(), decided(r10=LONG), turns=True) == []
    found = trade_decisions(market(), decided(r9=LONG), CONFIG, FREE, turns=True)
    assert (found.entry_row[0], found.exit_row[0], found.reason[0]) == (10, 11, FORCE_EXIT)


@pytest.mark.parametrize(
    ("decisions", "terms", "usable"),
    [
        (decided(), FREE, None),
        (np.full(12, UNKNOWN, np.int8), FREE, None),
        (decided(r0=SHORT), TradeTerms(fee=0.0, can_short=False), None),
        (decided(r0=SHORT), FREE, np.zeros(12, np.bool_)),
    ],
)
def test_what_is_no_signal_makes_no_trade(
    decisions: np.ndarray, terms: TradeTerms, usable: np.ndarray | None
) -> None:
    found = trade_decisions(market(), decisions, CONFIG, terms, turns=True, usable=usable)
    assert len(found) == 0
    assert {len(getattr(found, field.name)) for field in fields(found)} == {0}


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_too_few_candles_make_no_trade(rows: int) -> None:
    candles = market(rows=rows) if rows else TradeCandles.from_frame(random_candles(1).iloc[:0])
    decisions = np.full(rows, LONG, np.int8)
    assert len(trade_decisions(candles, decisions, CONFIG, FREE, turns=True)) == 0


@pytest.mark.parametrize(("side", "sign"), [(LONG, 1), (SHORT, -1)])
def test_fees_are_paid_on_the_way_in_and_on_the_way_out_and_leverage_multiplies(
    side: int, sign: int
) -> None:
    candles = market(*[CALM] * 5, (100.3, 100.3, 100.3))
    terms = TradeTerms(fee=0.001, leverage=2.0)
    (profit,) = trade_decisions(candles, decided(r0=side), CONFIG, terms, turns=True).profit
    opened, closed = 100 * (1 + sign * 0.001), 100.3 * (1 - sign * 0.001)
    assert profit == pytest.approx(2 * sign * (closed - opened) / opened, abs=1e-15)


@pytest.mark.parametrize(("side", "sign"), [(LONG, -1), (SHORT, 1)])
def test_a_long_pays_funding_that_a_short_receives(side: int, sign: int) -> None:
    plain = market()
    # Entered at 60 s, left at 300 s; what is due before or after does not count.
    funding = Funding(np.array([0, 60, 180, 300, 360]), np.array([9.0, 0.1, 0.2, 0.4, 9.0]))
    candles = TradeCandles(plain.seconds, plain.open, plain.high, plain.low, plain.tick, funding)
    terms = TradeTerms(fee=0.0, leverage=2.0)
    found = trade_decisions(candles, decided(r0=side), CONFIG, terms, turns=True)
    assert found.funding.tolist() == pytest.approx([sign * 0.014])
    assert found.profit.tolist() == pytest.approx([sign * 0.014])


def test_entries_of_ones_own_overlap() -> None:
    found = trade_entries(market(), np.array([1, 2]), np.array([LONG, SHORT]), CONFIG, FREE)
    assert found.exit_row.tolist() == [5, 6]
    assert found.side.tolist() == [LONG, SHORT]


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="11 decisions for 12 candles"):
        trade_decisions(market(), decided(11), CONFIG, FREE, turns=True)
    with pytest.raises(ValueError, match="3 usable for 12 candles"):
        trade_decisions(market(), decided(), CONFIG, FREE, turns=True, usable=np.ones(3, np.bool_))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -1.0])
def test_candles_without_a_usable_price_are_refused(bad: float) -> None:
    frame = random_candles(5)
    frame.loc[3, "low"] = bad
    with pytest.raises(DataError, match="1 candle has no usable price, the first at 2025-01-01"):
        TradeCandles.from_frame(frame)


# --- what a turn knows ---------------------------------------------------------------------------


def test_on_a_random_walk_turned_trades_flatter_and_the_others_do_not() -> None:
    candles = TradeCandles.from_frame(random_candles(60_000, 3, volatility=0.002))
    decisions = np.random.default_rng(5).choice([SHORT, LONG], 60_000).astype(np.int8)
    config = TrainingConfig(future_window=60)
    found = trade_decisions(candles, decisions, config, FREE, turns=True)
    opposite = trade_entries(candles, found.entry_row, LONG - found.side, config, FREE)
    edge = (found.profit - opposite.profit) / 2

    def standard_errors(values: np.ndarray) -> float:
        return float(values.mean() / values.std() * np.sqrt(len(values)))

    assert found.turned.sum() > 500
    assert standard_errors(edge[found.turned]) > 3
    assert abs(standard_errors(edge[~found.turned])) < 3
