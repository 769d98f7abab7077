"""Thresholds are chosen by what trades earn, and luck is called luck."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import trade_decisions, trade_entries
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence import Thresholds, decide
from dualwindow.errors import DataError
from dualwindow.model_selection.threshold_search import (
    OFF,
    ThresholdChoice,
    candidate_thresholds,
    choose_thresholds,
)
from dualwindow.model_selection.threshold_trades import EntryOutcomes, ScoredCandles
from dualwindow.settings import TrainingConfig
from tests.makers.markets import random_candles

CONFIG = TrainingConfig(future_window=12)
TERMS = TradeTerms(fee=0.0005)
DAYS = 16
ROWS = DAYS * 288


def market(seed: int, rows: int = ROWS) -> TradeCandles:
    """A random walk of 5-minute candles."""
    frame = random_candles(rows, seed, volatility=0.002)
    frame["date"] = pd.date_range("2025-01-01", periods=rows, freq="5min", tz="UTC")
    return TradeCandles.from_frame(frame)


def evaluated(candles: TradeCandles, score: np.ndarray) -> ScoredCandles:
    """Candles with probabilities from a score: LONG where it is high, SHORT where it is low."""
    logits = np.stack([-score, np.full(len(score), 1.5), score], axis=1)
    odds = np.exp(logits)
    probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return ScoredCandles(candles, probabilities, np.full(len(candles), -1, np.int8))


def oracle_score(candles: TradeCandles, seed: int, noise: float) -> np.ndarray:
    """What LONG earns beyond SHORT from every row, in standard deviations, under noise."""
    rows = np.arange(len(candles) - 2)
    entries = [
        trade_entries(candles, rows + 1, np.full(len(rows), side), CONFIG, TERMS).profit
        for side in (LONG, SHORT)
    ]
    gain = np.append(entries[0] - entries[1], [0.0, 0.0])
    return gain / gain.std() + np.random.default_rng(seed).normal(0, noise, len(gain))


def random_score(seed: int) -> np.ndarray:
    """Sides that know nothing but stay for a while, as a model's do."""
    noise = np.random.default_rng(1000 + seed).normal(0, 1, ROWS)
    smooth = np.convolve(noise, np.ones(24) / np.sqrt(24), mode="same")
    return np.asarray(smooth)


def chosen(pair: ScoredCandles, terms: TradeTerms = TERMS, min_trades: int = 30) -> ThresholdChoice:
    return choose_thresholds([pair], CONFIG, terms, min_trades=min_trades, draws=400)


# --- the quick trades are the real ones ----------------------------------------------------------


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 120),
    levels=st.integers(2, 12),
    short=st.floats(0.2, 1.0),
    long=st.floats(0.2, 1.0),
    can_short=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_walking_over_outcomes_equals_trading_the_decisions(
    seed: int, rows: int, levels: int, short: float, long: float, can_short: bool
) -> None:
    candles = market(seed, rows)
    random = np.random.default_rng(seed)
    # Few levels, so that probabilities equal thresholds and both sides are reached at once.
    probabilities = (random.integers(0, levels + 1, (rows, 3)) / levels).astype(np.float32)
    probabilities[random.random(rows) < 0.1] = np.nan
    pair = ScoredCandles(candles, probabilities, np.full(rows, -1, np.int8))
    terms = TradeTerms(fee=0.001, slippage=0.0002, can_short=can_short)
    found = EntryOutcomes.from_candles(pair, (0.2, 0.2), CONFIG, terms).take(short, long)
    decisions = decide(probabilities, Thresholds(short=short, hold=0.0, long=long))
    wanted = trade_decisions(candles, decisions, CONFIG, terms, turns=False)
    np.testing.assert_array_equal(found.row + 1, wanted.entry_row)
    np.testing.assert_array_equal(found.side, wanted.side)
    np.testing.assert_array_equal(found.profit, wanted.profit)
    opposite = trade_entries(candles, wanted.entry_row, SHORT + LONG - wanted.side, CONFIG, terms)
    np.testing.assert_array_equal(found.other, opposite.profit)
    np.testing.assert_array_equal(found.day, candles.seconds[wanted.entry_row] // 86_400)


# --- an edge is found ----------------------------------------------------------------------------


def test_a_planted_edge_is_found_and_holds_on_later_candles() -> None:
    candles = market(1)
    choice = chosen(evaluated(candles, oracle_score(candles, 1, noise=2.0)))
    assert not choice.within_noise
    assert choice.pays
    best = choice.chosen
    assert choice.corrected_pct.value < best.mean_pct.value
    assert choice.random_best_pct.value < best.mean_pct.value
    later = market(2)
    pair = evaluated(later, oracle_score(later, 2, noise=2.0))
    decisions = decide(pair.probabilities, Thresholds(short=best.short, hold=0.0, long=best.long))
    trades = trade_decisions(later, decisions, CONFIG, TERMS, turns=False)
    assert trades.profit.mean() > 0.0


def test_the_choice_has_the_largest_expected_value_of_those_with_enough_trades() -> None:
    candles = market(3)
    pair = evaluated(candles, oracle_score(candles, 3, noise=2.0))
    choice = chosen(pair, min_trades=60)
    means = []
    for short in candidate_thresholds(pair.probabilities[:, SHORT], 60):
        for long in candidate_thresholds(pair.probabilities[:, LONG], 60):
            decisions = decide(pair.probabilities, Thresholds(short=short, hold=0.0, long=long))
            trades = trade_decisions(candles, decisions, CONFIG, TERMS, turns=False)
            if len(trades) >= 60:
                means.append(trades.profit.mean())
    assert choice.compared == len(means) < choice.tried
    assert choice.chosen.mean_pct.value == pytest.approx(100 * max(means), abs=1e-9)
    shown = [each.mean_pct.value for each in choice.best]
    assert shown == sorted(shown, reverse=True)
    assert min(each.trades for each in choice.best) >= 60


# --- luck is called luck -------------------------------------------------------------------------


def test_on_random_sides_the_choice_is_within_noise() -> None:
    candles = market(5)
    choices = [chosen(evaluated(candles if seed < 10 else market(6), random_score(seed)))
               for seed in range(20)]  # fmt: skip
    assert sum(not choice.within_noise for choice in choices) <= 2
    assert sum(choice.pays for choice in choices) <= 1


def test_an_edge_that_the_fee_eats_is_no_noise_and_does_not_pay() -> None:
    candles = market(7)
    terms = TradeTerms(fee=0.005)
    choice = chosen(evaluated(candles, oracle_score(candles, 7, noise=1.0)), terms)
    assert not choice.within_noise
    assert not choice.pays


# --- edges of the domain -------------------------------------------------------------------------


def test_too_few_trades_for_any_choice_are_refused() -> None:
    with pytest.raises(DataError, match=r"no thresholds make 4,000 trades .* at most [1-9]"):
        chosen(evaluated(market(8), random_score(8)), min_trades=4000)


def test_on_spot_only_long_has_thresholds() -> None:
    choice = chosen(evaluated(market(9), random_score(9)), TradeTerms(fee=0.001, can_short=False))
    assert {each.short for each in choice.best} == {OFF}


@pytest.mark.parametrize("days", [1, 4])
def test_few_days_have_no_interval_and_are_noise(days: int) -> None:
    candles = market(10, rows=288 * days - 8)
    score = oracle_score(candles, 10, noise=0.5)
    choice = chosen(evaluated(candles, score), min_trades=5)
    assert choice.days == days
    assert choice.corrected_pct.low is choice.chosen.mean_pct.low is None
    assert choice.within_noise
    assert not choice.pays


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_candidates_follow_the_probabilities_however_rare_they_are(scale: float) -> None:
    probability = scale * np.random.default_rng(0).random(10_000)
    probability[:100] = np.nan
    found = candidate_thresholds(probability, 30)
    assert found == sorted(found)
    assert found[-1] == OFF
    shares = [float(np.mean(probability[100:] >= value)) for value in found[:-1]]
    assert shares[0] == pytest.approx(0.5, abs=0.01)
    assert shares[-1] * 9900 == pytest.approx(30, abs=3)
    assert candidate_thresholds(np.full(50, 0.4), 30) == [0.4, OFF]
    assert candidate_thresholds(np.full(50, np.nan), 30) == [OFF]
