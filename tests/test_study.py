"""Promise 4, first half: a random walk yields no edge, a planted pattern is found.

The edge is what the preferred side earns beyond a coin flip at the same entries. It is measured on
days after the training, over several market seeds, because a single run misleads.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from demo.market import MarketSpec, make_market
from dualwindow.candles import CandleArrays
from dualwindow.edge import Edge, Trade, edge_of, preferred_sides, simulate
from dualwindow.features import change_features, moving_average_features
from dualwindow.settings import TrainingConfig
from dualwindow.training import train_model
from dualwindow.windows import flat_candles, label_frame, utc_seconds

pytestmark = pytest.mark.study

DAY = 1440
TRAIN_DAYS, TEST_DAYS = 60, 80
SEEDS = (1, 2, 3)
#: The windows, barriers and training of the defaults, with a network small enough for a test.
CONFIG = TrainingConfig(
    patch_size=10, lstm_units=(32, 16), dense_units=(16,), epochs=8, early_stopping_patience=4
)


@cache
def trades_of(seed: int, drift_strength: float) -> tuple[list[Trade], np.ndarray]:
    """Train on the first days of a market and trade the preferred side on the rest."""
    market = make_market(
        MarketSpec(seed=seed, days=TRAIN_DAYS + TEST_DAYS, drift_strength=drift_strength)
    ).candles
    train, test = (
        arrays_of(market, slice(0, TRAIN_DAYS * DAY)),
        arrays_of(market, slice(TRAIN_DAYS * DAY, None)),
    )
    labels, _ = label_frame(market.iloc[: TRAIN_DAYS * DAY], CONFIG)
    model = train_model(train, labels, CONFIG, name=f"market {seed}")
    sides = preferred_sides(model.predict(test).probabilities, np.full(3, 1 / 3))
    after = market.iloc[TRAIN_DAYS * DAY :].reset_index(drop=True)
    return simulate(after, sides, CONFIG), test.seconds


def arrays_of(market: object, rows: slice) -> CandleArrays:
    features = change_features(market) | moving_average_features(market, DAY)  # type: ignore[arg-type]
    table = np.stack(list(features.values()), axis=1).astype(np.float32)
    return CandleArrays(
        tuple(features),
        utc_seconds(market["date"])[rows],  # type: ignore[index]
        np.ascontiguousarray(table[rows]),
        flat_candles(market)[rows],  # type: ignore[arg-type]
    )


def edge(seed: int, drift_strength: float) -> Edge:
    trades, seconds = trades_of(seed, drift_strength)
    return edge_of(trades, seconds)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_planted_pattern_is_found(seed: int) -> None:
    found = edge(seed, MarketSpec.drift_strength)
    assert found.trades > 1000
    assert found.low > 0, found


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_walk_yields_no_edge(seed: int) -> None:
    found = edge(seed, 0.0)
    # The interval is 1.96 standard errors on either side; among many markets one in twenty lies
    # outside, so each may be three away.
    error = (found.high - found.low) / 3.92
    assert found.trades > 1000
    assert abs(found.mean) < 3 * error, found
    # Whoever trades without an edge pays the fees.
    assert found.profit < 0, found
