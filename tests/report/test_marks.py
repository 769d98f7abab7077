"""What a chart leaves out when it is full keeps the extremes; packed prices keep theirs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.backtest.prices import TradeCandles
from dualwindow.report.charts.candle_charts import coarser
from dualwindow.report.charts.marks import ALL_AT_ONCE, CELLS, LAST_LEVEL, mark_levels
from dualwindow.report.predictions import Predictions, thinned
from dualwindow.report.prices import packed_prices, unpacked_prices
from dualwindow.report.schema import TradeMark

SECONDS = 100_000


def marks_of(count: int, seed: int) -> list[TradeMark]:
    random = np.random.default_rng(seed)
    entered = np.sort(random.integers(0, SECONDS, count))
    return [
        TradeMark(
            side=str(random.choice(["SHORT", "LONG"])),
            entered=int(at),
            entry_price=1.0,
            left=int(at) + 60,
            exit_price=1.0,
            reason="roi",
            profit_pct=float(random.normal()),
        )
        for at in entered
    ]


@given(st.integers(0, 900), st.integers(0, 5))
def test_every_level_shows_the_best_and_the_worst_of_every_cell(count: int, seed: int) -> None:
    trades = marks_of(count, seed)
    levels = mark_levels(trades, 0, SECONDS)
    assert len(levels) == count
    if count <= ALL_AT_ONCE:
        assert set(levels) <= {0}
        return
    for level in range(5):
        cells = CELLS << level
        shown = {at for at, own in enumerate(levels) if own <= level}
        by_cell: dict[tuple[int, str], list[int]] = {}
        for at, trade in enumerate(trades):
            by_cell.setdefault((trade.entered * cells // SECONDS, trade.side), []).append(at)
        for own in by_cell.values():
            profits = [trades[at].profit_pct for at in own]
            kept = [trades[at].profit_pct for at in own if at in shown]
            assert (min(kept), max(kept)) == (min(profits), max(profits))
        # What the zoomed chart shows stays within bounds: two of every side in each of its cells,
        # and as much again from the levels before.
        assert sum(trades[at].entered < SECONDS >> level for at in shown) <= 8 * CELLS + 8 * level
    assert max(levels) <= LAST_LEVEL


@given(
    st.integers(2, 400),
    st.integers(1, 120),
    st.sampled_from([1e-7, 1.0, 60_000.0]),
    st.integers(0, 5),
)
def test_packed_prices_keep_every_stretchs_extremes(
    count: int, most: int, scale: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    close = scale * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    high, low = 1.01 * close, 0.99 * close
    seconds = 300 * np.arange(count, dtype=np.int64) + 1_700_000_100
    candles = TradeCandles(seconds, close, high, low, np.zeros(count))
    packed = packed_prices(candles, close, most)
    assert packed is not None
    assert packed.begin == seconds[0]
    found = unpacked_prices(packed)
    length = packed.seconds // 300
    assert len(found["close"]) == -(-count // length) <= most
    step = pytest.approx(0.0, abs=0.51 * (high.max() - low.min()) / 65_535)
    for at in range(len(found["close"])):
        own = slice(at * length, (at + 1) * length)
        assert found["low"][at] - low[own].min() == step
        assert found["high"][at] - high[own].max() == step
        assert found["close"][at] - close[own][-1] == step


def test_a_single_candle_has_no_chart() -> None:
    one = np.ones(1)
    candles = TradeCandles(np.zeros(1, np.int64), one, one, one, one)
    assert packed_prices(candles, one, 10) is None
    flat = TradeCandles(60 * np.arange(4), *(np.full(4, 5.0) for _ in range(4)))
    packed = packed_prices(flat, np.full(4, 5.0), 10)
    assert packed is not None
    assert unpacked_prices(packed)["close"].tolist() == [5.0] * 4


@given(st.integers(1, 700), st.integers(1, 200), st.integers(0, 3))
def test_coarser_figures_keep_counts_and_highest_probabilities(
    count: int, most: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    dates = np.unique(random.integers(0, 2 * count, count)) * 60 + 1_700_000_000
    rows = len(dates)
    predictions = Predictions(
        dates,
        random.dirichlet([2, 5, 2], rows),
        random.integers(0, 3, rows).astype(np.int8),
        random.random(rows) > 0.2,
    )
    fine = thinned("A/USDT", predictions)
    found = coarser(fine, most)
    assert len(found.begin) <= max(most, 1)
    assert found.begin[0] == fine.begin[0]
    assert found.begin == sorted(found.begin)
    for name in ("said_short", "said_long", "usable"):
        assert sum(getattr(found, name)) == sum(getattr(fine, name))
    for name in ("short", "long"):
        fine_known, known = (
            [value for value in getattr(own, name) if value is not None] for own in (fine, found)
        )
        assert max(known, default=None) == max(fine_known, default=None)
    slow = {
        (begin - fine.begin[0]) // found.stretch_seconds: begin for begin in reversed(fine.begin)
    }
    assert found.begin == sorted(slow.values())
