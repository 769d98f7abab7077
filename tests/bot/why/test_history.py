"""Predictions that a bot saved are read whole, or refused whatever their damage is."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.bot.live.prediction_archive import DATE
from dualwindow.bot.why.history import HISTORY, has_history, read_history
from dualwindow.errors import ModelFileError
from dualwindow.runtime.files import CheckedFiles
from tests.makers.bot import PAIR

DATES = pd.date_range("2025-05-05", periods=5, freq="1min", tz="UTC")


def predictions(dates: Any = DATES) -> pd.DataFrame:
    return pd.DataFrame({DATE: dates, "do_predict": range(len(dates))})


def write(folder: Path, content: Any) -> Path:
    (folder / HISTORY).write_bytes(pickle.dumps(content))
    return folder


def test_a_folder_in_which_no_bot_has_predicted_has_none(tmp_path: Path) -> None:
    assert not has_history(tmp_path)
    assert read_history(tmp_path, PAIR) is None


@pytest.mark.parametrize(
    "held", [{}, {PAIR: predictions([])}, {PAIR: predictions().drop(columns=DATE)}]
)
def test_a_pair_without_predictions_has_none(held: dict[str, Any], tmp_path: Path) -> None:
    assert read_history(write(tmp_path, {"ETH/USDT:USDT": predictions(), **held}), PAIR) is None


def test_the_last_prediction_of_a_candle_counts_in_the_order_of_time(tmp_path: Path) -> None:
    """A bot predicts the candles before a start a second time."""
    found = read_history(write(tmp_path, {PAIR: predictions(DATES[[0, 1, 3, 2, 1]])}), PAIR)
    assert found is not None
    assert found[DATE].tolist() == DATES[:4].tolist()
    assert found["do_predict"].tolist() == [0, 4, 3, 2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        b"\x80\x04\x8c",
        pickle.dumps({PAIR: predictions()})[:-20],
        pickle.dumps([1, 2]),
        pickle.dumps({PAIR: 5.0}),
        pickle.dumps({PAIR: predictions(["yesterday"] * 5)}),
        pickle.dumps({PAIR: predictions(range(5))}),
        # Of a class that is not there: as an instance's module, and as one of its names.
        b"cno_such_module\nNothing\n.",
        b"cpandas\nNoSuchClass\n.",
    ],
)
def test_a_damaged_history_is_refused_with_its_file_and_the_way_out(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / HISTORY
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as refused:
        read_history(tmp_path, PAIR)
    assert str(path) in str(refused.value)
    assert "the next start of the bot sets it aside" in str(refused.value)


def test_a_history_that_has_changed_since_it_was_written_is_refused(tmp_path: Path) -> None:
    CheckedFiles(tmp_path).write(HISTORY, pickle.dumps({PAIR: predictions()}))
    assert read_history(tmp_path, PAIR) is not None
    write(tmp_path, {PAIR: predictions().assign(do_predict=1)})
    with pytest.raises(ModelFileError, match="SHA-256"):
        read_history(tmp_path, PAIR)
