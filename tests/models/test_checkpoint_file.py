"""The checkpoint's file by itself: where it is written, when, and whose it is."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from dualwindow.errors import DataError
from dualwindow.models import checkpoint as module
from dualwindow.models.checkpoint import SECONDS_BETWEEN_WRITES, CheckpointFile, TrainingState


def state(number: int) -> TrainingState:
    return TrainingState({"weights": torch.full((3,), float(number))}, {"epoch": number})


def epoch_in(path: Path, identity: str = "mine") -> int | None:
    found = CheckpointFile(path, identity).read()
    if found is None:
        return None
    assert found.tensors["weights"].tolist() == [float(found.values["epoch"])] * 3
    epoch: int = found.values["epoch"]
    return epoch


def written(path: Path, number: int, identity: str = "mine") -> None:
    file = CheckpointFile(path, identity)
    file.keep(state(number))
    file.write()


def test_a_checkpoint_makes_the_folders_that_it_lies_in(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "checkpoint"
    assert epoch_in(path) is None
    written(path, 1)
    written(path, 2)
    assert epoch_in(path) == 2


def test_the_checkpoint_of_another_training_is_left_out_or_spared(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    written(path, 3, "another")
    assert CheckpointFile(path, "mine").read() is None
    assert epoch_in(path, "another") == 3
    with pytest.raises(DataError, match=f"the checkpoint {path} is of other candles"):
        CheckpointFile(path, "mine", spares_others=True).read()
    assert epoch_in(path, "another") == 3
    found = CheckpointFile(path, "another", spares_others=True).read()
    assert found is not None


def test_a_state_is_written_once_its_time_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    path = tmp_path / "checkpoint"
    file = CheckpointFile(path, "mine")
    now += SECONDS_BETWEEN_WRITES - 0.5
    file.keep(state(1))
    assert epoch_in(path) is None
    now += 0.5
    file.keep(state(2))
    assert epoch_in(path) == 2
    now += SECONDS_BETWEEN_WRITES - 0.5
    file.keep(state(3))
    assert epoch_in(path) == 2


def test_what_is_on_disk_already_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    file = CheckpointFile(path, "mine")
    file.write()
    assert not path.exists()
    file.keep(state(1))
    file.write()
    path.unlink()
    file.write()
    assert not path.exists()


@pytest.mark.parametrize("breaks", [False, True])
def test_only_a_training_that_breaks_off_writes_at_its_end(tmp_path: Path, breaks: bool) -> None:
    path = tmp_path / "checkpoint"

    def train() -> None:
        with CheckpointFile(path, "mine") as file:
            file.keep(state(7))
            if breaks:
                raise KeyboardInterrupt

    if breaks:
        with pytest.raises(KeyboardInterrupt):
            train()
    else:
        train()
    assert epoch_in(path) == (7 if breaks else None)


@pytest.mark.parametrize("before", [False, True])
def test_a_disk_without_space_costs_the_newest_checkpoint_alone(
    before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "checkpoint"
    if before:
        written(path, 1)
    file = CheckpointFile(path, "mine")
    file.keep(state(2))

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(module, "whole_file", full)
        file.write()
    kept = "the one before it stays" if before else "there is none before it"
    assert f"No space left on device; {kept}, and a new one needs 0.0 MB more" in caplog.text
    assert epoch_in(path) == (1 if before else None)
    # It is tried again.
    file.write()
    assert epoch_in(path) == 2
