"""How much memory may be used and is used.

A container's limit counts before the machine's memory: `/proc/meminfo` tells the host's. Pages of
mapped files and of the page cache are left out wherever the kernel tells them apart, because it
takes them back when it needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import psutil

from dualwindow.runtime.cgroups import own_groups, read_lines, read_number

MIB: Final = 2**20


@dataclass(frozen=True)
class MemoryUse:
    """Bytes in use, the most that there may be, and whose limit that is, for a message."""

    used: int
    limit: int
    source: str

    @property
    def percent(self) -> float:
        """Share of the limit that is used, percent."""
        return 100.0 * self.used / self.limit


#: Reads one limit; None while there is none.
_Reader = Callable[[], MemoryUse | None]


class MemoryGauge:
    """Reads every limit that this process is under; its files are looked for once.

    The root of the file system is another one in tests.

    Example:
        >>> use = MemoryGauge().read()
        >>> use.used > 0 and use.limit > 0
        True
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._readers: list[_Reader] = [
            *_cgroup_readers(root, version=2),
            *_cgroup_readers(root, version=1),
            *_resource_readers(root),
            _machine,
        ]

    def read(self) -> MemoryUse:
        """The limit that is closest."""
        return max(self._uses(), key=lambda use: use.percent)

    def smallest(self) -> MemoryUse:
        """The smallest limit, however much of it is used: what there is to plan with."""
        return min(self._uses(), key=lambda use: use.limit)

    def _uses(self) -> list[MemoryUse]:
        return [use for reader in self._readers if (use := reader()) is not None]


@cache
def _gauge() -> MemoryGauge:
    return MemoryGauge()


def memory_use() -> MemoryUse:
    """Memory in use against the closest limit: the container's, the process's or the machine's."""
    return _gauge().read()


def training_memory() -> int:
    """Bytes that a training may use at most, whatever is used now."""
    return _gauge().smallest().limit


def _machine() -> MemoryUse:
    """Memory of the machine that this process holds; that of other programs is not its own."""
    held = psutil.Process().memory_info()
    # Resident shared pages are those of mapped files; systems that do not tell count them all.
    return MemoryUse(
        held.rss - getattr(held, "shared", 0), psutil.virtual_memory().total, "this machine"
    )


def _cgroup_readers(root: Path, *, version: int) -> list[_Reader]:
    """Readers of this process's own control group and of all that it lies in."""
    names = ("memory.max", "memory.current") if version == 2 else _V1_NAMES
    source = f"the container (cgroup v{version})"

    def reader(folder: Path) -> _Reader:
        def read() -> MemoryUse | None:
            limit, current = read_number(folder / names[0]), read_number(folder / names[1])
            if limit is None or current is None or limit >= _UNLIMITED:
                return None
            return MemoryUse(max(current - _file_pages(folder, version), 0), limit, source)

        return read

    groups = own_groups(root, version=version, controller="memory")
    return [reader(group) for group in groups if (group / names[0]).is_file()]


_V1_NAMES: Final = ("memory.limit_in_bytes", "memory.usage_in_bytes")
#: cgroup v1 writes "no limit" as the largest number of whole pages.
_UNLIMITED: Final = 2**60


def _file_pages(folder: Path, version: int) -> int:
    """Bytes of the group's page cache, mapped files included."""
    prefix = "" if version == 2 else "total_"
    names = {f"{prefix}inactive_file", f"{prefix}active_file"}
    pairs = (line.split() for line in read_lines(folder / "memory.stat"))
    return sum(
        int(pair[1])
        for pair in pairs
        if len(pair) == 2 and pair[0] in names and pair[1].isdecimal()
    )


def _resource_readers(root: Path) -> list[_Reader]:
    """Readers of the limits that a shell's ulimit sets."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return []
    status = root / "proc/self/status"
    if not status.is_file():
        return []

    def reader(kind: int, field: str, source: str) -> _Reader:
        def read() -> MemoryUse | None:
            limit = resource.getrlimit(kind)[0]
            if limit == resource.RLIM_INFINITY:
                return None
            for line in read_lines(status):
                if line.startswith(f"{field}:"):
                    return MemoryUse(int(line.split()[1]) * 1024, limit, source)
            return None

        return read

    return [
        reader(resource.RLIMIT_DATA, "VmData", "this process (its data limit)"),
        reader(resource.RLIMIT_AS, "VmSize", "this process (its address-space limit)"),
    ]
