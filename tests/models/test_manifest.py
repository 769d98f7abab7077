from __future__ import annotations

import json
from pathlib import Path

import pytest

from dualwindow.errors import ModelFileError
from dualwindow.models.manifest import (
    MANIFEST_NAME,
    bound_to,
    check_listed,
    check_manifest,
    write_manifest,
)
from dualwindow.models.model_files import EVALUATION_NAME, read_reference


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with two files and their manifest."""
    files = [tmp_path / "model.safetensors", tmp_path / "metadata.json"]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 3000)
    write_manifest(tmp_path, files)
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        check_manifest(folder)
    message = str(caught.value)
    assert f"delete the folder {folder} to train this model again" in message
    return message


def test_untouched_files_pass(model: Path) -> None:
    check_manifest(model)
    check_manifest(model)


def test_files_that_are_not_in_the_manifest_do_not_matter(model: Path) -> None:
    (model / "notes.txt").write_text("mine")
    check_manifest(model)


def test_a_moved_folder_passes(model: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    check_manifest(model.rename(tmp_path_factory.mktemp("other") / "elsewhere"))


@pytest.mark.parametrize("name", ["model.safetensors", "metadata.json"])
@pytest.mark.parametrize("place", [0, 1500, 2999])
def test_a_flipped_bit_is_found_in_any_file(model: Path, name: str, place: int) -> None:
    content = bytearray((model / name).read_bytes())
    content[place] ^= 1
    (model / name).write_bytes(content)
    assert f"{model / name} is damaged" in refusal(model)


@pytest.mark.parametrize("change", [b"", b"x"])
def test_a_file_of_another_length_is_found(model: Path, change: bytes) -> None:
    file = model / "model.safetensors"
    file.write_bytes(change and file.read_bytes() + change)
    assert str(file) in refusal(model)


def test_a_missing_file_is_named(model: Path) -> None:
    (model / "metadata.json").unlink()
    assert f"{model / 'metadata.json'} is missing" in refusal(model)


def test_a_model_without_manifest_is_not_trusted(model: Path) -> None:
    (model / MANIFEST_NAME).unlink()
    assert f"there is no {model / MANIFEST_NAME}" in refusal(model)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"sha256": null}',
        b'{"sha256": []}',
        b'{"sha256": "text"}',
    ],
)
def test_a_damaged_manifest_is_refused_with_a_way_out(model: Path, content: bytes) -> None:
    (model / MANIFEST_NAME).write_bytes(content)
    assert f"{model / MANIFEST_NAME} is damaged" in refusal(model)


def test_a_new_manifest_replaces_the_old(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"newer")
    write_manifest(model, [model / "model.safetensors"])
    (model / "metadata.json").unlink()
    check_manifest(model)


def test_a_manifest_tells_what_the_model_was_made_with(model: Path) -> None:
    binding = {"settings": "1a", "features": "2b", "pair": "BTC/USDT"}
    write_manifest(model, [model / "metadata.json"], binding)
    assert bound_to(model) == binding
    check_manifest(model)


def test_a_manifest_without_a_binding_binds_to_nothing(model: Path) -> None:
    assert bound_to(model) == {}
    (model / MANIFEST_NAME).write_text('{"sha256": {}, "binding": ["settings"]}')
    assert bound_to(model) == {}
    (model / MANIFEST_NAME).write_text("{")
    assert bound_to(model) == {}
    (model / MANIFEST_NAME).unlink()
    assert bound_to(model) == {}


def test_a_manifest_keeps_the_keys_that_other_versions_read(model: Path) -> None:
    write_manifest(model, [model / "metadata.json"], {"pair": "BTC/USDT"})
    content = json.loads((model / MANIFEST_NAME).read_bytes())
    assert content["format"] == 1
    assert set(content) == {"format", "sha256", "binding"}
    assert set(content["sha256"]) == {"metadata.json"}


def test_a_single_file_is_checked_where_the_manifest_lists_it(model: Path) -> None:
    file, other = model / "metadata.json", model / "notes.txt"
    other.write_text("mine")
    for path in (file, other, model / "not-there.json"):
        check_listed(path, "train again")
    file.write_bytes(b"changed")
    with pytest.raises(ModelFileError, match=r"metadata.json is damaged .*; train again"):
        check_listed(file, "train again")
    (model / MANIFEST_NAME).write_text("{")
    with pytest.raises(ModelFileError, match=r"manifest.json is damaged; train again"):
        check_listed(file, "train again")


def test_figures_that_have_changed_compare_a_model_with_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / EVALUATION_NAME
    file.write_text("{}")
    assert read_reference(tmp_path) is None
    assert not caplog.records
    write_manifest(tmp_path, [file])
    file.write_text('{"yardsticks": {}}')
    assert read_reference(tmp_path) is None
    assert "the model is compared with nothing" in caplog.text
    assert str(file) in caplog.text
