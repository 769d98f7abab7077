"""Promise 4, first half: a random walk yields no edge, a planted pattern is found.

The edge is what the preferred side earns beyond a coin flip at the same entries. It is measured on
days after the training, over several market seeds, because a single run misleads.
"""

from __future__ import annotations

import pytest

from benchmarks.edge import logistic_edge, market_of, network_edge
from demo.market import MarketSpec

pytestmark = pytest.mark.study

SEEDS = (1, 2, 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_planted_pattern_is_found(seed: int) -> None:
    market = market_of(seed, MarketSpec.drift_strength)
    found = network_edge(market)
    assert found.trades > 1000
    assert found.low > 0, found
    # The yardstick must find it too, or the market would not hold what this test is about.
    assert logistic_edge(market).low > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_walk_yields_no_edge(seed: int) -> None:
    found = network_edge(market_of(seed, 0.0))
    # The interval is 1.96 standard errors on either side; among many markets one in twenty lies
    # outside, so each may be three away.
    error = (found.high - found.low) / 3.92
    assert found.trades > 1000
    assert abs(found.mean) < 3 * error, found
    # Whoever trades without an edge pays the fees.
    assert found.profit < 0, found
