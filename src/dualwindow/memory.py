"""How much memory may be used and is used, and a chunk that shrinks when it runs short.

A container's limit counts before the machine's memory: `/proc/meminfo` tells the host's. Pages of
mapped files and of the page cache are left out wherever the kernel tells them apart, because it
takes them back when it needs them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import psutil

from dualwindow.errors import MemoryLimitError
from dualwindow.settings import TrainingConfig

logger = logging.getLogger(__name__)

MIB: Final = 2**20
#: Share of what may be used from which on a chunk is halved.
NEAR: Final = 0.9


@dataclass(frozen=True)
class MemoryUse:
    """Memory in use and the most that there may be.

    Attributes:
        used: bytes.
        limit: bytes.
        source: whose limit it is, for a message.
    """

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

    Args:
        root: of the file system, to be another one in tests.
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
        uses = [use for reader in self._readers if (use := reader()) is not None]
        return max(uses, key=lambda use: use.percent)


@cache
def _gauge() -> MemoryGauge:
    return MemoryGauge()


def memory_use() -> MemoryUse:
    """Memory in use against the closest limit: the container's, the process's or the machine's."""
    return _gauge().read()


def _machine() -> MemoryUse:
    """What this process holds of the machine: other programs' memory is not ours to judge."""
    held = psutil.Process().memory_info()
    # Resident shared pages are those of mapped files; systems that do not tell count them all.
    return MemoryUse(
        held.rss - getattr(held, "shared", 0), psutil.virtual_memory().total, "this machine"
    )


def _cgroup_readers(root: Path, *, version: int) -> list[_Reader]:
    """Readers of this process's own control group and of all that it lies in."""
    mount = _cgroup_mount(root, version)
    if mount is None:
        return []
    group = mount / _cgroup_path(root, version).lstrip("/")
    # Inside a container the path may be that of the host, which is not there: the mount is ours.
    groups = [each for each in (group, *group.parents) if each == mount or mount in each.parents]
    names = ("memory.max", "memory.current") if version == 2 else _V1_NAMES
    source = f"the container (cgroup v{version})"

    def reader(folder: Path) -> _Reader:
        def read() -> MemoryUse | None:
            limit, current = _number(folder / names[0]), _number(folder / names[1])
            if limit is None or current is None or limit >= _UNLIMITED:
                return None
            return MemoryUse(max(current - _file_pages(folder, version), 0), limit, source)

        return read

    return [reader(each) for each in groups if (each / names[0]).is_file()]


_V1_NAMES: Final = ("memory.limit_in_bytes", "memory.usage_in_bytes")
#: cgroup v1 says "no limit" with the largest number of whole pages.
_UNLIMITED: Final = 2**60


def _cgroup_mount(root: Path, version: int) -> Path | None:
    """Where the memory controller of cgroup v1, or cgroup v2, is mounted."""
    for line in _lines(root / "proc/self/mountinfo"):
        place, _, kind = line.partition(" - ")
        fields, types = place.split(), kind.split()
        if len(fields) < 5 or not types:
            continue
        options = types[-1].split(",")
        if (
            (types[0] == "cgroup2")
            if version == 2
            else (types[0] == "cgroup" and "memory" in options)
        ):
            return root / fields[4].lstrip("/")
    return None


def _cgroup_path(root: Path, version: int) -> str:
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if (
            (number == "0" and not controllers)
            if version == 2
            else ("memory" in controllers.split(","))
        ):
            return path
    return "/"


def _file_pages(folder: Path, version: int) -> int:
    """Bytes of the group's page cache, mapped files included."""
    prefix = "" if version == 2 else "total_"
    names = {f"{prefix}inactive_file", f"{prefix}active_file"}
    pairs = (line.split() for line in _lines(folder / "memory.stat"))
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
            for line in _lines(status):
                if line.startswith(f"{field}:"):
                    return MemoryUse(int(line.split()[1]) * 1024, limit, source)
            return None

        return read

    return [
        reader(resource.RLIMIT_DATA, "VmData", "this process (its data limit)"),
        reader(resource.RLIMIT_AS, "VmSize", "this process (its address-space limit)"),
    ]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        # "max", or a file that came and went.
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


class AdaptiveChunk:
    """A chunk size that halves when memory runs short.

    Args:
        size: to begin with.
        smallest: never smaller than this.
        unit: of the size, for messages.
        max_usage_pct: share of the limit that may be used, percent.
        adaptive: whether to halve at all.
        monitor: whether to look at memory before every chunk.
        read: tells the memory in use; `memory_use` unless given.
    """

    def __init__(
        self,
        size: int,
        *,
        smallest: int,
        unit: str,
        max_usage_pct: float,
        adaptive: bool,
        monitor: bool = True,
        read: Callable[[], MemoryUse] | None = None,
    ) -> None:
        self.size = size
        self._smallest = smallest
        self._unit = unit
        self._max_usage_pct = max_usage_pct
        self._adaptive = adaptive
        self._monitor = monitor
        self._read = read

    @classmethod
    def of(cls, config: TrainingConfig, size: int, *, smallest: int, unit: str) -> AdaptiveChunk:
        """A chunk that shrinks as the settings say."""
        return cls(
            size,
            smallest=smallest,
            unit=unit,
            max_usage_pct=config.max_memory_usage_pct,
            adaptive=config.adaptive_chunk_size,
            monitor=config.enable_memory_monitoring,
        )

    def next(self) -> int:
        """The size of the next chunk, halved when memory is near what may be used.

        Raises:
            MemoryLimitError: when more is used than may be, and the chunk cannot be halved.
        """
        if not self._monitor:
            return self.size
        use = (self._read or memory_use)()
        if use.percent < NEAR * self._max_usage_pct:
            return self.size
        said = (
            f"{use.used / MIB:.0f} of {use.limit / MIB:.0f} MiB of {use.source} are used, "
            f"{use.percent:.0f} % where max_memory_usage_pct allows {self._max_usage_pct:g}"
        )
        if self._adaptive and self.size > self._smallest:
            self._shrink(said)
        elif use.percent > self._max_usage_pct:
            raise MemoryLimitError(f"{said}, with a chunk of {self.size} {self._unit}; {self._way}")
        return self.size

    def halve(self, cause: BaseException) -> None:
        """Take note that an allocation failed.

        Raises:
            MemoryLimitError: when the chunk cannot be halved.
        """
        if not self._adaptive or self.size <= self._smallest:
            raise MemoryLimitError(
                f"a chunk of {self.size} {self._unit} does not fit into memory ({cause}); "
                f"{self._way}"
            ) from cause
        self._shrink(f"an allocation failed ({cause})")

    def _shrink(self, reason: str) -> None:
        before, self.size = self.size, max(self.size // 2, self._smallest)
        logger.warning("memory: %s: chunk %d -> %d %s", reason, before, self.size, self._unit)

    @property
    def _way(self) -> str:
        if not self._adaptive and self.size > self._smallest:
            return "set adaptive_chunk_size to true, choose a smaller chunk, or give more memory"
        return "give more memory, raise max_memory_usage_pct, or train on fewer pairs or days"
