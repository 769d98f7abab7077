"""`dualwindow doctor`: facts for a problem report. No key of a configuration is printed."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

from dualwindow import __version__
from dualwindow.cli.display.console import print_table, size_text
from dualwindow.cli.options.configuration import (
    add_config,
    add_userdir,
    config_files,
    configured_layers,
    data_folder,
    userdir_of,
)
from dualwindow.cli.options.here import problems_here
from dualwindow.data.candles.sources import AvailablePair, available_pairs
from dualwindow.data.candles.timerange import utc_text
from dualwindow.data.datasets.store import store_folder, store_sizes
from dualwindow.errors import DataError, SettingsError
from dualwindow.runtime.cores import Cores, read_cores
from dualwindow.runtime.counts import counted
from dualwindow.runtime.machine import Machine
from dualwindow.runtime.memory import MemoryGauge, MemoryUse
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.whole import CheckedConfig, check_config
from dualwindow.settings.layers.environment import environment_names
from dualwindow.settings.layers.files import LayeredConfig

#: Most pairs of an exchange that are printed; JSON has all.
_PAIRS_SHOWN: Final = 40
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
    """One line of the report: a name, unique in its section, and a value of plain JSON types.

    `text` is the value for people; None prints the value.
    """

    name: str
    value: Any
    text: str | None = None

    def __str__(self) -> str:
        return str(self.value) if self.text is None else self.text


#: Shown at the end of the help.
EXAMPLE: Final = "dualwindow doctor -c config.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dualwindow doctor`."""
    add_config(parser)
    add_userdir(parser)
    parser.add_argument(
        "--json", action="store_true", help="print JSON for programs, with sizes in bytes"
    )


def run(options: argparse.Namespace) -> int:
    """Print the report."""
    report = examine(options)
    if options.json:
        values = {
            title: {fact.name: fact.value for fact in facts} for title, facts in report.items()
        }
        print(json.dumps(values, indent=2))
        return 0
    for title, facts in report.items():
        print(f"{title}:")
        print_table([(f"  {fact.name}", str(fact)) for fact in facts])
    return 0


def examine(options: argparse.Namespace) -> dict[str, list[Fact]]:
    """Title of every section to its facts; the user folder need not exist."""
    cores, files = read_cores(), config_files(options)
    memory = MemoryGauge().smallest()
    content: dict[str, Any] = {}
    try:
        content = LayeredConfig(configured_layers(files, as_freqtrade=True)).content
        checked = check_config(content, cores=cores.usable, memory=memory.limit)
    except SettingsError as error:
        checked = CheckedConfig(problems=tuple(error.problems))
    userdir = userdir_of(options, content)
    if checked.settings is not None:
        # The section on the GPU tells that torch cannot be imported.
        with suppress(ImportError, OSError):
            here = problems_here(checked.settings, content, userdir)
            checked = replace(checked, problems=tuple(here))
    return {
        "versions": list(_version_facts()),
        "processor": list(_processor_facts(cores)),
        "memory": list(_memory_facts(memory)),
        "gpu": list(gpu_facts()),
        "disk": list(_disk_facts(userdir)),
        "data": list(_candle_facts(data_folder(userdir))),
        "configuration": list(_configuration_facts(files, checked)),
        "auto_configure": list(_choice_facts(checked, memory, cores)),
    }


def _version_facts() -> Iterator[Fact]:
    """Versions, read from the installed distributions without importing them."""
    yield Fact("dualwindow", __version__)
    yield Fact("python", platform.python_version())
    yield Fact("platform", platform.platform())
    for name in _DISTRIBUTIONS:
        try:
            yield Fact(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Fact(name, None, "not installed")


def _processor_facts(cores: Cores) -> Iterator[Fact]:
    """Cores and their limits."""
    yield Fact("cores", cores.machine)
    if cores.allowed != cores.machine:
        yield Fact("allowed", cores.allowed, f"{cores.allowed} (the process is bound to them)")
    if cores.quota is not None:
        yield Fact("quota", cores.quota, f"{cores.quota:g} (of the container)")
    yield Fact("usable", cores.usable)


def _memory_facts(smallest: MemoryUse) -> Iterator[Fact]:
    """Memory of the machine, and the smallest limit that this process is under."""
    machine = psutil.virtual_memory()
    yield Fact("machine", machine.total, size_text(machine.total))
    yield Fact("available", machine.available, size_text(machine.available))
    yield Fact(
        "limit",
        {"bytes": smallest.limit, "of": smallest.source},
        f"{size_text(smallest.limit)} (of {smallest.source})",
    )


def gpu_facts() -> Iterator[Fact]:
    """Devices that torch can use beside the processor, or the reason why it can use none."""
    try:
        # Importing torch takes seconds, which no other command should pay for.
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
        f"{device['name']}, {size_text(device['memory'])}, bf16 {'yes' if device['bf16'] else 'no'}"
        for device in devices
    )
    unseen = "none; check the driver, and in Docker that the container is given GPUs"
    yield Fact("cuda", devices, shown or (unseen if built else "none"))


def _disk_facts(userdir: Path) -> Iterator[Fact]:
    """Free space for candles, stores and models, and the size of the prepared candles."""
    existing = next(path for path in (userdir, *userdir.resolve().parents) if path.is_dir())
    usage = shutil.disk_usage(existing)
    text = str(userdir) if existing == userdir else f"{userdir} (not there)"
    yield Fact("folder", str(userdir), text)
    yield Fact("free", usage.free, f"{size_text(usage.free)} of {size_text(usage.total)}")
    size = sum(store_sizes(store_folder(userdir)).values())
    yield Fact("prepared", size, f"{size_text(size)} (dualwindow cache)")


def _candle_facts(folder: Path) -> Iterator[Fact]:
    """Pairs of every exchange that has candles in freqtrade's data folder."""
    exchanges = sorted(path for path in folder.glob("*") if path.is_dir())
    if not exchanges:
        yield Fact("none", None, f"{folder} has no folder of an exchange")
    for exchange in exchanges:
        try:
            pairs = available_pairs(exchange, exchange=exchange.name)
        except DataError as error:
            yield Fact(exchange.name, {"problem": str(error)}, str(error))
            continue
        lines = [_pair_text(pair) for pair in pairs[:_PAIRS_SHOWN]]
        if len(pairs) > _PAIRS_SHOWN:
            lines.append(f"and {counted(len(pairs) - _PAIRS_SHOWN, 'more pair')}")
        names = ("pair", "market", "first", "last", "rows", "problem")
        yield Fact(
            exchange.name,
            [{name: getattr(pair, name) for name in names} for pair in pairs],
            "\n".join(lines) or "no 1m candles in a format of freqtrade's",
        )


def _pair_text(pair: AvailablePair) -> str:
    title = f"{pair.pair} {pair.market}"
    if pair.problem is not None or pair.first is None or pair.last is None:
        return f"{title}: {pair.problem}"
    candles = counted(pair.rows or 0, "candle")
    return f"{title}: {utc_text(pair.first)} to {utc_text(pair.last)}, {candles}"


def _configuration_facts(files: list[Path], checked: CheckedConfig) -> Iterator[Fact]:
    variables = environment_names()
    if variables:
        # Their values may be keys.
        yield Fact("environment", variables, "\n".join(variables))
    if not files:
        yield Fact("files", [], "none: there is no config.json here, and none was given")
        return
    yield Fact("files", [str(path) for path in files], ", ".join(map(str, files)))
    yield Fact("valid", not checked.problems, "no" if checked.problems else "yes")
    if checked.problems:
        yield Fact("problems", list(checked.problems), "\n".join(checked.problems))
    if checked.warnings:
        yield Fact("warnings", list(checked.warnings), "\n".join(checked.warnings))


def _choice_facts(checked: CheckedConfig, memory: MemoryUse, cores: Cores) -> Iterator[Fact]:
    """Settings that `auto_configure` would choose for this machine, beside the present ones."""
    now = TrainingConfig() if checked.settings is None else checked.settings.training
    machine = Machine(cores.usable, memory.limit / 2**30, memory.source)
    for name, value in asdict(now.sizes_for(machine)).items():
        before = getattr(now, name)
        now_text = "as it is" if value == before else f"now {json.dumps(before)}"
        yield Fact(name, value, f"{json.dumps(value)} ({now_text})")
