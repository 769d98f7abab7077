"""The checkpoint's file: written whole, bounded, and used by no training but its own."""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import TrainingStoppedError
from dualwindow.models import checkpoint as module
from dualwindow.models.checkpoint import CheckpointFile, TrainingState
from dualwindow.models.model_files import remove_checkpoint
from dualwindow.training.train import train_model
from tests.training.test_resumed_training import (
    Fit,
    Told,
    candles,
    every_epoch,
    fit,
    frame,
    labels,
    outcome,
    settings,
    small,
    train,
    weights_of,
)

__all__ = ["candles", "every_epoch", "frame", "labels", "train"]


@pytest.mark.usefixtures("every_epoch")
def test_a_checkpoint_of_another_training_is_not_used(
    candles: CandleArrays,
    labels: np.ndarray,
    train: Fit,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "checkpoint"
    config = small(epochs=2)
    train(config, checkpoint_path=path)
    content = path.read_bytes()
    louder = candles.features.copy()
    louder[100] *= 2
    other = CandleArrays(candles.names, candles.seconds, louder, candles.flat)
    flipped = np.where(np.arange(len(labels)) == 500, (labels + 1) % 3, labels).astype(np.int8)
    trainings = [
        (other, labels, config),
        (candles, flipped, config),
        (candles.tail(len(candles) - 1), labels[1:], config),
        (candles, labels, small(epochs=3)),
        (candles, labels, small(epochs=2, seed=1)),
    ]
    for these, classes, changed in trainings:
        path.write_bytes(content)
        caplog.clear()
        told = Told()
        with caplog.at_level(logging.INFO, logger="dualwindow"):
            found = fit(these, classes, changed, checkpoint_path=path, hooks=[told])
        assert told.epochs == list(range(1, changed.epochs + 1))
        assert outcome(found) == outcome(fit(these, classes, changed))
        about = [each for each in caplog.records if "checkpoint" in each.message]
        assert [each.levelno for each in about] == [logging.INFO]
        assert "of other data, settings or versions and not used" in about[0].message


#: A header that promises more than is there.
WRONG_TENSOR = json.dumps(
    {
        "__metadata__": {"dualwindow": "{}"},
        "a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
    }
).encode()


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * share)]


def flip(at: float) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        damaged = bytearray(content)
        damaged[int(len(content) * at)] ^= 0x10
        return bytes(damaged)

    return flip


def summed(payload: bytes) -> Callable[[bytes], bytes]:
    """Another file's bytes, with a sum that is right."""
    return lambda _content: hashlib.sha256(payload).digest() + payload


class Exploding:
    """What unpickling this does must not happen."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return pytest.fail, ("it was unpickled",)


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize(
    "damage",
    [
        lambda _content: b"",
        lambda content: content[:1],
        lambda content: content[:32],
        cut(0.001),
        cut(0.5),
        lambda content: content[:-1],
        lambda content: content + b"\0",
        flip(0.0),
        flip(0.001),
        flip(0.02),
        flip(0.3),
        flip(0.7),
        flip(0.9999),
        lambda content: bytes(len(content)),
        lambda _content: pickle.dumps(Exploding()),
        summed(b""),
        summed(pickle.dumps(Exploding())),
        summed(b"\x10" + bytes(7) + b'{"__metadata__":1}'),
        summed(b"\x02" + bytes(7) + b"[]"),
        summed(len(WRONG_TENSOR).to_bytes(8, "little") + WRONG_TENSOR),
    ],
)
def test_a_damaged_checkpoint_is_named_and_removed_and_changes_nothing(
    damage: Callable[[bytes], bytes],
    train: Fit,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "checkpoint"
    config = small(epochs=2)
    with caplog.at_level(logging.WARNING, logger="dualwindow"):
        expected = train(config, checkpoint_path=path)
    path.write_bytes(damage(path.read_bytes()))
    # So that the file is not written again.
    monkeypatch.setattr(module, "SECONDS_BETWEEN_WRITES", 1e9)
    told = Told()
    with caplog.at_level(logging.WARNING, logger="dualwindow"):
        assert outcome(train(config, checkpoint_path=path, hooks=[told])) == outcome(expected)
    assert told.epochs == [1, 2]
    assert len(caplog.records) == 1
    assert f"{path} is damaged and removed" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_model_in_the_place_of_a_checkpoint_is_not_loaded(
    candles: CandleArrays, labels: np.ndarray, tmp_path: Path
) -> None:
    payload = train_model(candles, labels, settings(epochs=1), name="BTC").to_bytes()
    path = tmp_path / "checkpoint"
    path.write_bytes(hashlib.sha256(payload).digest() + payload)
    assert CheckpointFile(path, "any").read() is None
    assert not path.exists()


@pytest.mark.usefixtures("every_epoch")
def test_a_place_that_cannot_be_read_or_written_costs_the_checkpoint_alone(
    train: Fit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small(epochs=1)
    expected = outcome(train(config))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"content")
    for path in (tmp_path / "folder", tmp_path / "file" / "checkpoint"):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="dualwindow"):
            assert outcome(train(config, checkpoint_path=path)) == expected
        assert f"{path} cannot be read" in caplog.text
        assert f"{path} cannot be written" in caplog.text
    remove_checkpoint(tmp_path / "folder")
    assert f"{tmp_path / 'folder'} cannot be deleted" in caplog.text
    assert (tmp_path / "folder").is_dir()
    assert (tmp_path / "file").read_bytes() == b"content"


def test_an_old_checkpoint_stands_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = CheckpointFile(tmp_path / "checkpoint", "mine")
    file.keep(state(1))
    file.write()

    def full(_handle: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        file.keep(state(2))
        file.write()
        assert list(tmp_path.iterdir()) == [tmp_path / "checkpoint"]
        assert number(tmp_path / "checkpoint") == 1
    assert "the one before it stays, and a new one needs 0.0 MB more" in caplog.text
    # What could not be written is not forgotten.
    file.write()
    assert number(tmp_path / "checkpoint") == 2


def state(number: int) -> TrainingState:
    return TrainingState({"a.weight": torch.full((3,), float(number))}, {"number": number})


def number(path: Path) -> int | None:
    found = CheckpointFile(path, "mine").read() if path.is_file() else None
    if found is None:
        return None
    assert torch.equal(found.tensors["a.weight"], torch.full((3,), found.values["number"] + 0.0))
    return int(found.values["number"])


def written(path: Path, moments: Sequence[float], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The state on disk after each of the epochs that end at these moments (seconds)."""
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    file = CheckpointFile(path, "mine")
    found = []
    for count, moment in enumerate(moments):
        now = 100.0 + moment
        file.keep(state(count))
        found.append(number(path))
    return found


def test_short_epochs_do_not_keep_the_disk_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [1, 4.9, 5.1, 6, 10, 10.2, 30, 31]
    found = written(tmp_path / "checkpoint", moments, monkeypatch)
    assert found == [None, None, 2, 2, 2, 5, 6, 6]


@pytest.mark.parametrize("error", [TrainingStoppedError, MemoryError, KeyboardInterrupt])
def test_the_newest_state_is_written_when_the_training_breaks_off(
    error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint"
    with pytest.raises(error), CheckpointFile(path, "mine") as file:  # noqa: PT012
        file.keep(state(1))
        file.keep(state(2))
        assert not path.exists()
        raise error
    assert number(path) == 2


def test_a_short_training_that_ends_well_writes_nothing(train: Fit, tmp_path: Path) -> None:
    train(small(epochs=2), checkpoint_path=tmp_path / "checkpoint")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("every_epoch")
def test_a_checkpoint_holds_four_times_the_weights_however_many_epochs(
    train: Fit, tmp_path: Path
) -> None:
    sizes = []
    for epochs in (1, 8):
        config = settings(epochs=epochs, lstm_units=[96, 64], early_stopping_patience=8)
        result = train(config, checkpoint_path=tmp_path / f"{epochs}")
        sizes.append((tmp_path / f"{epochs}").stat().st_size)
    weights = sum(map(len, weights_of(result.network).values()))
    assert sizes[0] < 4 * weights + 20_000
    assert sizes[1] - sizes[0] < 8 * 300
