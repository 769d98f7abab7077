from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from dualwindow.bot.drawer_files import set_aside_damaged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    predictions = tmp_path / "backtesting_predictions"
    predictions.mkdir()
    pd.DataFrame({"a": range(100)}).to_feather(predictions / "cb_btc_1_prediction.feather")
    (tmp_path / "pair_dictionary.json").write_text('{"BTC/USDT": {}}')
    (tmp_path / "global_metadata.json").write_text('{"start_dry_live_date": 1}')
    return tmp_path


def test_whole_files_stay(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    assert set_aside_damaged(folder) == []
    assert sorted(folder.rglob("*")) == before


def test_a_folder_that_is_not_there_is_fine(tmp_path: Path) -> None:
    assert set_aside_damaged(tmp_path / "new") == []


@pytest.mark.parametrize("keep", [0, 1, 0.5, 0.9])
@pytest.mark.parametrize(
    "name",
    [
        "pair_dictionary.json",
        "global_metadata.json",
        "backtesting_predictions/cb_btc_1_prediction.feather",
    ],
)
def test_a_truncated_file_is_set_aside_and_never_lost(
    name: str, keep: float, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = folder / name
    content = file.read_bytes()
    cut = content[: keep if isinstance(keep, int) else int(len(content) * keep)]
    file.write_bytes(cut)
    (aside,) = set_aside_damaged(folder)
    assert aside.read_bytes() == cut
    assert not file.exists()
    assert str(file) in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "pair_dictionary.json",
        "global_metadata.json",
        "metric_tracker.json",
        "run_params.json",
        "state_sums.json",
        "traded.json",
        "historic_predictions.pkl",
        "historic_predictions.backup.pkl",
        "records/cb_btc_1_model.json",
        "backtesting_predictions/cb_btc_1_prediction.feather",
        "old_predictions/BTC_202501010000.feather",
        "old_predictions/state_sums.json",
        "sub-train-BRK.B_1735884000/manifest.json",
        "sub-train-BRK.B_1735884000/cb_brk.b_1735884000_model.zip",
        "sub-train-BRK.B_1735884000/unfinished-1735884000.checkpoint",
    ],
)
def test_a_folder_in_the_place_of_a_file_is_set_aside(
    name: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = folder / name
    file.unlink(missing_ok=True)
    (file / "state_sums.json").mkdir(parents=True)
    moved = set_aside_damaged(folder)
    assert not file.exists()
    assert file.with_name(f"{file.name}.damaged") in moved
    assert f"{file} is a folder where a file belongs; it was set aside as" in caplog.text
    assert set_aside_damaged(folder) == []


@pytest.mark.parametrize(
    "name", ["records", "backtesting_predictions", "old_predictions", "sub-train-BTC_1735884000"]
)
def test_a_file_in_the_place_of_a_folder_is_set_aside(
    name: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).write_text("x")
    (aside,) = set_aside_damaged(folder)
    assert aside.read_text() == "x"
    assert not (folder / name).exists()
    assert f"{folder / name} is a file where a folder belongs" in caplog.text
    assert set_aside_damaged(folder) == []
