"""Processor cores that this process may use: a container may have fewer than the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dualwindow.runtime.cgroups import own_groups, read_lines, read_number


@dataclass(frozen=True)
class Cores:
    """Cores of the machine, those this process is bound to, and the container's quota in cores.

    The quota is processor time; None is no limit.
    """

    machine: int
    allowed: int
    quota: float | None

    @property
    def usable(self) -> int:
        """Processes that can work at the same time; at least 1."""
        quota = self.allowed if self.quota is None else int(self.quota)
        return max(min(self.allowed, quota), 1)


def read_cores(root: Path = Path("/")) -> Cores:
    """The cores there are; the root of the file system is another one in tests."""
    machine = os.cpu_count() or 1
    # Only Linux binds processes to cores in a way that can be asked for.
    bound = getattr(os, "sched_getaffinity", None)
    allowed = machine if bound is None else len(bound(0))
    return Cores(machine, allowed, min(_quotas(root), default=None))


def _quotas(root: Path) -> Iterator[float]:
    for group in own_groups(root, version=2, controller="cpu"):
        # Microseconds of processor time in a period, and the period; "max" without a limit.
        words = " ".join(read_lines(group / "cpu.max")).split()
        if len(words) == 2 and words[0].isdecimal() and int(words[1]) > 0:
            yield int(words[0]) / int(words[1])
    for group in own_groups(root, version=1, controller="cpu"):
        quota, period = (read_number(group / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        # -1 without a limit.
        if quota is not None and period and quota > 0:
            yield quota / period
