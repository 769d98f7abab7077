"""`freqai.continual_learning` in a backtest: every slice from the model of the slice before it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.models.chain.former import FormerModel
from dualwindow.models.chain.link import ChainLink
from dualwindow.models.freqai_folders import find_models
from dualwindow.training.start import chain as chain_module
from tests.makers.backtests import BASE, Backtests, Done, at_hour, begin_at, market

ALL = [0, 6, 12, 18]


@pytest.fixture(autouse=True)
def accepting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every warm training: random candles teach nothing."""
    monkeypatch.setattr(chain_module, "worse", lambda _warm: None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Backtests, Done]:
    """A folder with four slices made in one run, and the run; not to be changed."""
    backtests = Backtests(tmp_path_factory.mktemp("made"), market(), continual_learning=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chain_module, "worse", lambda _warm: None)
        return backtests, backtests.run()


@pytest.fixture
def backtests(made: tuple[Backtests, Done], tmp_path: Path) -> Backtests:
    """A copy of it."""
    folder = shutil.copytree(made[0].folder, tmp_path / "copy")
    return Backtests(folder, made[0].frames, **made[0].freqai)


def fresh(made: tuple[Backtests, Done], folder: Path, **freqai: Any) -> Backtests:
    return Backtests(folder, made[0].frames, **made[0].freqai, **freqai)


def models_of(backtests: Backtests) -> list[FormerModel]:
    """The saved models in the order of their trainings."""
    folders = reversed(find_models(backtests.models))
    return [FormerModel.load(folder.path, folder.filename) for folder in folders]


def links_of(backtests: Backtests) -> list[ChainLink]:
    return [each.model.link for each in models_of(backtests) if each.model.link is not None]


def contents(backtests: Backtests) -> list[str]:
    return [model.sha256 for model in models_of(backtests)]


def without_predictions(backtests: Backtests, hour: float) -> None:
    """As a backtest leaves it that was stopped before a slice's predictions."""
    stamp = int(begin_at(hour).timestamp())
    for file in backtests.predictions.glob("*.feather"):
        if int(file.name.split("_")[2]) >= stamp:
            file.unlink()


def model_folder(backtests: Backtests, hour: float) -> Path:
    return backtests.models / f"sub-train-BTC_{int(begin_at(hour).timestamp())}"


def test_every_slice_begins_from_the_model_of_the_slice_before(
    made: tuple[Backtests, Done],
) -> None:
    assert made[1].trained == made[1].predicted == ALL
    models, links = models_of(made[0]), links_of(made[0])
    assert [link.retrainings for link in links] == [0, 1, 2, 3]
    assert [link.former for link in links] == [None, *(each.sha256 for each in models[:-1])]
    assert made[0].run().reused


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_a_backtest_in_two_runs_is_that_of_one(
    slices: int, made: tuple[Backtests, Done], tmp_path: Path
) -> None:
    backtests = fresh(made, tmp_path)
    assert backtests.run(slices=slices).trained == ALL[:slices]
    rest = backtests.run()
    assert rest.trained == ALL[slices:]
    pd.testing.assert_frame_equal(rest.frame, made[1].frame)
    assert contents(backtests) == contents(made[0])


def test_a_backtest_that_was_stopped_between_model_and_predictions_goes_on(
    backtests: Backtests, made: tuple[Backtests, Done]
) -> None:
    without_predictions(backtests, 12)
    shutil.rmtree(model_folder(backtests, 18))
    done = backtests.run()
    assert (done.trained, done.predicted) == ([18], [12, 18])
    pd.testing.assert_frame_equal(done.frame, made[1].frame)


def test_a_changed_candle_makes_the_chain_again_from_there(
    backtests: Backtests, tmp_path: Path, made: tuple[Backtests, Done]
) -> None:
    frames = at_hour(backtests.frames, BASE, 8)
    done = backtests.run(frames=frames)
    assert done.trained == [12, 18]
    anew = fresh(made, tmp_path / "anew")
    pd.testing.assert_frame_equal(done.frame, anew.run(frames=frames).frame)
    assert contents(backtests) == contents(anew)
    assert backtests.run(frames=frames).reused


@pytest.mark.parametrize("begin", [-6, 6])
def test_a_backtest_that_begins_elsewhere_has_a_chain_of_its_own(
    begin: float, backtests: Backtests, tmp_path: Path, made: tuple[Backtests, Done]
) -> None:
    """The result is a function of the slice's place, whatever lies in the folder."""
    done = backtests.run(begin=begin_at(begin), slices=3)
    assert len(done.trained) == 3
    assert done.lines("began from another model than that of the slice before it")
    anew = fresh(made, tmp_path / "anew").run(begin=begin_at(begin), slices=3)
    pd.testing.assert_frame_equal(done.frame, anew.frame)


@pytest.mark.parametrize("damaged", [False, True], ids=["purged", "damaged"])
def test_without_the_model_before_it_a_slice_is_trained_fully(
    damaged: bool, backtests: Backtests
) -> None:
    without_predictions(backtests, 18)
    shutil.rmtree(model_folder(backtests, 18))
    folder = model_folder(backtests, 12)
    if damaged:
        (model,) = folder.glob("*_model.zip")
        model.write_bytes(model.read_bytes()[:-1] + b"x")
    else:
        shutil.rmtree(folder)
    done = backtests.run()
    assert (done.trained, done.predicted) == ([18], [18])
    line = done.line("a full training, because its last model cannot be used")
    assert str(folder) in line
    (*_, last) = links_of_whole(backtests)
    assert last.retrainings == 0
    assert backtests.run().reused


def links_of_whole(backtests: Backtests) -> list[ChainLink]:
    folder = find_models(backtests.models)[0]
    link = FormerModel.load(folder.path, folder.filename).model.link
    return [] if link is None else [link]


def test_a_command_that_loads_little_takes_what_is_saved(backtests: Backtests) -> None:
    from freqtrade.enums import RunMode

    assert backtests.run(begin=begin_at(6), slices=3, mode=RunMode.PLOT).reused


def test_a_slice_whose_warm_training_is_worse_is_trained_fully_once(
    made: tuple[Backtests, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_module, "worse", lambda _warm: "it is worse")
    backtests = fresh(made, tmp_path)
    backtests.run(slices=3)
    links = links_of(backtests)
    assert [link.retrainings for link in links] == [0, 0, 0]
    assert [link.former for link in links] == [None, *contents(backtests)[:2]]
    assert backtests.run(slices=3).reused


def test_without_warm_retrainings_everything_is_as_without_continual_learning(
    made: tuple[Backtests, Done], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    off = Backtests(tmp_path / "off", made[0].frames).run(slices=2)
    quick = Backtests(tmp_path / "none", made[0].frames, continual_learning=True)
    quick.parameters = {"warm_retrainings": 0}
    pd.testing.assert_frame_equal(quick.run(slices=2).frame, off.frame)
    assert links_of(quick) == []
