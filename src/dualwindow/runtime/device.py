"""Device, precision and randomness of a training, as torch takes them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch

from dualwindow.errors import MemoryLimitError, SettingsError
from dualwindow.runtime.counts import counted

logger = logging.getLogger(__name__)


def resolve_device(name: str) -> torch.device:
    """Turn the setting `device` into a torch device that exists.

    A GPU is prepared for the promises of the package, see `_prepare_cuda`.

    Raises:
        SettingsError: when the device asked for is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise SettingsError(
                [
                    f"device {name!r}: torch sees {counted(count, 'CUDA device')} here; use 'auto' "
                    "or 'cpu'"
                ]
            )
        _prepare_cuda()
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError([f"device {name!r} is not available here; use 'auto' or 'cpu'"])
    return device


def _prepare_cuda() -> None:
    """Make a GPU repeat itself, and compute fp32 as a processor does; for the whole process.

    cuBLAS reads its variable when it is first used, and without it adds in any order, see
    https://docs.nvidia.com/cuda/cublas/#results-reproducibility. cuDNN would round the inputs of
    an LSTM to TF32 (10 bits), so that a GPU's probabilities differ from those of a processor.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.allow_tf32 = False


def prediction_device(name: str) -> torch.device:
    """The device of the setting where it exists, else the CPU: a model outlives its GPU."""
    try:
        return resolve_device(name)
    except SettingsError:
        logger.warning("device %r is not here, predicting on the CPU", name)
        return torch.device("cpu")


def arithmetic_of(device: torch.device) -> str:
    """Identifies how a device rounds: the GPU's model, or the processor's vector instructions."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else ""


def training_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Turn the setting `precision` into the arithmetic of training.

    `auto` is fp32: bf16 does not give a processor's results, and is faster on a GPU only for
    batches of thousands of windows, see docs/hardware.md.

    Raises:
        SettingsError: when the device cannot compute in it.
    """
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    if not _computes(device, dtype):
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
        raise SettingsError(
            [f"precision {precision!r}: {name} cannot train in it; use 'auto' or 'fp32'"]
        )
    return dtype


@cache
def _computes(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the device trains an LSTM in this arithmetic, by trying it.

    A processor's instructions alone do not tell: oneDNN needs AVX-512 for bf16, and obeys its own
    limits. A GPU that only emulates bf16 would be slower with it than without.
    """
    if dtype == torch.float32:
        return True
    if device.type == "cuda" and dtype == torch.bfloat16:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu" and dtype == torch.float16:
        return False
    with torch.random.fork_rng(devices=[]):
        lstm = torch.nn.LSTM(1, 1).to(device)
    try:
        with torch.enable_grad(), autocast(device, dtype):
            output, _ = lstm(torch.zeros(2, 1, 1, device=device))
        output.float().sum().backward()
    except RuntimeError:
        return False
    return True


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[None]:
    """Run the block in `dtype` where torch may; fp32 changes nothing."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)


@contextmanager
def reproducible(
    seed: int, device: torch.device, *, deterministic: bool
) -> Iterator[torch.Generator]:
    """Seed torch for the block, yield the generator of dropout masks, and restore what was.

    The same seed on the same machine gives identical weights when `deterministic` is on.
    """
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    was_warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        if deterministic:
            torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield torch.Generator().manual_seed(seed)
        finally:
            torch.use_deterministic_algorithms(was_deterministic, warn_only=was_warn_only)


@contextmanager
def within_memory(batch_size: int, device: torch.device) -> Iterator[None]:
    """Turn torch's error for a GPU without enough memory into a MemoryLimitError with the way out.

    The block computes batches of `batch_size` windows.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryLimitError(
            f"the memory of {device} does not suffice for a batch of {batch_size} windows; "
            "lower batch_size, raise patch_size, or end what else uses the GPU"
        ) from error
