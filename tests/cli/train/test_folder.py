"""Folders of trainings: never one over another, and the unfinished one is found again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dualwindow.cli.train import folder as training_folder
from dualwindow.cli.train.folder import (
    TrainingFolder,
    folder_name,
    new_folder,
    unfinished_folder,
)
from dualwindow.errors import DataError, SettingsError

RECORD = {
    "pairs": ["BTC/USDT"],
    "exchange": "binance",
    "trading_mode": "spot",
    "timeframe": "1m",
    "periods": (1440, 43200),
    "first": 0,
    "stop": 86_400,
    "tail_fraction": 0.1,
    "pretrained": None,
    "epochs": 3,
    "lstm_units": (4, 4),
}


@pytest.fixture(autouse=True)
def finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a file `whole` holds a model."""
    monkeypatch.setattr(training_folder, "is_portable", lambda path: (path / "whole").is_file())


@pytest.mark.parametrize(
    ("preset", "pairs", "name"),
    [
        (None, ["BTC/USDT"], "dualwindow-BTC_USDT"),
        ("quick", ["BTC/USDT:USDT"], "dualwindow-quick-BTC_USDT_USDT"),
        ("mine/slow.json", ["BTC/USDT", "ETH/USDT"], "dualwindow-slow-BTC_USDT-ETH_USDT"),
        (None, ["A/B", "C/D", "E/F"], "dualwindow-3-pairs"),
    ],
)
def test_folders_are_named_after_preset_and_pairs(
    preset: str | None, pairs: list[str], name: str
) -> None:
    assert folder_name(preset, pairs) == name


def test_a_new_training_leaves_the_folders_of_earlier_ones_alone(tmp_path: Path) -> None:
    first = new_folder(tmp_path, "model", None)
    first.begin(RECORD)
    second = new_folder(tmp_path, "model", None)
    assert (first.path.name, second.path.name) == ("model", "model-2")


def test_a_named_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SettingsError, match="holds something already"):
        new_folder(tmp_path, "model", tmp_path)
    with pytest.raises(SettingsError, match="holds something already"):
        new_folder(tmp_path, "model", tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    assert new_folder(tmp_path, "model", tmp_path / "empty").path == tmp_path / "empty"


def test_the_newest_training_that_was_begun_is_the_one_to_go_on_with(tmp_path: Path) -> None:
    assert unfinished_folder(tmp_path, "model", None) is None
    assert unfinished_folder(tmp_path, "model", tmp_path) is None
    for _ in range(2):
        new_folder(tmp_path, "model", None).begin(RECORD)
    found = unfinished_folder(tmp_path, "model", None)
    assert found is not None
    assert found.path.name == "model-2"
    assert found.is_unfinished
    # An earlier one that was deleted does not hide it.
    shutil.rmtree(tmp_path / "model")
    (tmp_path / "model-of-others").mkdir()
    still = unfinished_folder(tmp_path, "model", None)
    assert still is not None
    assert still.path.name == "model-2"
    new_folder(tmp_path, "model", None).begin(RECORD)
    named = unfinished_folder(tmp_path, "model", tmp_path / "model")
    assert named is not None
    assert named.path.name == "model"


def test_a_training_that_was_killed_after_its_model_was_whole_is_finished(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, "model", None)
    folder.begin(RECORD)
    (folder.path / "whole").touch()
    found = unfinished_folder(tmp_path, "model", None)
    assert found is not None
    assert found.is_finished
    assert not found.is_unfinished


def test_the_record_comes_back_and_tells_what_differs(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path / "model")
    folder.begin(RECORD)
    assert folder.differences(RECORD) == []
    assert folder.differences({**RECORD, "stop": 90_000, "epochs": 5}) == [
        "stop: the training there has 86400, now it is 90000",
        "epochs: the training there has 3, now it is 5",
    ]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', "{}"])
def test_a_damaged_record_is_refused_with_the_way_out(content: str, tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    folder.begin(RECORD)
    record = next(tmp_path.glob("*.json"))
    record.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"is damaged .* start it again without --resume"):
        folder.recorded()


def test_what_left_nothing_to_go_on_with_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path / "model")
    folder.begin(RECORD)
    folder.abandon()
    assert not folder.path.exists()
    folder.begin(RECORD)
    (folder.path / "notes.txt").touch()
    folder.abandon()
    assert [each.name for each in folder.path.iterdir()] == ["notes.txt"]


def test_two_trainings_never_share_a_folder(tmp_path: Path) -> None:
    # Neither has begun when the other looks for a folder.
    first, second = (new_folder(tmp_path, "model", None) for _ in range(2))
    assert first.path != second.path
    with (
        first.held(),
        pytest.raises(DataError, match=r"another training is at work in .*model; wait for its end"),
        TrainingFolder(first.path).held(),
    ):
        raise AssertionError("both hold it")
    with TrainingFolder(first.path).held():
        pass


def test_what_was_half_written_goes_with_what_left_nothing_to_go_on_with(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, "model", None)
    folder.begin(RECORD)
    for name in ("model.safetensors", "model.json", "evaluation.json"):
        (folder.path / name).touch()
    folder.abandon()
    assert not folder.path.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        TrainingFolder(tmp_path / "file" / "model").begin(RECORD)
    with pytest.raises(DataError, match="cannot be written"):
        new_folder(tmp_path / "file", "model", None)


def test_the_record_is_plain_json(tmp_path: Path) -> None:
    TrainingFolder(tmp_path).begin(RECORD)
    content = json.loads(next(tmp_path.glob("*.json")).read_text(encoding="utf-8"))
    assert content["lstm_units"] == [4, 4]
