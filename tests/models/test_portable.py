from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import ModelFileError
from dualwindow.models import portable, serialization
from dualwindow.models.manifest import MANIFEST_NAME, write_manifest
from dualwindow.models.model_files import ABOUT_NAME, WEIGHTS_NAME, is_portable
from dualwindow.models.portable import ModelOrigin, load_portable, save_portable
from dualwindow.models.trained_model import TrainedModel
from dualwindow.runtime import files
from dualwindow.training.train import train_model
from tests.training.test_trainer import candles, frame, labels, settings

__all__ = ["candles", "frame", "labels"]

ORIGIN = ModelOrigin(
    name="quick",
    pairs=("BTC/USDT:USDT", "ETH/USDT:USDT"),
    exchange="binance",
    trading_mode="futures",
    timeframe="1m",
    periods=(30, 240),
    first=1_735_689_600,
    until=1_738_368_000,
    validation_from=1_737_936_000,
)


@pytest.fixture(scope="module")
def model(candles: CandleArrays, labels: np.ndarray) -> TrainedModel:
    return train_model(candles, labels, settings(epochs=1), name="BTC")


@pytest.fixture(scope="module")
def saved(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "dualwindow-quick"
    folder.mkdir()
    (folder / "evaluation.json").write_text("{}")
    save_portable(folder, model, ORIGIN, ["evaluation.json"])
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy elsewhere: such a folder can be passed on."""
    return shutil.copytree(saved, tmp_path / "copied" / saved.name)


def refusal(folder: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_portable(folder)
    message = str(caught.value)
    assert str(folder) in message
    return message


def test_a_folder_that_was_passed_on_predicts_the_same_to_the_last_bit(
    folder: Path, model: TrainedModel, candles: CandleArrays
) -> None:
    loaded = load_portable(folder)
    assert loaded.origin == ORIGIN
    assert loaded.sha256 == files.sha256_of(folder / WEIGHTS_NAME)
    assert loaded.model.config == model.config
    found = loaded.model.predict(candles).probabilities
    np.testing.assert_array_equal(found, model.predict(candles).probabilities)


def test_people_can_read_where_it_comes_from(folder: Path, model: TrainedModel) -> None:
    about = json.loads((folder / ABOUT_NAME).read_text())
    assert about["dates"]["first"] == "2025-01-01T00:00:00+00:00"
    assert about["dates"]["until"] == about["dates"]["seen_until"] == "2025-02-01T00:00:00+00:00"
    assert about["features"] == list(model.feature_names)
    assert about["settings"] == model.config.to_dict()


def test_what_it_has_seen_ends_before_its_tail_but_not_before_what_its_ancestors_saw() -> None:
    changes: dict[str, Any] = {"tail_from": 1_738_000_000}
    assert ModelOrigin(**vars(ORIGIN)).seen_until == ORIGIN.until
    assert ModelOrigin(**(vars(ORIGIN) | changes)).seen_until == 1_738_000_000
    for before, expected in ((1_737_000_000, 1_738_000_000), (1_739_000_000, 1_739_000_000)):
        tuned = ModelOrigin(**(vars(ORIGIN) | changes | {"pretrained_seen_until": before}))
        assert tuned.seen_until == expected


class _Killed(BaseException):
    """Stands for a SIGKILL: nothing of the package catches it."""


@pytest.mark.parametrize("replaced", [False, True])
def test_killed_at_any_moment_it_leaves_no_model_or_a_whole_one(
    replaced: bool,
    saved: Path,
    model: TrainedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replace = Path.replace
    states = []
    for renames in range(4):
        folder = tmp_path / str(renames)
        if replaced:
            shutil.copytree(saved, folder)
        left = renames

        def dying(path: Path, target: Path) -> Path:
            nonlocal left
            if not left:
                raise _Killed
            left -= 1
            return replace(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", dying)
            with suppress(_Killed):
                save_portable(folder, model, ORIGIN)
        states.append(is_portable(folder))
        if states[-1]:
            load_portable(folder)
        else:
            refusal(folder)
    assert states == [False, False, False, True]


@pytest.mark.parametrize("name", [WEIGHTS_NAME, ABOUT_NAME, "evaluation.json"])
def test_a_flipped_bit_anywhere_is_refused_with_the_file(name: str, folder: Path) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    message = refusal(folder)
    assert f"{path} is damaged" in message
    assert "copy the whole folder again" in message


@pytest.mark.parametrize("name", [WEIGHTS_NAME, ABOUT_NAME, "evaluation.json"])
def test_a_missing_file_is_refused_with_its_name(name: str, folder: Path) -> None:
    (folder / name).unlink()
    assert f"{folder / name} is missing" in refusal(folder)


def test_a_file_that_is_missing_from_the_manifest_too_is_no_traceback(folder: Path) -> None:
    (folder / ABOUT_NAME).unlink()
    write_manifest(folder, [folder / WEIGHTS_NAME])
    with pytest.raises(ModelFileError, match=r"cannot be read: .*model\.json"):
        load_portable(folder)


def test_a_damaged_manifest_is_refused(folder: Path) -> None:
    (folder / MANIFEST_NAME).write_text("{")
    assert f"{folder / MANIFEST_NAME} is damaged" in refusal(folder)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change model.json, with sums that say so."""
    path = folder / ABOUT_NAME
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))
    write_manifest(folder, [folder / WEIGHTS_NAME, path])


def test_another_format_is_refused_with_both_versions(folder: Path) -> None:
    rewrite(folder, lambda about: about.update(format=99, dualwindow="9.9"))
    message = refusal(folder)
    assert "dualwindow 9.9 in format 99" in message
    assert f"reads {portable.PORTABLE_FORMAT}" in message


def test_weights_of_another_model_are_refused(folder: Path) -> None:
    rewrite(folder, lambda about: about.update(weights_sha256="0" * 64))
    assert f"does not belong to {folder / ABOUT_NAME}" in refusal(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.clear(),
        lambda about: about.update(origin=[]),
        lambda about: about["origin"].pop("pairs"),
        lambda about: about["origin"].update(unknown=1),
    ],
)
def test_an_origin_that_cannot_be_read_is_no_traceback(
    change: Callable[[dict[str, Any]], object], folder: Path
) -> None:
    rewrite(folder, change)
    assert "is damaged" in refusal(folder)


def test_weights_of_another_format_are_refused(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(serialization, "MODEL_FORMAT", 99)
        save_portable(tmp_path, model, ORIGIN)
    assert "another format" in refusal(tmp_path)


def test_weights_that_are_no_safetensors_are_refused(folder: Path) -> None:
    # What pickle would execute is only read as a header, which it is not.
    payload = b"\x80\x05cos\nsystem\n(S'exit'\ntR."
    (folder / WEIGHTS_NAME).write_bytes(payload)
    sha = files.sha256_of(folder / WEIGHTS_NAME)
    rewrite(folder, lambda about: about.update(weights_sha256=sha))
    assert "damaged" in refusal(folder)


def test_a_path_that_is_no_model_folder_is_refused_with_what_to_give(
    folder: Path, tmp_path: Path
) -> None:
    assert "is not there" in refusal(tmp_path / "nowhere")
    assert "is a file" in refusal(folder / WEIGHTS_NAME)
    assert "holds no model" in refusal_of_new(tmp_path / "empty")
    assert f"give one of them: {folder.name}" in refusal(folder.parent)


def refusal_of_new(folder: Path) -> str:
    folder.mkdir()
    return refusal(folder)


def test_the_folders_of_a_bot_are_told_apart(model: TrainedModel, tmp_path: Path) -> None:
    own = tmp_path / "identifier" / "sub-train-BTC_1735689600"
    own.mkdir(parents=True)
    model.save(own / "cb_btc_1735689600_model.zip")
    assert "a bot has trained for itself" in refusal(own)
    assert "freqai.identifier" in refusal(own.parent)
    for folder in (own, own.parent):
        assert "dualwindow train" in refusal(folder)


def test_an_unfinished_training_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "unfinished.checkpoint").write_bytes(b"")
    assert "--resume" in refusal(tmp_path)
