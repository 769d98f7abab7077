"""A restarted bot resumes with the last whole model; what is damaged is set aside, never loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from dualwindow.bot.data_drawer import DualWindowDrawer
from dualwindow.bot.drawer_files import set_aside_damaged
from dualwindow.models.freqai_folders import find_models, recover_models
from dualwindow.models.trained_model import TrainedModel
from tests.makers.bot import PAIR, Bot, freqtrade_config
from tests.makers.saved_models import NEWER, OLDER, save, trained

__all__ = ["trained"]


def truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "truncated": truncate,
    "empty": lambda _content: b"",
    "flipped": flip,
}


@pytest.fixture
def folder(trained: tuple[Bot, TrainedModel], tmp_path: Path) -> Path:
    """A model folder after two live trainings."""
    bot, model = trained
    drawer = DualWindowDrawer(tmp_path, bot.config)
    for stamp in (OLDER, NEWER):
        save(bot, model, drawer, stamp)
    drawer.historic_predictions[PAIR] = pd.DataFrame({"LONG": [0.25]})
    drawer.save_historic_predictions_to_disk()
    drawer.save_global_metadata_to_disk({"start_dry_live_date": OLDER})
    return tmp_path


def restart(folder: Path, bot: Bot) -> tuple[dict[str, Any], Any]:
    """What a started bot knows of the pair, and the model it would predict with."""
    set_aside_damaged(folder)
    recover_models(folder, [PAIR])
    drawer = DualWindowDrawer(folder, bot.config)
    entry = dict(drawer.pair_dict.get(PAIR, {}))
    if not entry:
        return entry, None
    kitchen = bot.kitchen()
    kitchen.live = True
    return entry, drawer.load_data(PAIR, kitchen)


def model_files() -> list[str]:
    return [
        "model.zip",
        "metadata.json",
        "feature_pipeline.pkl",
        "label_pipeline.pkl",
        "trained_df.pkl",
        "trained_dates_df.pkl",
    ]


def test_a_whole_folder_is_left_as_it_is(folder: Path, trained: tuple[Bot, TrainedModel]) -> None:
    before = {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    entry, model = restart(folder, trained[0])
    assert entry["trained_timestamp"] == NEWER
    assert isinstance(model, TrainedModel)
    assert {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()} == before


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", [*model_files(), "manifest.json"])
def test_a_damaged_model_is_set_aside_and_the_one_before_it_resumes(
    name: str,
    damage: str,
    folder: Path,
    trained: tuple[Bot, TrainedModel],
    caplog: pytest.LogCaptureFixture,
) -> None:
    newest = folder / f"sub-train-BTC_{NEWER}"
    file = newest / (name if name == "manifest.json" else f"cb_btc_{NEWER}_{name}")
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    entry, model = restart(folder, trained[0])
    assert entry["trained_timestamp"] == OLDER
    assert isinstance(model, TrainedModel)
    assert not newest.exists()
    assert newest.with_name(f"{newest.name}.damaged").is_dir()
    assert "set aside" in caplog.text


def test_with_no_whole_model_left_the_pair_is_trained_again(
    folder: Path, trained: tuple[Bot, TrainedModel], caplog: pytest.LogCaptureFixture
) -> None:
    for model in find_models(folder):
        file = model.path / f"{model.filename}_model.zip"
        file.write_bytes(truncate(file.read_bytes()))
    entry, model_found = restart(folder, trained[0])
    assert (entry, model_found) == ({}, None)
    assert "trained again" in caplog.text


@pytest.mark.parametrize("stage", [*model_files()[1:], "manifest.json"])
def test_a_bot_killed_while_saving_resumes_with_the_model_before(
    stage: str, folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    # FreqAI had not yet noted the new model, and everything from `stage` on was never written.
    unfinished = folder / f"sub-train-BTC_{NEWER}"
    order = [*model_files(), "manifest.json"]
    for name in order[order.index(stage) :]:
        if name == "manifest.json":
            continue  # the model's own, written with it
        (unfinished / f"cb_btc_{NEWER}_{name}").unlink()
    dictionary = json.loads((folder / "pair_dictionary.json").read_text())
    whole = next(each for each in find_models(folder) if each.trained_until == OLDER)
    dictionary[PAIR] = whole.entry()
    (folder / "pair_dictionary.json").write_text(json.dumps(dictionary))
    (folder / "state_sums.json").unlink()
    entry, model = restart(folder, trained[0])
    assert entry["trained_timestamp"] == OLDER
    assert isinstance(model, TrainedModel)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["pair_dictionary.json", "global_metadata.json"])
def test_a_damaged_state_file_is_set_aside_and_the_newest_model_resumes(
    name: str, damage: str, folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    file = folder / name
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    entry, model = restart(folder, trained[0])
    assert (folder / f"{name}.damaged").is_file()
    assert entry["trained_timestamp"] == NEWER
    assert isinstance(model, TrainedModel)


@pytest.mark.parametrize(
    ("damage", "known"),
    # Without a sum a pickle does not show a flipped value.
    [("truncated", True), ("empty", True), ("flipped", True), ("truncated", False)],
)
def test_damaged_predictions_are_restored_from_their_copy(
    damage: str, known: bool, folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    if not known:
        (folder / "state_sums.json").unlink()
    file = folder / "historic_predictions.pkl"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    restart(folder, trained[0])
    assert cloudpickle.loads(file.read_bytes())[PAIR]["LONG"].tolist() == [0.25]


def test_predictions_damaged_together_with_their_copy_begin_anew(
    folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    for name in ("historic_predictions.pkl", "historic_predictions.backup.pkl"):
        (folder / name).write_bytes(b"")
    _, model = restart(folder, trained[0])
    assert isinstance(model, TrainedModel)
    assert not (folder / "historic_predictions.pkl").exists()


def test_a_copy_of_the_predictions_alone_restores_nothing(
    folder: Path, trained: tuple[Bot, TrainedModel]
) -> None:
    # Whoever deletes the predictions to begin anew is not given them back.
    (folder / "historic_predictions.pkl").unlink()
    (folder / "global_metadata.json").write_bytes(b"")
    restart(folder, trained[0])
    assert not (folder / "historic_predictions.pkl").exists()


def test_a_started_dry_run_recovers_before_freqai_looks(
    trained: tuple[Bot, TrainedModel], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot, model = trained
    drawer = DualWindowDrawer(tmp_path / "models" / "dualwindow", bot.config)
    config = freqtrade_config(tmp_path)
    config["runmode"] = RunMode.DRY_RUN
    FreqaiModelResolver.load_freqaimodel(config)  # binds the folder
    older, newer = (save(bot, model, drawer, stamp) for stamp in (OLDER, NEWER))
    file = newer / f"cb_btc_{NEWER}_metadata.json"
    file.write_bytes(truncate(file.read_bytes()))
    started = FreqaiModelResolver.load_freqaimodel(config)
    assert isinstance(started.dd, DualWindowDrawer)
    assert started.dd.pair_dict[PAIR]["data_path"] == str(older)
    assert "set aside" in caplog.text
