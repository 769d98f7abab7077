from __future__ import annotations

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
