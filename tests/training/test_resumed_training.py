"""An interrupted training that goes on from its checkpoint ends as if nothing had happened."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.errors import TrainingStoppedError
from dualwindow.models import checkpoint
from dualwindow.models.model_files import remove_checkpoint
from dualwindow.models.trained_model import TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.training import gradient_step, trainer
from dualwindow.training.hooks import EpochResult
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_model
from dualwindow.training.trainer import FittedNetwork
from tests.training.test_trainer import candles, fit, frame, labels, settings

__all__ = ["candles", "frame", "labels"]

#: Ten batches an epoch; small chunks, so that validation asks several times whether to stop.
SMALL: dict[str, Any] = {"batch_size": 128, "epochs": 4, "streaming_chunk_size": 64}
Fit = Callable[..., FittedNetwork]


class Asked:
    """Counts how often it is asked whether to stop, and says yes at one of them."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.times = 0
        self._stop_at = stop_at

    def __call__(self) -> bool:
        self.times += 1
        return self.times == self._stop_at


class Told:
    """Notes the epochs that hooks are told of, and how often `Asked` was asked until then."""

    def __init__(self, asked: Asked | None = None) -> None:
        self.epochs: list[int] = []
        self.times: list[int] = []
        self._asked = asked or Asked()

    def on_epoch(self, result: EpochResult) -> None:
        self.epochs.append(result.epoch)
        self.times.append(self._asked.times)


@pytest.fixture
def train(candles: CandleArrays, labels: np.ndarray) -> Fit:
    def train(config: TrainingConfig, **arguments: Any) -> FittedNetwork:
        return fit(candles, labels, config, **arguments)

    return train


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write after every epoch, however short."""
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN_WRITES", 0.0)


def small(**changes: Any) -> TrainingConfig:
    return settings(**{**SMALL, **changes})


def weights_of(network: torch.nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in network.state_dict().items()}


def outcome(result: FittedNetwork) -> tuple[Any, ...]:
    """Everything that an interruption must not change: all but durations."""
    history = [{**vars(each), "seconds": 0} for each in result.history]
    return weights_of(result.network), history, result.best_epoch


def stops_of(train: Fit, config: TrainingConfig) -> tuple[FittedNetwork, list[int]]:
    """An uninterrupted training, and how often it had asked to stop by each epoch's end."""
    asked = Asked()
    told = Told(asked)
    result = train(config, should_stop=asked, hooks=[told])
    return result, told.times


def stop(train: Fit, config: TrainingConfig, path: Path, at: int) -> list[int]:
    """Stop a training the `at`-th time it asks; the epochs that it finished."""
    told = Told()
    with pytest.raises(TrainingStoppedError):
        train(config, checkpoint_path=path, should_stop=Asked(at), hooks=[told])
    return told.epochs


def assert_goes_on(
    train: Fit, config: TrainingConfig, path: Path, expected: FittedNetwork, after: int
) -> None:
    """Finish a stopped training: it trains the epochs that are left, with the same outcome."""
    told = Told()
    result = train(config, checkpoint_path=path, hooks=[told])
    assert told.epochs == list(range(after + 1, len(expected.history) + 1))
    assert outcome(result) == outcome(expected)


def test_wherever_a_training_is_stopped_it_ends_as_if_it_had_not_been(
    train: Fit, tmp_path: Path
) -> None:
    config = small()
    expected, ends = stops_of(train, config)
    first, second, last = ends[0], ends[1], ends[-1]
    assert second - first > 14, "validation must ask several times"
    points = {
        "first batch": 1,
        "a batch of epoch 1": 5,
        "validation of epoch 1": first,
        "first batch of epoch 2": first + 1,
        "mid epoch 2": first + 6,
        "last batch of epoch 2": first + 10,
        "validation of epoch 2, begun": first + 11,
        "validation of epoch 2, halfway": first + 13,
        "last batch": ends[-2] + 10,
        "the end of the last validation": last,
    }
    for name, at in points.items():
        path = tmp_path / name
        finished = stop(train, config, path, at)
        assert len(finished) == sum(end < at for end in ends), name
        assert path.is_file() == bool(finished), name
        assert_goes_on(train, config, path, expected, len(finished))


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate_schedule": "cosine"},
        {"dropout": 0.6},
        {"dropout": 0.0, "dense_units": []},
        {"mirror": "off"},
        {"class_balance": "weights"},
        {"trend_head": True, "lstm_dropout": 0.3},
        {"class_balance": "none", "mirror": "off"},
        {"precision": "bf16", "gradient_clip": 0.01},
        {"patch_size": 1, "window_size": 20, "epochs": 2},
    ],
    ids=str,
)
def test_whatever_the_settings(changes: dict[str, Any], train: Fit, tmp_path: Path) -> None:
    config = small(**changes)
    expected, ends = stops_of(train, config)
    # In the second epoch and, when that has gone on, in the last.
    for at in (ends[0] + 4, ends[-1] - ends[-2] + 2):
        finished = stop(train, config, tmp_path / f"{at}", at)
        assert finished
        assert_goes_on(train, config, tmp_path / f"{at}", expected, len(finished))


def test_the_scale_of_the_loss_in_fp16_goes_on(
    train: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It grows every 2,000 steps; here so often that it reaches what fp16 cannot hold.
    often = partial(torch.amp.GradScaler, growth_interval=3)
    monkeypatch.setattr(torch.amp, "GradScaler", often)
    # On a CPU it is refused, because most networks cannot compute in it there. This one can where
    # oneDNN is left out, which has LSTM kernels for it on few processors.
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    monkeypatch.setattr(trainer, "training_dtype", lambda _config, _device: torch.float16)
    config = small(precision="fp16")
    expected, ends = stops_of(train, config)
    finished = stop(train, config, tmp_path / "checkpoint", ends[1] + 3)
    assert_goes_on(train, config, tmp_path / "checkpoint", expected, len(finished))


def test_a_training_may_be_stopped_in_every_epoch(
    train: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plateau schedule's count of bad epochs lives through it: it halves twice or more."""
    # How soon the validation stops improving depends on the processor: the second bad epoch counts.
    monkeypatch.setattr(gradient_step, "PLATEAU_PATIENCE", 1)
    epochs = 16
    config = small(epochs=epochs, learning_rate=0.02, early_stopping_patience=epochs)
    expected, ends = stops_of(train, config)
    rates = [each.learning_rate for each in expected.history]
    assert len(set(rates)) >= 3
    an_epoch, path = ends[0], tmp_path / "checkpoint"
    for epoch in range(1, epochs):
        assert stop(train, config, path, an_epoch + 3) == [epoch]
    assert_goes_on(train, config, path, expected, epochs - 1)


def test_early_stopping_counts_on_over_an_interruption(train: Fit, tmp_path: Path) -> None:
    config = small(epochs=50, learning_rate=0.02, early_stopping_patience=3)
    expected, ends = stops_of(train, config)
    length = len(expected.history)
    assert length < 50
    assert expected.best_epoch == length - 3
    for epoch in range(expected.best_epoch, length):
        path = tmp_path / f"{epoch}"
        assert len(stop(train, config, path, ends[epoch - 1] + 1)) == epoch
        assert_goes_on(train, config, path, expected, epoch)


def test_several_threads_go_on_with_shared_weights(train: Fit, tmp_path: Path) -> None:
    config = small(epochs=3)
    torch.set_num_threads(2)
    try:
        expected, ends = stops_of(train, config)
        finished = stop(train, config, tmp_path / "checkpoint", ends[1] + 3)
        content = (tmp_path / "checkpoint").read_bytes()
        assert_goes_on(train, config, tmp_path / "checkpoint", expected, len(finished))
        # One thread sums the gradients in another order, so it starts from the beginning.
        (tmp_path / "checkpoint").write_bytes(content)
        torch.set_num_threads(1)
        assert_goes_on(train, config, tmp_path / "checkpoint", train(config), 0)
    finally:
        torch.set_num_threads(1)


@pytest.mark.usefixtures("every_epoch")
def test_a_training_that_had_ended_trains_no_further(train: Fit, tmp_path: Path) -> None:
    config = small(epochs=50, learning_rate=0.05, early_stopping_patience=2)
    expected = train(config, checkpoint_path=tmp_path / "checkpoint")
    assert_goes_on(train, config, tmp_path / "checkpoint", expected, len(expected.history))


@pytest.mark.usefixtures("every_epoch")
def test_a_checkpoint_changes_no_weight_and_is_named_when_used(
    train: Fit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = train(small())
    path = tmp_path / "not there yet" / "checkpoint"
    with caplog.at_level(logging.INFO, logger="dualwindow"):
        assert outcome(train(small(), checkpoint_path=path)) == outcome(expected)
        assert "resumed" not in caplog.text
        assert list(path.parent.iterdir()) == [path]
        train(small(), checkpoint_path=path)
    assert "training resumed after epoch 4" in caplog.text


def test_nothing_that_draws_from_torch_s_generator_matters(train: Fit, tmp_path: Path) -> None:
    config = small()
    expected, ends = stops_of(train, config)

    class Draws(Told):
        def on_epoch(self, result: EpochResult) -> None:
            torch.rand(result.epoch)

    asked = Asked(ends[1] + 3)
    with pytest.raises(TrainingStoppedError):
        train(config, checkpoint_path=tmp_path / "c", should_stop=asked, hooks=[Draws()])
    assert outcome(train(config, checkpoint_path=tmp_path / "c", hooks=[Draws()])) == outcome(
        expected
    )


# A process that is killed cannot tidy up: it is killed in a batch, or while it writes.
CHILD = """
import json, os, signal, sys
import numpy as np, torch
from pathlib import Path
from dualwindow.models import checkpoint
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.settings import TrainingConfig
from dualwindow.training.session import TrainingSession
from dualwindow.training.train import train_model

torch.set_num_threads(1)
checkpoint.SECONDS_BETWEEN_WRITES = 0.0
folder, where, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
asked = 0

def die_at_last(*_arguments):
    global asked
    asked += 1
    if asked == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return False

if where == "writing":
    os.fsync = die_at_last
data = np.load(folder / "data.npz")
candles = CandleArrays(tuple(data["names"]), data["seconds"], data["features"], data["flat"])
train_model(
    candles, data["labels"],
    TrainingConfig.from_parameters(json.loads((folder / "settings.json").read_text())),
    name="killed",
    session=TrainingSession(
        checkpoint_path=folder / "checkpoint",
        should_stop=die_at_last if where == "batch" else lambda: False,
    ),
)
"""


def test_a_killed_process_loses_at_most_its_last_epoch(
    candles: CandleArrays, labels: np.ndarray, train: Fit, tmp_path: Path
) -> None:
    config = small(epochs=6)
    expected, ends = stops_of(train, config)
    (tmp_path / "settings.json").write_text(json.dumps(config.to_dict()))
    arrays = {each: getattr(candles, each) for each in ("seconds", "features", "flat")}
    np.savez(tmp_path / "data.npz", names=np.array(candles.names), labels=labels, **arrays)
    path = tmp_path / "checkpoint"

    def killed(where: str, at: int) -> None:
        command = [sys.executable, "-c", CHILD, str(tmp_path), where, str(at)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    killed("batch", ends[1] + 5)
    after_two = path.read_bytes()
    killed("writing", 2)
    after_three = path.read_bytes()
    assert after_three != after_two
    left = [each for each in tmp_path.iterdir() if each.suffix == ".tmp"]
    assert len(left) == 1, "it was not killed while it wrote"
    assert_goes_on(train, config, path, expected, 3)
    remove_checkpoint(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data.npz", "settings.json"]


@pytest.mark.usefixtures("every_epoch")
def test_the_caller_removes_the_checkpoint(
    candles: CandleArrays, labels: np.ndarray, tmp_path: Path
) -> None:
    config = small(epochs=2)

    def model(**arguments: Any) -> TrainedModel:
        session = TrainingSession(**arguments)
        return train_model(candles, labels, config, name="BTC", session=session)

    path = tmp_path / "checkpoint"
    told = Told()
    first = model(checkpoint_path=path)
    again = model(checkpoint_path=path, hooks=[told])
    assert told.epochs == []
    assert again.to_bytes() == first.to_bytes() == model().to_bytes()
    assert list(tmp_path.iterdir()) == [path]
    remove_checkpoint(path)
    remove_checkpoint(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("every_epoch")
def test_a_stop_while_the_trained_model_is_evaluated_costs_no_epoch(
    candles: CandleArrays, labels: np.ndarray, train: Fit, tmp_path: Path
) -> None:
    config = small(epochs=3)
    _, ends = stops_of(train, config)
    told = Told()

    def model(**arguments: Any) -> TrainedModel:
        path = tmp_path / "checkpoint"
        session = TrainingSession(checkpoint_path=path, **arguments)
        return train_model(candles, labels, config, name="BTC", session=session)

    with pytest.raises(TrainingStoppedError):
        model(should_stop=Asked(ends[-1] + 1))
    model(hooks=[told])
    assert told.epochs == []
