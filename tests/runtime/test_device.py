"""Arithmetic and repeatability of the device that trains; GPUs are simulated."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from dualwindow.errors import SettingsError
from dualwindow.runtime import device as devices
from dualwindow.runtime.device import resolve_device, training_dtype

CPU = torch.device("cpu")
GPU = torch.device("cuda")
LIMITED = """
import torch
from dualwindow.errors import SettingsError
from dualwindow.runtime.device import training_dtype

cpu = torch.device("cpu")
try:
    print(training_dtype("bf16", cpu))
except SettingsError as error:
    print(error)
print(training_dtype("auto", cpu))
"""


@pytest.fixture
def simulated_gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One GPU, as far as torch can be asked about it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Some GPU")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    devices._computes.cache_clear()
    return monkeypatch


def test_bf16_is_refused_on_a_processor_that_cannot_compute_in_it() -> None:
    # oneDNN obeys the variable when it is loaded, so this takes a process of its own.
    run = subprocess.run(
        [sys.executable, "-c", LIMITED],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "precision 'bf16': cpu cannot train in it; use 'auto' or 'fp32'" in run.stdout
    assert "torch.float32" in run.stdout


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_a_failing_lstm_is_a_refusal_and_no_error_of_torch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_args: object) -> None:
        raise RuntimeError("could not create a primitive descriptor")

    devices._computes.cache_clear()
    monkeypatch.setattr(torch.nn.LSTM, "forward", failing)
    with pytest.raises(SettingsError, match=f"precision '{name}': cpu cannot train in it"):
        training_dtype(name, CPU)
    devices._computes.cache_clear()


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_trains_in_bf16_only_if_it_is_asked_to_and_can(
    simulated_gpu: pytest.MonkeyPatch, native: bool
) -> None:
    asked: list[bool] = []

    def supported(*, including_emulation: bool) -> bool:
        asked.append(including_emulation)
        return native

    simulated_gpu.setattr(torch.cuda, "is_bf16_supported", supported)
    assert training_dtype("auto", GPU) == training_dtype("fp32", GPU) == torch.float32
    if native:
        assert training_dtype("bf16", GPU) == torch.bfloat16
    else:
        with pytest.raises(SettingsError, match="precision 'bf16': Some GPU cannot train in it"):
            training_dtype("bf16", GPU)
    assert asked == [False]
    devices._computes.cache_clear()


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
def test_a_gpu_is_made_to_repeat_itself_and_to_round_as_a_processor(
    simulated_gpu: pytest.MonkeyPatch, name: str
) -> None:
    assert resolve_device(name).type == "cuda"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.backends.cudnn.allow_tf32
    # The user's own value counts.
    simulated_gpu.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    resolve_device(name)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_a_processor_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    resolve_device("cpu")
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
