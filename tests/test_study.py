"""Promise 4, first half: a random walk yields no edge, a planted pattern is found.

The edge is what the preferred side earns beyond a coin flip at the same entries. It is measured on
days after the training, over several market seeds, because a single run misleads.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.edge import logistic_edge, market_of, network_edge
from demo.market import MarketSpec

pytestmark = pytest.mark.study

SEEDS = (1, 2, 3)
WALKS = (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_planted_pattern_is_found(seed: int) -> None:
    market = market_of(seed, MarketSpec.drift_strength)
    found = network_edge(market)
    assert found.trades > 1000
    assert found.low > 0, found
    # The yardstick must find it too, or the market would not hold what this test is about.
    assert logistic_edge(market).low > 0


def test_random_walks_yield_no_edge() -> None:
    """What looked into the future would show in every walk, chance shows in one and not the next.

    So the walks are judged together, at three standard errors, and each by itself at four.
    """
    found = [network_edge(market_of(seed, 0.0)) for seed in WALKS]
    # The interval is 1.96 standard errors on either side.
    errors = np.array([(edge.high - edge.low) / 3.92 for edge in found])
    means = np.array([edge.mean for edge in found])
    assert (abs(means) < 4 * errors).all(), found
    assert abs(means.sum()) < 3 * np.sqrt((errors**2).sum()), found
    assert min(edge.trades for edge in found) > 1000
    # Whoever trades without an edge pays the fees.
    assert max(edge.profit for edge in found) < 0, found
