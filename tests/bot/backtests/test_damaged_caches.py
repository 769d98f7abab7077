"""Saved predictions, their records and figures that are not as they were written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException

from dualwindow.errors import ModelFileError
from dualwindow.models.identifier.saved_predictions import read_saved
from dualwindow.report.trainings import read_windows
from tests.makers.backtests import Backtests, Done, market

NAME = "cb_btc_1735884000_prediction.feather"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Backtests, Done]:
    backtests = Backtests(tmp_path_factory.mktemp("made"), market())
    return backtests, backtests.run(slices=2)


@pytest.fixture
def backtests(made: tuple[Backtests, Done], tmp_path: Path) -> Backtests:
    return Backtests(shutil.copytree(made[0].folder, tmp_path / "copy"), made[0].frames)


def flip(place: float) -> Callable[[Path], None]:
    """Flip one bit, at a share of the file's length."""

    def flipped(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(place * (len(content) - 1))] ^= 4
        path.write_bytes(content)

    return flipped


def edit_probabilities(path: Path) -> None:
    pd.read_feather(path).assign(LONG=0.99).to_feather(path)


def save_again(path: Path) -> None:
    """The same predictions, but for two that were exchanged."""
    frame = pd.read_feather(path)
    frame.loc[[3, 4], "LONG"] = frame.loc[[4, 3], "LONG"].to_numpy()
    frame.to_feather(path)


DAMAGES = [flip(place) for place in np.linspace(0, 1, 12)] + [
    edit_probabilities,
    save_again,
    lambda path: path.write_bytes(path.read_bytes()[:-20]),
    lambda path: path.write_bytes(b""),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_prediction_is_made_again_and_read_by_nothing(
    damage: Callable[[Path], None], backtests: Backtests, made: tuple[Backtests, Done]
) -> None:
    file = backtests.predictions / NAME
    whole = pd.read_feather(file)
    damage(file)
    with pytest.raises(ModelFileError, match="is damaged or was changed by hand"):
        read_saved(file)
    again = backtests.run(slices=2)
    assert (again.trained, again.predicted) == ([], [6])
    assert NAME in again.line("it was set aside as")
    pd.testing.assert_frame_equal(again.frame, made[1].frame)
    pd.testing.assert_frame_equal(read_saved(file), whole)
    assert backtests.run(slices=2).reused


@pytest.mark.parametrize("damage", [flip(0.1), flip(0.5), flip(0.9), lambda path: path.unlink()])
def test_a_prediction_without_its_record_is_made_again(
    damage: Callable[[Path], None], backtests: Backtests, made: tuple[Backtests, Done]
) -> None:
    damage((backtests.models / "records" / NAME).with_suffix(".json"))
    again = backtests.run(slices=2)
    assert (again.trained, again.predicted) == ([], [6])
    pd.testing.assert_frame_equal(again.frame, made[1].frame)


def test_a_model_with_a_damaged_record_is_trained_again(backtests: Backtests) -> None:
    flip(0.5)(backtests.models / "records" / "cb_btc_1735884000_model.json")
    (backtests.predictions / NAME).unlink()
    again = backtests.run(slices=2)
    assert again.trained == [6]
    assert "1 of 2 slices, the first" in again.line("records of candles are damaged")


@pytest.mark.parametrize("place", np.linspace(0, 1, 5))
def test_damaged_figures_are_left_out_and_their_model_is_refused(
    place: float, backtests: Backtests, caplog: pytest.LogCaptureFixture
) -> None:
    figures = backtests.models / "sub-train-BTC_1735884000" / "evaluation.json"
    flip(place)(figures)
    assert len(read_windows(backtests.models)) == 1
    assert f"{figures} is damaged (its SHA-256 sum differs)" in caplog.text
    (backtests.predictions / NAME).unlink()
    with pytest.raises(OperationalException, match=r"evaluation.json is damaged"):
        backtests.run(slices=2)


def test_an_edited_figure_is_left_out(backtests: Backtests) -> None:
    figures = backtests.models / "sub-train-BTC_1735884000" / "evaluation.json"
    content = json.loads(figures.read_bytes())
    content["validation"]["rows"] = 10**6
    figures.write_text(json.dumps(content), encoding="utf-8")
    assert len(read_windows(backtests.models)) == 1


def test_a_file_that_was_written_when_the_process_was_killed_has_its_record(
    backtests: Backtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the record and the file, the file of before is there and known."""
    file = backtests.predictions / NAME
    before = file.read_bytes()
    (backtests.predictions / "cb_btc_1735862400_prediction.feather").unlink()

    def killed(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dualwindow.models.identifier.records.whole_file", killed)
    with pytest.raises(KeyboardInterrupt):
        backtests.run(slices=2)
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert backtests.run(slices=2).predicted == [0]


MODEL = "sub-train-BTC_1735884000"


@pytest.mark.parametrize("predicted", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "dualwindow.json",
        "run_params.json",
        "state_sums.json",
        "traded.json",
        "records",
        "records/cb_btc_1735884000_model.json",
        "records/cb_btc_1735884000_prediction.json",
        "backtesting_predictions",
        f"backtesting_predictions/{NAME}",
        MODEL,
        f"{MODEL}/manifest.json",
        f"{MODEL}/cb_btc_1735884000_model.zip",
        f"{MODEL}/cb_btc_1735884000_trained_dates_df.pkl",
    ],
)
def test_what_lies_in_the_place_of_a_file_or_folder_is_set_aside(
    name: str, predicted: bool, backtests: Backtests, made: tuple[Backtests, Done]
) -> None:
    """The backtest is that of before."""
    place = backtests.models / name
    if place.is_dir():
        shutil.rmtree(place)
        place.write_bytes(b"x")
    else:
        place.unlink()
        place.mkdir()
    saved = backtests.predictions / NAME
    if not predicted and saved.is_file():
        saved.unlink()
    again = backtests.run(slices=2)
    pd.testing.assert_frame_equal(again.frame, made[1].frame)
    assert backtests.run(slices=2).reused


@pytest.mark.parametrize("name", ["models", "models/bound"])
def test_a_file_in_the_place_of_the_identifier_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    place = tmp_path / name
    if place.is_dir():
        place.rmdir()
    place.write_bytes(b"x")
    with pytest.raises(OperationalException, match=r"models/bound cannot be made"):
        Backtests(tmp_path, market()).run(slices=1)
