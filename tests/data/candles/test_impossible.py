"""An impossible candle is unknown: no window and no label reaches over it, and all else stays."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.columns import UNKNOWN
from dualwindow.data.candles.feather import CandleBatch
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import huge_moves, impossible_candles, known_frame
from dualwindow.data.features.base import change_features
from dualwindow.data.features.candle_arrays import CandleArrays, read_candles
from dualwindow.data.features.feature_sets import standard_features
from dualwindow.data.features.rows import PairRows
from dualwindow.settings import TrainingConfig
from tests.makers.impossible import IMPOSSIBLE, as_missing, planted, slow_impossible
from tests.makers.markets import PRICES, candle_frames, cuts, random_candles

CONFIG = TrainingConfig(
    window_size=6, future_window=4, max_flat_candles=3, patch_size=1, long_tp_pct=0.002,
    long_sl_pct=0.001, short_tp_pct=0.002, short_sl_pct=0.001,
)  # fmt: skip
PERIODS = (5, 12)
ROWS = 60

plantings = st.dictionaries(
    st.integers(0, ROWS - 1), st.sampled_from(sorted(IMPOSSIBLE)), min_size=1, max_size=6
)


def featured(candles: pd.DataFrame) -> pd.DataFrame:
    """Candles with the features that the hooks make of them."""
    features = change_features(candles) | standard_features(candles, PERIODS, "base")
    return candles.assign(**{f"%-{name}": values for name, values in features.items()})


def in_memory(candles: pd.DataFrame) -> CandleArrays:
    frame = featured(candles)
    return read_candles(frame, list(frame.filter(like="%-")), "BTC/USDT", "1m")


def stored(candles: pd.DataFrame, cut: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Features and usable labels of rows that were fed block by block."""
    columns = {name: candles[name].to_numpy() for name in (*PRICES, "volume")}
    batch = CandleBatch(utc_seconds(candles["date"]), columns)
    rows = PairRows(CONFIG, PERIODS, 60)
    parts = [rows.update(batch.rows(*ends)) for ends in itertools.pairwise(sorted(set(cut)))]
    labels = [*(part[1] for part in parts), rows.rest()]
    return np.concatenate([part[0] for part in parts]), np.concatenate(labels)


@given(candles=candle_frames(infinities=True), data=st.data())
def test_the_rule_finds_every_candle_that_no_market_can_have_made(
    candles: pd.DataFrame, data: st.DataObject
) -> None:
    if len(candles):
        kinds = st.dictionaries(
            st.integers(0, len(candles) - 1), st.sampled_from(sorted(IMPOSSIBLE)), max_size=5
        )
        candles = planted(candles, data.draw(kinds))
    assert impossible_candles(candles).tolist() == slow_impossible(candles)


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_each_kind_is_found_where_it_is_planted_and_nowhere_else(kind: str) -> None:
    found = impossible_candles(planted(random_candles(30), {9: kind, 20: kind}))
    assert np.flatnonzero(found).tolist() == [9, 20]


def test_prices_that_an_exchange_rounds_apart_and_silence_are_possible() -> None:
    candles = random_candles(30, flat=[(10, 5)])
    candles.loc[3, "close"] = candles.loc[3, "high"] * 1.0005
    candles.loc[4, "open"] = candles.loc[4, "low"] * 0.9995
    assert not impossible_candles(candles).any()
    assert known_frame(candles) is candles


def test_real_candles_are_possible(btc_futures: pd.DataFrame) -> None:
    assert not impossible_candles(btc_futures).any()
    assert not huge_moves(btc_futures).any()


@given(seed=st.integers(0, 20), kinds=plantings)
@settings(max_examples=60, deadline=None)
def test_no_window_holds_one_and_no_label_reaches_over_one(
    seed: int, kinds: dict[int, str]
) -> None:
    candles = planted(random_candles(ROWS, seed), kinds)
    valid = in_memory(candles).valid_windows(CONFIG)
    _, labels = stored(candles, [0, ROWS])
    for row in kinds:
        assert not valid[row : row + CONFIG.window_size].any()
        assert (labels[max(row - CONFIG.future_window, 0) : row + 1] == UNKNOWN).all()


@given(seed=st.integers(0, 20), kinds=plantings)
@settings(max_examples=60, deadline=None)
def test_other_features_are_those_of_a_market_in_which_it_is_missing(
    seed: int, kinds: dict[int, str]
) -> None:
    market = random_candles(ROWS, seed)
    found = in_memory(planted(market, kinds)).features
    unknown = sorted({row for at in kinds for row in (at, at + 1) if row < ROWS})
    assert np.isnan(found[unknown]).all()
    other = np.setdiff1d(np.arange(ROWS), unknown)
    missing = in_memory(as_missing(market, list(kinds))).features
    np.testing.assert_array_equal(found[other], missing[other])


@given(seed=st.integers(0, 20), kinds=plantings, cut=cuts(ROWS))
@settings(max_examples=60, deadline=None)
def test_stored_rows_are_those_in_memory_wherever_they_are_cut(
    seed: int, kinds: dict[int, str], cut: list[int]
) -> None:
    candles = planted(random_candles(ROWS, seed), kinds)
    features, labels = stored(candles, cut)
    whole, whole_labels = stored(candles, [0, ROWS])
    np.testing.assert_array_equal(features, whole)
    np.testing.assert_array_equal(labels, whole_labels)
    np.testing.assert_array_equal(in_memory(candles).features, whole)


def test_a_long_average_survives_one() -> None:
    market = random_candles(500)
    averages = standard_features(planted(market, {100: "prices of -5"}), (300,), "extended")
    assert np.isfinite(averages["price_to_ma300"][299:]).all()
    assert np.isfinite(averages["rms_change120"][130:]).all()


@pytest.mark.parametrize("factor", [1000.0, 1e6, 1e-9])
def test_a_huge_move_is_possible_and_found(factor: float) -> None:
    candles = random_candles(40)
    candles.loc[20, PRICES] *= factor
    candles.loc[30:, PRICES] *= factor
    candles.loc[10, "low"] = 1e-9
    assert not impossible_candles(candles).any()
    assert np.flatnonzero(huge_moves(candles)).tolist() == [10, 20, 21, 30]
