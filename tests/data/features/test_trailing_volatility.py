from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.data.features.windows import trailing_volatility


@given(
    seed=st.integers(0, 2**31),
    window=st.integers(1, 12),
    rows=st.integers(12, 60),
    held=st.sampled_from([1, 30, 2**20]),
)
def test_a_row_s_volatility_is_that_of_its_window_alone(
    seed: int, window: int, rows: int, held: int
) -> None:
    random = np.random.default_rng(seed)
    features = random.normal(0, 0.001, (rows, 3)).astype(np.float32)
    changes = features[:, 1]
    asked = random.integers(window - 1, rows, 15)
    with pytest.MonkeyPatch.context() as patch:
        # However few values are copied at a time.
        patch.setattr("dualwindow.data.features.windows._VALUES_IN_MEMORY", held)
        found = trailing_volatility(changes, asked, window)
    for row, value in zip(asked, found, strict=True):
        part = [float(each) for each in changes[row - window + 1 : row + 1]]
        mean = sum(part) / window
        expected = (sum((each - mean) ** 2 for each in part) / window) ** 0.5
        assert value == pytest.approx(expected, rel=1e-5, abs=1e-12)
    # What comes after a row, or before its window, cannot matter.
    row = int(asked[0])
    others = np.full_like(changes, np.nan)
    others[row - window + 1 : row + 1] = changes[row - window + 1 : row + 1]
    assert trailing_volatility(others, asked[:1], window)[0] == found[0]


def test_a_row_without_a_window_is_refused() -> None:
    changes = np.zeros(10, np.float32)
    with pytest.raises(ValueError, match="row 3 has no window of 5"):
        trailing_volatility(changes, np.array([7, 3]), 5)
    assert trailing_volatility(changes, np.array([], np.int64), 5).shape == (0,)


def test_small_moves_around_a_large_value_are_not_lost_in_single_precision() -> None:
    changes = (1000.0 + np.random.default_rng(1).normal(0, 0.01, 500)).astype(np.float32)
    (found,) = trailing_volatility(changes, np.array([499]), 500)
    assert found == pytest.approx(changes.astype(np.float64).std(), rel=1e-9)
