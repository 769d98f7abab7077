"""The time that a training tells before its epochs is measured on them, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from dualwindow.data.datasets.window_stream import WindowStream
from dualwindow.data.features.candle_arrays import CandleArrays
from dualwindow.models.network import DualWindowNetwork
from dualwindow.training import estimate, trainer
from dualwindow.training.estimate import Passes, log_estimate, seconds_a_window
from dualwindow.training.gradient_step import GradientStep
from dualwindow.training.session import TrainingTime
from dualwindow.training.state import TrainingRun
from tests.training.test_trainer import candles, frame, labels, settings, trainer_of

__all__ = ["candles", "frame", "labels"]

#: Ways to train: each has other numbers that a measurement could leave behind.
WAYS: list[dict[str, Any]] = [
    {"mirror": "on"},
    {"mirror": "off", "class_balance": "weights", "lstm_dropout": 0.3},
    {"class_balance": "none", "sample_every": 3, "learning_rate_schedule": "cosine"},
    {"use_streaming": False},
    {"precision": "bf16"},
    {"ensemble": 2},
    # An epoch of a single batch.
    {"batch_size": 4096},
]


class Clock:
    """Seconds that pass for what is done."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_measurement_leaves_no_trace(
    way: dict[str, Any],
    candles: CandleArrays,
    labels: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = settings(epochs=2, **way)
    states: list[tuple[Any, Any]] = []
    measured = seconds_a_window

    def noted(run: TrainingRun, passes: Passes, batch_size: int) -> tuple[float, float]:
        before = run.state()
        found = measured(run, passes, batch_size)
        states.append((before, run.state()))
        return found

    monkeypatch.setattr(estimate, "seconds_a_window", noted)
    fitted = trainer_of(candles, labels, config).fit()
    ((before, after),) = states
    assert before.values == after.values
    assert before.tensors.keys() == after.tensors.keys()
    assert all(torch.equal(before.tensors[name], after.tensors[name]) for name in before.tensors)

    monkeypatch.setattr(trainer, "log_estimate", lambda *_: TrainingTime(0.0, 0.0, 0.0))
    unmeasured = trainer_of(candles, labels, config).fit()
    own, other = fitted.network.state_dict(), unmeasured.network.state_dict()
    assert all(torch.equal(own[name], other[name]) for name in own)
    for one, two in zip(fitted.history, unmeasured.history, strict=True):
        assert {**vars(one), "seconds": 0} == {**vars(two), "seconds": 0}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_measured_are_the_first_batches_of_an_epoch(
    way: dict[str, Any],
    candles: CandleArrays,
    labels: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[list[torch.Tensor]] = []
    step = GradientStep.__call__

    def noted(self: GradientStep, *given: Any) -> torch.Tensor:
        steps.append([part.clone() for part in given if isinstance(part, torch.Tensor)])
        return step(self, *given)

    monkeypatch.setattr(GradientStep, "__call__", noted)
    trainer_of(candles, labels, settings(epochs=1, **way)).fit()
    first, *rest = steps
    # The batch that is not counted, then those that are, then the epoch begins anew.
    begins = [at for at, own in enumerate(rest, 1) if torch.equal(own[0], first[0])]
    assert begins[0] == 1
    epoch = steps[begins[1] :]
    measured = steps[1 : begins[1]]
    assert len(measured) == min(estimate.MEASURED_BATCHES, len(epoch))
    for own, real in zip(measured, epoch, strict=False):
        # Windows and classes, mirrored ones among them.
        assert all(torch.equal(one, two) for one, two in zip(own[:2], real[:2], strict=True))


def passing(clock: Clock, seconds: Callable[..., float], function: Any) -> Any:
    """A function that takes some seconds of the clock more."""

    def timed(*given: Any, **more: Any) -> Any:
        clock.now += seconds(*given)
        return function(*given, **more)

    return timed


@pytest.mark.parametrize("way", WAYS[:4], ids=str)
@pytest.mark.parametrize("slow", ["gathering", "step", "mirroring", "passes"])
def test_whatever_an_epoch_spends_its_time_on_is_told(
    slow: str,
    way: dict[str, Any],
    candles: CandleArrays,
    labels: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    for module in (estimate, trainer):
        monkeypatch.setattr(module.time, "perf_counter", clock)
    batches = WindowStream.batches

    def gathered(self: WindowStream, rows: np.ndarray, size: int) -> Iterator[Any]:
        for piece, windows in batches(self, rows, size):
            clock.now += 0.01 * len(windows)
            yield piece, windows

    if slow == "gathering":
        monkeypatch.setattr(WindowStream, "batches", gathered)
    elif slow == "step":
        monkeypatch.setattr(
            GradientStep, "__call__", passing(clock, lambda *_: 0.3, GradientStep.__call__)
        )
    else:
        name = "mirrored" if slow == "mirroring" else "forward"
        seconds = passing(
            clock, lambda _, inputs, *__: 0.01 * len(inputs), getattr(DualWindowNetwork, name)
        )
        monkeypatch.setattr(DualWindowNetwork, name, seconds)
    told: list[TrainingTime] = []
    own = settings(epochs=3, **way)
    fitted = trainer_of(candles, labels, own, estimated=told.append).fit()
    took = float(np.mean([result.seconds for result in fitted.history]))
    if slow == "mirroring" and own.mirror == "off":
        assert told[0].epoch == took == 0.0
    assert told[0].epoch == pytest.approx(took, rel=1 / 3)


def test_the_evaluation_is_told_by_what_it_predicts(
    candles: CandleArrays, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(estimate.time, "perf_counter", clock)
    log_probabilities = DualWindowNetwork.log_probabilities
    seconds = passing(clock, lambda _, inputs: 0.01 * len(inputs), log_probabilities)
    monkeypatch.setattr(DualWindowNetwork, "log_probabilities", seconds)
    told: list[TrainingTime] = []
    own = trainer_of(candles, labels, settings(epochs=1), estimated=told.append)
    own.fit()
    assert told[0].window == pytest.approx(0.01)
    assert told[0].evaluation == pytest.approx(0.01 * len(own._split.validation))


def test_a_step_that_fails_leaves_the_run_as_it_was(
    candles: CandleArrays, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    begin = log_estimate

    def failing(run: TrainingRun, *others: Any) -> TrainingTime:
        before = run.state()
        step, calls = run.step, iter((True, False))

        def fails(*given: Any) -> torch.Tensor:
            if next(calls):
                return step(*given)
            raise MemoryError

        with monkeypatch.context() as patch:
            patch.setattr(run, "step", _Step(fails, step))
            with pytest.raises(MemoryError):
                begin(run, *others)
        kept.append((before, run.state()))
        return TrainingTime(0.0, 0.0, 0.0)

    monkeypatch.setattr(trainer, "log_estimate", failing)
    trainer_of(candles, labels, settings(epochs=1)).fit()
    ((before, after),) = kept
    assert all(torch.equal(before.tensors[name], after.tensors[name]) for name in before.tensors)


class _Step:
    """A gradient step of which only the call is another."""

    def __init__(self, call: Callable[..., torch.Tensor], step: GradientStep) -> None:
        self._call, self._step = call, step

    def __call__(self, *given: Any) -> torch.Tensor:
        return self._call(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)
