"""Figures after fees stand beside other sides at the same entries and know how sure they are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.exits import EXIT_REASONS, STOP_LOSS
from dualwindow.backtest.figures import AfterFees, SideFigures
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import DAY_SECONDS, ComparedTrades, Trades, trade_decisions
from dualwindow.columns import LONG, SHORT
from dualwindow.settings import TrainingConfig
from tests.makers.markets import random_candles, stepped

TERMS = TradeTerms(fee=0.0005)
HOUR = 3600


def trades_of(
    profits: list[float],
    sides: list[int],
    *,
    every: int = 10,
    held: int = 5,
) -> Trades:
    """Trades that earned what is given, entered every so many rows and held for some."""
    count = len(profits)
    entry = np.arange(count, dtype=np.int64) * every
    return Trades(
        entry_row=entry,
        exit_row=entry + held,
        side=np.array(sides, np.int8),
        entry_price=np.full(count, 100.0),
        exit_price=np.full(count, 101.0),
        reason=np.full(count, STOP_LOSS, np.int8),
        funding=np.full(count, 0.0001),
        profit=np.array(profits, np.float64),
    )


def compared(
    profits: list[float], others: list[float], sides: list[int], rows: int = 480, **trades: int
) -> ComparedTrades:
    """One pair with a candle every hour from midnight on."""
    seconds = 20_000 * DAY_SECONDS + HOUR * np.arange(rows, dtype=np.int64)
    opposite = [SHORT + LONG - side for side in sides]
    return ComparedTrades(
        seconds, trades_of(profits, sides, **trades), trades_of(others, opposite, **trades)
    )


def sides_of(figures: AfterFees) -> SideFigures:
    assert figures.sides is not None
    return figures.sides


FOUR = compared([0.01, -0.02, 0.03, -0.01], [-0.01, 0.015, -0.02, 0.02], [LONG, LONG, SHORT, SHORT])


def test_the_models_figures_by_hand() -> None:
    figures = after_fees([FOUR], TradeTerms(fee=0.001, slippage=0.0002))
    assert (figures.pairs, figures.trades, figures.turned) == (1, 4, 0)
    assert figures.days == pytest.approx(20.0)
    assert figures.by_side == {"SHORT": 2, "LONG": 2}
    assert figures.by_reason == {name: 4 * (name == "stop_loss") for name in EXIT_REASONS}
    assert figures.held_pct == pytest.approx(100 * 4 * 5 / 480)
    # Bought at 100 and sold at 101, four times.
    assert figures.turnover == pytest.approx(4 * 2.01)
    assert figures.turnover_a_day == pytest.approx(4 * 2.01 / 20)
    assert figures.fees_pct == pytest.approx(0.1 * 4 * 2.01)
    assert figures.funding_pct == pytest.approx(0.04)
    assert (figures.fee_pct, figures.slippage_pct) == pytest.approx((0.1, 0.02))
    model = sides_of(figures).model
    assert model.hit_rate == 0.5
    assert model.mean_pct.value == pytest.approx(0.25)
    assert model.total_pct.value == pytest.approx(1.0)
    # The running sum: 1, -1, 2, 1.
    assert model.drawdown_pct == pytest.approx(2.0)


def test_a_loss_from_the_first_trade_on_is_a_drawdown_too() -> None:
    figures = after_fees([compared([-0.02, -0.01], [0, 0], [LONG, LONG])], TERMS)
    assert sides_of(figures).model.drawdown_pct == pytest.approx(3.0)


def test_profits_count_when_a_trade_ends() -> None:
    # The first trade, a loss, outlives the gain of the other pair's.
    long_held = compared([-0.02], [0], [LONG], held=100)
    gain = ComparedTrades(long_held.seconds, *(trades_of([0.03], [side]) for side in (LONG, SHORT)))
    for pairs in ([long_held, gain], [gain, long_held]):
        assert sides_of(after_fees(pairs, TERMS)).model.drawdown_pct == pytest.approx(2.0)


def test_leverage_multiplies_turnover_and_fees() -> None:
    plain, levered = (after_fees([FOUR], TradeTerms(fee=0.001, leverage=lev)) for lev in (1, 3))
    assert levered.turnover == pytest.approx(3 * plain.turnover)
    assert levered.fees_pct == pytest.approx(3 * plain.fees_pct)


def test_each_side_alone_takes_from_every_entry_what_that_side_earned() -> None:
    sides = sides_of(after_fees([FOUR], TERMS))
    assert sides.always_long.total_pct.value == pytest.approx(100 * (0.01 - 0.02 - 0.02 + 0.02))
    assert sides.always_short.total_pct.value == pytest.approx(100 * (-0.01 + 0.015 + 0.03 - 0.01))
    assert sides.edge_pct.value == pytest.approx(100 * (0.01 - 0.005) / 8)


def test_random_sides_earn_the_mean_of_both() -> None:
    random = np.random.default_rng(0)
    profits = random.normal(0, 0.01, 300).tolist()
    others = random.normal(0.02, 0.01, 300).tolist()
    pair = compared(profits, others, [LONG] * 300, rows=3100)
    figures = sides_of(after_fees([pair], TERMS)).random
    fair = 100 * (np.mean(profits) + np.mean(others)) / 2
    assert figures.mean_pct.value == pytest.approx(fair, abs=0.02)
    assert figures.mean_pct.low is not None
    assert figures.mean_pct.high is not None
    assert figures.mean_pct.low < fair < figures.mean_pct.high
    assert figures.total_pct.value == pytest.approx(300 * figures.mean_pct.value)


@pytest.mark.parametrize(("gain", "as_good"), [(0.01, 0.0), (-0.01, 100.0)])
def test_who_chooses_right_is_better_than_every_series_of_random_sides(
    gain: float, as_good: float
) -> None:
    pair = compared([gain] * 60, [-gain] * 60, [LONG, SHORT] * 30, rows=700)
    assert sides_of(after_fees([pair], TERMS)).random_as_good_pct == as_good


def test_turned_trades_are_counted_and_left_out_of_the_edge() -> None:
    # Entered every 5 rows and held for 5: every trade but the first is a turn.
    pair = compared([0.001] + [0.05] * 9, [-0.001] * 10, [LONG, SHORT] * 5, every=5)
    figures = after_fees([pair], TERMS)
    assert figures.turned == 9
    assert sides_of(figures).edge_pct.value == pytest.approx(0.1)
    assert sides_of(figures).model.mean_pct.value == pytest.approx(4.51)
    assert any("9 were entered in the candle of an exit" in line for line in figures.lines())
    assert not any("candle of an exit" in line for line in after_fees([FOUR], TERMS).lines())


def test_pairs_are_pooled() -> None:
    # The second pair's candles begin two days later.
    late = ComparedTrades(FOUR.seconds + 2 * DAY_SECONDS, FOUR.chosen, FOUR.other)
    one, two = (after_fees(pairs, TERMS) for pairs in ([FOUR], [FOUR, late]))
    assert (two.pairs, two.trades, two.days) == (2, 8, one.days)
    assert two.held_pct == one.held_pct
    assert two.turnover == pytest.approx(2 * one.turnover)
    assert sides_of(two).model.mean_pct.value == pytest.approx(sides_of(one).model.mean_pct.value)
    # Side by side, both fall at once.
    together = after_fees([FOUR, FOUR], TERMS)
    assert sides_of(together).model.drawdown_pct == pytest.approx(4.0)


def test_the_same_seed_gives_the_same_figures() -> None:
    assert after_fees([FOUR], TERMS, seed=3) == after_fees([FOUR], TERMS, seed=3)
    assert after_fees([FOUR], TERMS, seed=3) != after_fees([FOUR], TERMS, seed=4)


def test_without_a_trade_there_are_no_profits_to_speak_of() -> None:
    figures = after_fees([compared([], [], [])], TERMS)
    assert figures.trades == 0
    assert figures.sides is None
    assert figures.outcome == "not enough data to tell"
    assert figures.lines() == [
        "after 0.05 % fee and 0 % slippage a side: no trade in 20.0 days",
        "Not enough data to tell: without a trade there is nothing to tell.",
    ]
    json.dumps(figures.to_dict(), allow_nan=False)


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_a_model_of_one_side_is_told_from_one_that_chooses(side: int) -> None:
    """In a rising market whoever is always LONG earns, without knowing anything."""
    random = np.random.default_rng(0)
    gains = random.normal(0.01, 0.004, 40).tolist()
    losses = [-gain for gain in gains]
    opposite = SHORT + LONG - side
    same = after_fees([compared(gains, losses, [side] * 40)], TERMS)
    mixed = after_fees([compared(gains, losses, [side, opposite] * 20)], TERMS)
    assert same.outcome == mixed.outcome == "edge found"
    assert "no less: this may be the market's way alone" in same.lines()[-1]
    assert ("Always LONG at" in same.lines()[-1]) == (side == LONG)
    assert "market's way" not in mixed.lines()[-1]


def a_trade_a_day(days: int, *, every: int = 1) -> ComparedTrades:
    """Trades on as many days, every so many days, up to the day of the last one."""
    profits = [0.01, 0.02, 0.03, 0.01, 0.02][:days]
    rows = 24 * (every * (days - 1) + 1)
    return compared(profits, [0.0] * days, [LONG] * days, rows=rows, every=24 * every)


@pytest.mark.parametrize("days", [1, 2, 4])
def test_fewer_than_five_days_have_figures_but_no_interval(days: int) -> None:
    """Two days drawn with replacement would end at the worse and the better one, far from 95 %."""
    after = after_fees([a_trade_a_day(days)], TERMS)
    figures = sides_of(after)
    for percent in (figures.model.mean_pct, figures.model.total_pct, figures.edge_pct):
        assert percent.low is percent.high is None
    assert "% [too few days] a trade" in after.lines()[1]


def test_five_days_have_an_interval() -> None:
    figures = sides_of(after_fees([a_trade_a_day(5)], TERMS))
    for percent in (figures.model.mean_pct, figures.model.total_pct, figures.edge_pct):
        assert percent.low is not None


def test_days_without_a_trade_count_for_the_sum_alone() -> None:
    figures = sides_of(after_fees([a_trade_a_day(3, every=2)], TERMS))
    assert figures.model.mean_pct.low is figures.edge_pct.low is None
    assert figures.model.total_pct.low is not None


def test_figures_are_plain_json_and_stand_in_the_lines() -> None:
    figures = after_fees([FOUR], TERMS)
    content = json.loads(json.dumps(figures.to_dict(), allow_nan=False))
    assert content["sides"]["model"]["total_pct"]["value"] == pytest.approx(1.0)
    text = "\n".join(figures.lines())
    for part in (
        "4 trades in 20.0 days (SHORT 2, LONG 2; roi 0, stop_loss 4, time_out 0, force_exit 0)",
        "model: hit rate 0.500, +0.250 % [",
        "a trade, +1.0 % [",
        "in all, drawdown 2.0 %",
        "turnover 8.0 stakes, 0.4 a day; fees 0.40 %, funding +0.04 % of a stake",
    ):
        assert part in text


def test_no_pairs_and_too_few_candles_are_refused() -> None:
    for pairs in ([], [compared([], [], [], rows=1)]):
        with pytest.raises(ValueError, match="a pair with at least two candles"):
            after_fees(pairs, TERMS)


# --- on candles ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_random_decisions_on_a_random_walk_have_no_edge_and_pay_their_fees(seed: int) -> None:
    frame = random_candles(40_000, seed, volatility=0.002)
    candles, config = TradeCandles.from_frame(frame), TrainingConfig(future_window=60)
    decisions = np.random.default_rng(seed).choice([SHORT, LONG], len(frame)).astype(np.int8)
    trades = trade_decisions(candles, decisions, config, TERMS, turns=False)
    figures = after_fees([ComparedTrades.from_trades(candles, trades, config, TERMS)], TERMS)
    edge = sides_of(figures).edge_pct
    assert figures.turned == 0
    assert edge.low is not None
    assert edge.high is not None
    assert edge.low <= 0 <= edge.high
    assert sides_of(figures).model.mean_pct.value == pytest.approx(-0.1, abs=0.05)


@pytest.mark.parametrize(("step", "warned"), [(0.0001, False), (0.1, True), (0.3, True)])
def test_a_price_step_that_is_large_against_the_barriers_is_among_the_figures(
    step: float, warned: bool
) -> None:
    frame = stepped(random_candles(2000, seed=4), step)
    candles = TradeCandles.from_frame(frame)
    config, terms = TrainingConfig(future_window=30), TradeTerms(fee=0.0)
    decisions = np.full(len(candles), LONG)
    trades = trade_decisions(candles, decisions, config, terms, turns=False)
    compared = ComparedTrades.from_trades(candles, trades, config, terms)
    figures = after_fees([compared], terms)
    assert figures.price_step_share == pytest.approx(step / 100 / 0.005, rel=0.1)
    assert ("price step" in "".join(figures.lines())) == warned
    assert ("price step" in figures.step_warning) == warned
