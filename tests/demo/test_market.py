from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from demo.market import MINUTES_PER_DAY, Market, MarketSpec, make_market
from dualwindow.backtest.figures import SideFigures
from dualwindow.columns import LONG, SHORT
from dualwindow.labels import label_candles
from dualwindow.settings import TrainingConfig
from studies.edge import sides_of, traded

LOOKBACKS = (15, 30, 60, 120, 240, 480)


def oracle(market: Market) -> SideFigures:
    sides = np.where(market.regime > 0, LONG, SHORT)
    return sides_of(traded(market.candles, sides, TrainingConfig()))


def hybrid_labels(candles: pd.DataFrame) -> NDArray[np.int8]:
    return label_candles(
        candles["high"],
        candles["low"],
        candles["close"],
        future_window=120,
        long_tp_pct=0.01,
        long_sl_pct=0.005,
        short_tp_pct=0.01,
        short_sl_pct=0.005,
    )


def trailing_returns(candles: pd.DataFrame) -> NDArray[np.float64]:
    """(N, 6) returns over the lookbacks in units of what the last 8 hours make likely."""
    price = np.log(candles["close"])
    volatility = price.diff().pow(2).rolling(480).mean().pow(0.5)
    columns = [price.diff(span) / (volatility * np.sqrt(span)) for span in LOOKBACKS]
    return np.stack(columns, axis=1)


def regression_edge(market: Market, train_days: int = 45, test_days: int = 20) -> float:
    candles = market.candles
    features, labels = trailing_returns(candles), hybrid_labels(candles)
    first, last = train_days * MINUTES_PER_DAY, (train_days + test_days) * MINUTES_PER_DAY
    row = np.arange(len(candles))
    fitted = (row < first - 120) & np.isin(labels, (SHORT, LONG)) & np.isfinite(features[:, -1])
    model = LogisticRegression().fit(features[fitted], labels[fitted])
    sides = np.full(last, -1)
    sides[first:] = model.predict(features[first:last])
    return sides_of(traded(candles[:last], sides, TrainingConfig())).edge_pct.value


specs = st.builds(
    MarketSpec,
    seed=st.integers(0, 2**32),
    days=st.integers(1, 3),
    tick=st.sampled_from([0.01, 0.1, 0.5, 10.0]),
    first_price=st.sampled_from([20.0, 2_500.0, 60_000.0]),
    volatility=st.sampled_from([0.0001, 0.0005, 0.005]),
    drift_strength=st.floats(0.0, 0.3),
    outages=st.booleans(),
)


@given(specs)
@settings(max_examples=40, deadline=None)
def test_candles_are_consistent_whatever_the_spec(spec: MarketSpec) -> None:
    market = make_market(spec)
    candles = market.candles
    assert list(candles.columns) == ["date", "open", "high", "low", "close", "volume"]
    assert str(candles["date"].dtype) == "datetime64[ms, UTC]"
    assert candles["date"].iloc[0] == spec.start
    assert candles["date"].is_monotonic_increasing
    assert candles["date"].is_unique
    prices = candles[["open", "high", "low", "close"]].to_numpy()
    assert candles["high"].to_numpy() == pytest.approx(prices.max(axis=1), abs=0.0)
    assert candles["low"].to_numpy() == pytest.approx(prices.min(axis=1), abs=0.0)
    assert (prices > 0.0).all()
    steps = prices / spec.tick
    assert np.abs(steps - np.rint(steps)).max() < 1e-6
    assert market.regime.shape == (len(candles),)
    assert set(np.unique(market.regime)) <= {-1, 1}


def test_a_market_is_a_function_of_its_spec() -> None:
    spec = MarketSpec(seed=3, days=5, outages=True)
    first, again = make_market(spec), make_market(spec)
    pd.testing.assert_frame_equal(first.candles, again.candles, check_exact=True)
    assert np.array_equal(first.regime, again.regime)
    other = make_market(replace(spec, seed=4))
    assert not first.candles["close"].equals(other.candles["close"].iloc[: len(first.candles)])


def test_a_spec_without_a_market_is_refused() -> None:
    with pytest.raises(ValueError, match="days must be above 0, not 0"):
        MarketSpec(days=0)


def test_who_knows_the_regime_earns_after_fees_in_every_market() -> None:
    figures = [oracle(make_market(MarketSpec(seed=seed))) for seed in range(5)]
    profits = [each.model.mean_pct.value for each in figures]
    assert min(profits) > 0.10
    assert np.mean(profits) == pytest.approx(0.16, abs=0.03)


def test_without_drift_the_regime_is_worth_nothing() -> None:
    markets = [make_market(MarketSpec(seed=seed, drift_strength=0.0)) for seed in range(5)]
    figures = [oracle(market) for market in markets]
    assert abs(np.mean([each.edge_pct.value for each in figures])) < 0.03
    # A coin flip pays the fees of both sides, and little else.
    profits = [each.model.mean_pct.value for each in figures]
    assert np.mean(profits) == pytest.approx(-0.08, abs=0.04)


def test_a_logistic_regression_finds_the_regime_in_every_market() -> None:
    edges = [regression_edge(make_market(MarketSpec(seed=seed))) for seed in range(5)]
    assert min(edges) > 0.03
    assert np.mean(edges) > 0.07


def test_labels_hold_enough_of_both_sides() -> None:
    for seed in range(3):
        labels = hybrid_labels(make_market(MarketSpec(seed=seed, days=60)).candles)
        assert 0.08 < (labels == SHORT).mean() < 0.22
        assert 0.08 < (labels == LONG).mean() < 0.22


def test_volatility_clusters_and_returns_have_fat_tails() -> None:
    returns = np.log(make_market(MarketSpec(days=60)).candles["close"]).diff().dropna()
    assert returns.kurt() > 3.0
    assert returns.abs().autocorr(60) > 0.05
    assert abs(returns.autocorr(1)) < 0.02


def test_outages_leave_out_one_run_of_minutes_and_flatten_another() -> None:
    plain = make_market(MarketSpec(seed=2, days=30))
    broken = make_market(MarketSpec(seed=2, days=30, outages=True))
    minutes = broken.candles["date"].diff().dropna() / pd.Timedelta(minutes=1)
    gap = minutes[minutes > 1]
    assert len(gap) == 1
    assert 40 <= gap.iloc[0] - 1 < 120
    assert len(plain.candles) - len(broken.candles) == gap.iloc[0] - 1
    assert (plain.candles["volume"] > 0.0).all()
    flat = broken.candles[broken.candles["volume"] == 0.0]
    assert 40 <= len(flat) < 120
    assert flat.index.max() - flat.index.min() == len(flat) - 1
    before = broken.candles["close"].loc[flat.index.min() - 1]
    assert (flat[["open", "high", "low", "close"]] == before).all(axis=None)
