from __future__ import annotations

import math

import numpy as np
import pytest

from dualwindow.columns import HOLD, LONG, UNKNOWN
from dualwindow.settings import TrainingConfig
from studies.edge import preferred_sides, sides_of, traded
from tests.makers.markets import random_candles


def test_the_preferred_side_has_the_higher_probability_over_its_prior() -> None:
    probabilities = np.array([[0.30, 0.5, 0.20], [0.29, 0.5, 0.21], [0.1, 0.5, 0.4]])
    assert preferred_sides(probabilities, np.array([0.2, 0.6, 0.2])).tolist() == [0, 0, 2]
    # Where SHORT is common, the same 0.30 says less than 0.20 of a rare LONG.
    assert preferred_sides(probabilities, np.array([0.3, 0.6, 0.1])).tolist() == [2, 2, 2]


@pytest.mark.parametrize("place", range(3))
def test_a_row_without_a_prediction_prefers_no_side(place: int) -> None:
    probabilities = np.array([[0.3, 0.3, 0.4]] * 3, np.float32)
    probabilities[1, place] = math.nan
    found = preferred_sides(probabilities, np.array([0.3, 0.4, 0.3]))
    assert found.tolist() == [LONG, UNKNOWN, LONG]
    assert found.dtype == np.int8


def test_nothing_is_earned_where_nothing_is_said() -> None:
    figures = traded(random_candles(50), np.full(50, HOLD, np.int8), TrainingConfig())
    with pytest.raises(ValueError, match="at least one trade"):
        sides_of(figures)
