"""What the auxiliary head learns agrees with its definition and looks no further than the label."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualwindow import return_targets as module
from dualwindow.columns import CHANGE_FEATURES
from dualwindow.dataset import Dataset
from dualwindow.errors import SettingsError
from dualwindow.evaluation import volatility
from dualwindow.return_targets import TARGET_BOUND, ReturnTargets
from dualwindow.settings import TrainingConfig
from tests.datasets import dataset_of

ROWS = 120


def dataset(seed: int = 0, rows: int = ROWS) -> Dataset:
    """Candles whose close changes by about 0.1 %, now and then by much more."""
    generator = np.random.default_rng(seed)
    changes = generator.standard_t(3, size=(rows, len(CHANGE_FEATURES))) * 0.001
    features = changes.clip(-0.9, 0.9).astype(np.float32)
    return replace(dataset_of(np.ones(rows)), names=CHANGE_FEATURES, features=features)


def targets_of(data: Dataset, **changes: Any) -> ReturnTargets:
    config = TrainingConfig.from_parameters(
        {"window_size": 6, "future_window": 40, "auxiliary_weight": 0.5, **changes}
    )
    targets = ReturnTargets.of(data, config)
    assert targets is not None
    return targets


def slow(data: Dataset, row: int, window: int, future: int, mirrored: bool) -> list[float]:
    """The definition, candle by candle."""
    close = [float(change) for change in data.features[:, CHANGE_FEATURES.index("close_change")]]
    past = close[row - window + 1 : row + 1]
    mean = sum(past) / window
    deviation = (sum((change - mean) ** 2 for change in past) / window) ** 0.5
    found = []
    for horizon in (min(30, future), future):
        price = 1.0
        for change in close[row + 1 : row + horizon + 1]:
            price *= 1 + change
        target = float(np.log(price)) / (deviation * horizon**0.5)
        found.append(max(min(-target if mirrored else target, TARGET_BOUND), -TARGET_BOUND))
    return found


@given(
    seed=st.integers(0, 1000),
    window=st.integers(2, 20),
    future=st.integers(1, 60),
    picked=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=12),
    memory=st.integers(1, 300),
)
def test_targets_agree_with_the_definition(
    seed: int, window: int, future: int, picked: list[tuple[float, bool]], memory: int
) -> None:
    data = dataset(seed)
    first, last = window - 1, ROWS - future - 1
    rows = np.array([first + round(share * (last - first)) for share, _ in picked])
    mirrored = np.array([flip for _, flip in picked])
    targets = targets_of(data, window_size=window, future_window=future)
    with pytest.MonkeyPatch.context() as patch:
        for each in (module, volatility):
            patch.setattr(each, "_VALUES_IN_MEMORY", memory)
        found = targets(rows, mirrored)
    expected = [
        slow(data, row, window, future, flip) for row, flip in zip(rows, mirrored, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # Whatever stands beside a row, to the last bit.
    alone = [targets(rows[[at]], mirrored[[at]])[0] for at in range(len(rows))]
    np.testing.assert_array_equal(found, alone)


def changed_rows(future: int, row: int) -> list[int]:
    """Candles that the targets of a row depend on, found by changing one after another."""
    data = dataset()
    before = _of(targets_of(data, future_window=future), row)
    found = []
    for other in range(ROWS):
        features = data.features.copy()
        features[other] += 0.01
        after = _of(targets_of(replace(data, features=features), future_window=future), row)
        if not np.array_equal(before, after):
            found.append(other)
    return found


def _of(targets: ReturnTargets, row: int) -> NDArray[np.float32]:
    return targets(np.array([row]), np.zeros(1, dtype=np.bool_))[0]


@pytest.mark.parametrize("future", [1, 7, 30, 45])
def test_targets_look_at_the_window_and_the_labels_candles_alone(future: int) -> None:
    assert changed_rows(future, 20) == list(range(15, 20 + future + 1))


def test_a_window_that_stood_still_and_candles_that_are_missing_have_no_target() -> None:
    data = dataset()
    features = data.features.copy()
    features[10:16] = 0.0
    seconds = data.seconds.copy()
    seconds[100:] += 60
    odd = targets_of(replace(data, features=features, seconds=seconds), future_window=10)
    assert np.isnan(_of(odd, 15)).all()
    assert np.isfinite(_of(odd, 16)).all()
    assert np.isfinite(_of(odd, 89)).all()
    assert np.isnan(_of(odd, 90)).all()
    assert np.isfinite(_of(odd, ROWS - 11)).all()
    assert np.isnan(_of(odd, ROWS - 10)).all()


def test_without_a_weight_there_are_none_and_without_the_feature_it_is_refused() -> None:
    data = dataset()
    assert ReturnTargets.of(data, TrainingConfig()) is None
    with pytest.raises(SettingsError, match=r"auxiliary_weight 0\.5 needs .*close_change.* to 0"):
        targets_of(replace(data, names=("a", "b", "c", "d")))
