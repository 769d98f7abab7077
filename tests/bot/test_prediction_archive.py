"""Live predictions stay bounded in memory, and none is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.drawer_files import FOLDER, file_oldest, with_filed


def predictions(first: int, rows: int) -> pd.DataFrame:
    """Predictions of some candles as FreqAI holds them: 0 stands where the bot was off."""
    numbers = np.arange(first, first + rows)
    dates = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(numbers, unit="min")
    sides = [0 if number % 7 == 0 else "LONG" for number in numbers]
    return pd.DataFrame(
        {
            "&-side": pd.Series(sides, dtype=object),
            "LONG": numbers / 1000,
            "do_predict": (numbers % 2).astype(float),
            "date_pred": pd.Series(dates).dt.as_unit("ms"),
        }
    )


@given(rows=st.integers(1, 400), held=st.integers(5, 60), at_once=st.integers(1, 40))
def test_memory_is_bounded_and_every_prediction_is_found_again(
    rows: int, held: int, at_once: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("models")
    kept = predictions(0, 1)
    for number in range(1, rows):
        kept = pd.concat([kept, predictions(number, 1)], ignore_index=True)
        kept = file_oldest(kept, folder, "BTC", held=held, rows=at_once)
        assert len(kept) < held + at_once
    whole = with_filed(kept, folder, "BTC")
    expected = predictions(0, rows)
    pd.testing.assert_frame_equal(whole.drop(columns="&-side"), expected.drop(columns="&-side"))
    assert (whole["&-side"].astype(str) == expected["&-side"].astype(str)).all()


def test_nothing_is_written_before_there_is_enough(tmp_path: Path) -> None:
    kept = predictions(0, 14)
    assert file_oldest(kept, tmp_path, "BTC", held=10, rows=5) is kept
    assert not (tmp_path / FOLDER).exists()


def test_a_bot_killed_after_it_wrote_a_file_counts_no_candle_twice(tmp_path: Path) -> None:
    before = predictions(0, 15)
    file_oldest(before, tmp_path, "BTC", held=10, rows=5)
    # The saved predictions are those from before, and some candles later they are filed again.
    again = pd.concat([before, predictions(15, 3)], ignore_index=True)
    left = file_oldest(again, tmp_path, "BTC", held=10, rows=5)
    whole = with_filed(left, tmp_path, "BTC")
    assert list(whole["date_pred"]) == list(predictions(0, 18)["date_pred"])
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def test_another_coin_has_files_of_its_own(tmp_path: Path) -> None:
    file_oldest(predictions(0, 15), tmp_path, "BTC", held=10, rows=5)
    other = predictions(50, 3)
    assert with_filed(other, tmp_path, "ETH") is other
