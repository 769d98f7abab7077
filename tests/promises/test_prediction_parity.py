"""Promise 2, first half: one candle gets one answer, however the prediction is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.makers.bot import FEATURE_SETS, PAIR, Bot, make_bot

TRAIN_ROWS = 3000
SLICE_ROWS = 900


#: Settings of the features: the sets, and some features for the wide path.
SETTINGS = [{"feature_set": name} for name in FEATURE_SETS] + [
    {"wide_features": ["price_to_ma*", "close_change"], "window_features": ["*_change"]}
]


@pytest.fixture(scope="module", params=SETTINGS, ids=[*FEATURE_SETS, "wide"])
def bot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return make_bot(tmp_path_factory.mktemp("parity"), request.param)


@pytest.fixture(scope="module")
def featured(bot: Bot, btc_gap_filled: pd.DataFrame) -> pd.DataFrame:
    """Training, then a slice that holds an outage of 152 flat candles."""
    middle = int(np.flatnonzero(btc_gap_filled["date"] == pd.Timestamp("2023-03-24 12:40Z"))[0])
    first = middle - TRAIN_ROWS - 300
    candles = btc_gap_filled.iloc[first : first + TRAIN_ROWS + SLICE_ROWS].reset_index(drop=True)
    frame = bot.features(candles)
    bot.train(frame.iloc[:TRAIN_ROWS])
    return frame


@pytest.fixture(scope="module")
def slice_answer(bot: Bot, featured: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return bot.predict(featured.iloc[TRAIN_ROWS:])


def test_no_candle_at_the_start_of_a_slice_is_lost(
    slice_answer: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    _, _, usable = slice_answer
    assert usable[:100].all()


def test_only_windows_over_the_outage_are_not_predicted(
    bot: Bot, featured: pd.DataFrame, slice_answer: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    probabilities, decisions, usable = slice_answer
    settings = bot.model._settings
    flat = (featured["volume"].iloc[TRAIN_ROWS:] == 0).to_numpy()
    first = int(np.flatnonzero(flat)[0])
    last = int(np.flatnonzero(flat)[-1])
    lost_from = first + settings.max_flat_candles
    lost_to = last + settings.window_size - settings.max_flat_candles
    expected = np.ones(len(flat), dtype=int)
    expected[lost_from:lost_to] = 0
    np.testing.assert_array_equal(usable, expected)
    assert (decisions[usable == 0] == "HOLD").all()
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities[usable == 1].sum(axis=1), 1.0, atol=1e-6)


def test_single_rows_with_conv_width_equal_the_whole_slice(
    bot: Bot, featured: pd.DataFrame, slice_answer: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    probabilities, decisions, usable = slice_answer
    width = bot.model.CONV_WIDTH
    for at in [*range(20), *range(60, SLICE_ROWS, 37), SLICE_ROWS - 1]:
        last = TRAIN_ROWS + at
        alone, decision, alone_usable = bot.predict(featured.iloc[last - width + 1 : last + 1])
        assert alone_usable[-1] == usable[at]
        np.testing.assert_allclose(alone[-1], probabilities[at], rtol=0, atol=1e-5)
        assert decision[-1] == decisions[at]


def test_any_part_of_the_slice_equals_the_whole(
    bot: Bot, featured: pd.DataFrame, slice_answer: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    probabilities, _, usable = slice_answer
    width = bot.model.CONV_WIDTH
    start = 450
    part, _, part_usable = bot.predict(featured.iloc[TRAIN_ROWS + start :])
    # The saved context does not reach here, so the first P - 1 rows have no window, and only they.
    np.testing.assert_array_equal(part_usable[: width - 1], 0)
    np.testing.assert_array_equal(part_usable[width - 1 :], usable[start + width - 1 :])
    np.testing.assert_allclose(
        part[width - 1 :], probabilities[start + width - 1 :], rtol=0, atol=1e-5
    )


FRESH_PROCESS = """
import sys
import numpy as np
import torch
from dualwindow.data.features.candle_arrays import CandleArrays

content = torch.load(sys.argv[1], weights_only=False)
model = content["pytrainer"].load_from_checkpoint(content)
saved = np.load(sys.argv[2])
candles = CandleArrays(model.feature_names, saved["seconds"], saved["features"], saved["flat"])
np.save(sys.argv[3], model.predict(candles).probabilities)
"""


def test_a_saved_model_in_a_fresh_process_gives_the_same_answer(
    bot: Bot,
    featured: pd.DataFrame,
    slice_answer: tuple[np.ndarray, np.ndarray, np.ndarray],
    tmp_path: Path,
) -> None:
    from dualwindow.data.features.candle_arrays import read_candles

    probabilities, _, usable = slice_answer
    kitchen = bot.kitchen()
    kitchen.find_features(featured)
    candles = read_candles(featured.iloc[TRAIN_ROWS:], kitchen.training_features_list, PAIR, "1m")
    bot.model.model.save(tmp_path / "model.zip")
    np.savez(
        tmp_path / "slice.npz",
        seconds=candles.seconds,
        features=candles.features,
        flat=candles.flat,
    )
    files = [str(tmp_path / name) for name in ("model.zip", "slice.npz", "out.npy")]
    subprocess.run([sys.executable, "-c", FRESH_PROCESS, *files], check=True)
    again = np.load(files[2])
    np.testing.assert_array_equal(np.isnan(again).any(axis=1), usable == 0)
    np.testing.assert_allclose(again[usable == 1], probabilities[usable == 1], rtol=0, atol=1e-5)
