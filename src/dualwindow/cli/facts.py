"""Facts about this machine and installation, each as a value and as people read it."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

from dualwindow import __version__
from dualwindow.cli.tables import size_text
from dualwindow.runtime.cores import Cores
from dualwindow.runtime.memory import MemoryUse

#: Distributions that results and problems depend on.
_DISTRIBUTIONS: Final = (
    "torch",
    "freqtrade",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "scikit-learn",
    "safetensors",
)


@dataclass(frozen=True)
class Fact:
    """One line of a report.

    Attributes:
        name: of what is told.
        value: plain JSON types.
        text: the value for people; as it is unless given.
    """

    name: str
    value: Any
    text: str | None = None

    def __str__(self) -> str:
        return str(self.value) if self.text is None else self.text


def versions() -> Iterator[Fact]:
    """Versions of what this runs on; nothing is imported for it."""
    yield Fact("dualwindow", __version__)
    yield Fact("python", platform.python_version())
    yield Fact("platform", platform.platform())
    for name in _DISTRIBUTIONS:
        try:
            yield Fact(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Fact(name, None, "not installed")


def processor(cores: Cores) -> Iterator[Fact]:
    """Cores, and what limits them."""
    yield Fact("cores", cores.machine)
    if cores.allowed != cores.machine:
        yield Fact("allowed", cores.allowed, f"{cores.allowed} (the process is bound to them)")
    if cores.quota is not None:
        yield Fact("quota", cores.quota, f"{cores.quota:g} (of the container)")
    yield Fact("usable", cores.usable)


def memory(smallest: MemoryUse) -> Iterator[Fact]:
    """Memory, and whose limit counts.

    Args:
        smallest: the smallest limit that this process is under.
    """
    machine = psutil.virtual_memory()
    yield Fact("machine", machine.total, size_text(machine.total))
    yield Fact("available", machine.available, size_text(machine.available))
    yield Fact(
        "limit",
        {"bytes": smallest.limit, "of": smallest.source},
        f"{size_text(smallest.limit)} (of {smallest.source})",
    )


def disk(folder: Path) -> Iterator[Fact]:
    """Room where candles, stores and models are, or will be."""
    there = next(each for each in (folder, *folder.resolve().parents) if each.is_dir())
    usage = shutil.disk_usage(there)
    yield Fact("folder", str(folder), str(folder) if there == folder else f"{folder} (not there)")
    yield Fact("free", usage.free, f"{size_text(usage.free)} of {size_text(usage.total)}")


def gpus() -> Iterator[Fact]:
    """What torch can compute on beside the processor, and why not where it cannot."""
    try:
        # It takes seconds, which no other command should pay for.
        import torch  # noqa: PLC0415
    except (ImportError, OSError) as error:
        yield Fact("torch", None, f"cannot be imported: {error}")
        return
    built = torch.version.cuda or torch.version.hip
    yield Fact("torch_built_for", built, built or "the processor alone")
    if torch.backends.mps.is_available():
        yield Fact("mps", True, "yes")
    devices = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(index)
        with torch.cuda.device(index):
            bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        devices.append({"name": about.name, "memory": about.total_memory, "bf16": bf16})
    shown = "\n".join(
        f"{each['name']}, {size_text(each['memory'])}, bf16 {'yes' if each['bf16'] else 'no'}"
        for each in devices
    )
    unseen = "none; check the driver, and in Docker that the container is given GPUs"
    yield Fact("cuda", devices, shown or (unseen if built else "none"))
