"""Permutation importance finds what a model takes from where, and nothing elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.evaluation.evidence.importance import Importance, WindowRows, importances, places_of

NAMES, CANDLES = ("close_change", "volume_change", "clock"), 12
USED = 1, slice(6, 9)


def rows_of(seed: int = 0, days: int = 12, a_day: int = 40, pairs: int = 1) -> WindowRows:
    """Windows whose labels follow from three candles of one feature, with some noise."""
    random = np.random.default_rng(seed)
    count = days * a_day * pairs
    windows = random.normal(size=(count, CANDLES, len(NAMES))).astype(np.float32)
    signal = windows[:, USED[1], USED[0]].sum(axis=1) + random.normal(0.0, 1.0, count)
    labels = np.select([signal < -1.0, signal > 1.0], [SHORT, LONG], HOLD)
    seconds = np.tile(np.arange(days * a_day) * (86_400 // a_day), pairs)
    gain = np.where(labels == LONG, 0.01, np.where(labels == SHORT, -0.01, 0.0))
    profit = np.stack([-gain, gain], axis=1) - 0.001
    return WindowRows(windows, labels, seconds, np.repeat(np.arange(pairs), days * a_day), profit)


def knows(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of who knows which candles count."""
    signal = windows[:, USED[1], USED[0]].sum(axis=1, dtype=np.float64)
    scores = np.stack([-signal, np.full(len(signal), 0.8), signal], axis=1)
    exponents = np.exp(scores)
    return exponents / exponents.sum(axis=1, keepdims=True)


def found_by(rows: WindowRows) -> dict[str, Importance]:
    places = places_of(NAMES, range(len(NAMES)), CANDLES)
    return {each.name: each for each in importances(rows, knows, places).found}


@pytest.mark.parametrize("pairs", [1, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_the_model_uses_matters_and_nothing_else(seed: int, pairs: int) -> None:
    found = found_by(rows_of(seed, pairs=pairs))
    for name in (NAMES[USED[0]], "candles 4 to 6 back"):
        own = found.pop(name)
        assert own.edge_pct is not None
        assert (own.log_loss.low or 0.0) > 0.0
        assert (own.edge_pct.low or 0.0) > 0.0
    assert len(found) == 5
    for other in found.values():
        assert other.log_loss.value == 0.0
        assert other.edge_pct is not None
        assert other.edge_pct.value == 0.0


def test_the_most_important_feature_comes_first_and_parts_come_after_features() -> None:
    places = places_of(NAMES, range(len(NAMES)), CANDLES)
    found = importances(rows_of(), knows, places).found
    assert [each.kind for each in found] == ["feature"] * 3 + ["part of the window"] * 4
    assert (found[0].name, found[3].name) == (NAMES[USED[0]], "candles 4 to 6 back")


def test_whole_days_stand_in_for_each_other_at_the_same_hour() -> None:
    rows = rows_of(days=5, a_day=24)
    clock = (rows.seconds % 86_400).astype(np.float32)
    marked = rows.windows.copy()
    marked[:, :, 2] = clock[:, None]
    marked[:, :, 0] = (rows.seconds // 86_400)[:, None]
    seen: list[NDArray[np.float32]] = []

    def predict(windows: NDArray[np.float32]) -> NDArray[np.float64]:
        seen.append(windows)
        return knows(windows)

    importances(replace(rows, windows=marked), predict, places_of(NAMES, range(3), CANDLES))
    by_day = [each for each in seen if not np.array_equal(each[:, :, 0], marked[:, :, 0])]
    assert by_day
    for windows in by_day:
        replaced = np.flatnonzero((windows[:, :, 0] != marked[:, :, 0]).any(axis=0))
        for candle in replaced:
            days = windows[:, candle, 0].astype(int)
            # One donor for all windows of a day, and never the day itself.
            assert (days != rows.day).all()
            assert len(set(zip(rows.day.tolist(), days.tolist(), strict=True))) == 5
    assert all(np.array_equal(each[:, :, 2], marked[:, :, 2]) for each in seen)


def test_few_days_have_no_interval_and_no_prices_no_edge() -> None:
    found = found_by(replace(rows_of(days=3), profit=None))[NAMES[USED[0]]]
    assert found.log_loss.value > 0.0
    assert found.log_loss.low is None
    assert found.edge_pct is None
    assert "too few days" in found.log_loss.text(4)


def test_the_same_seed_gives_the_same_figures() -> None:
    assert found_by(rows_of()) == found_by(rows_of())


@pytest.mark.parametrize("candles", [4, 5, 7, 180])
def test_the_parts_are_the_whole_window(candles: int) -> None:
    places = places_of(["close_change"], [0], candles)
    parts = [place for (_, kind), (place, _) in places.items() if kind != "feature"]
    covered = np.concatenate([np.arange(candles)[part] for part in parts])
    assert sorted(covered.tolist()) == list(range(candles))
