"""Promise 4, first half: a random walk yields no edge, a planted pattern is found.

The edge is what the preferred side earns beyond a coin flip at the same entries. It is measured on
days after the training, over several market seeds, because a single run misleads.
"""

from __future__ import annotations

import numpy as np
import pytest

from studies import null, power
from studies.markets import SMALL_NETWORK, Days, StudyMarket

pytestmark = pytest.mark.study

SEEDS = (1, 2, 3)
WALKS = null.Scale((1, 2, 3, 4, 5, 6), Days(), dict(SMALL_NETWORK))
#: Worth some +0.15 % a trade to who knows the drift's sign.
STRENGTH = 0.062


@pytest.mark.parametrize("seed", SEEDS)
def test_the_planted_pattern_is_found(seed: int) -> None:
    market = StudyMarket.from_seed(seed, STRENGTH, Days())
    found = power.network(market, SMALL_NETWORK)
    assert found["trades"] > 1000
    assert found["edge_pct"]["low"] > 0, found
    # The yardstick must find it too, or the market would not hold what this test is about.
    assert power.logistic(market)["edge_pct"]["low"] > 0


def test_random_walks_yield_no_edge() -> None:
    """What looked into the future would show in every walk, chance shows in one and not the next.

    So the walks are judged together, at three standard errors, and each by itself at four.
    """
    walks = [null.walk(seed, WALKS) for seed in WALKS.seeds]
    edges = [each["edge_pct"] for each in walks]
    # The interval is 1.96 standard errors on either side.
    errors = np.array([(edge["high"] - edge["low"]) / 3.92 for edge in edges])
    means = np.array([edge["value"] for edge in edges])
    assert (abs(means) < 4 * errors).all(), edges
    assert abs(means.sum()) < 3 * np.sqrt((errors**2).sum()), edges
    assert min(each["trades"] for each in walks) > 1000
    # Whoever trades without an edge pays the fees.
    assert max(each["profit_pct"] for each in walks) < 0, walks
    for each in walks:
        assert null.NOTHING in each["verdict"].lower(), each["verdict"]
        assert not each["found"]
