"""Cores that may be used: the machine's, those bound to, and the container's quota."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.runtime.cores import Cores, read_cores

MOUNTS = {
    1: "35 31 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
    2: "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
}


def _tree(root: Path, version: int, path: str, limits: dict[str, str]) -> Path:
    """A made-up /proc and /sys; `limits` by group, as "quota period" in microseconds."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(MOUNTS[version], encoding="ascii")
    line = f"0::{path}\n" if version == 2 else f"4:memory:/other\n5:cpu,cpuacct:{path}\n"
    (root / "proc/self/cgroup").write_text(line, encoding="ascii")
    for group, limit in limits.items():
        folder = root / ("sys/fs/cgroup" + ("/cpu" if version == 1 else "") + group)
        folder.mkdir(parents=True, exist_ok=True)
        if version == 2:
            (folder / "cpu.max").write_text(f"{limit}\n", encoding="ascii")
            continue
        for name, value in zip(("quota", "period"), limit.split(), strict=True):
            (folder / f"cpu.cfs_{name}_us").write_text(f"{value}\n", encoding="ascii")
    return root


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("outer", "own"), [(4.0, 1.5), (1.5, 4.0)])
def test_the_smallest_quota_of_nested_groups_counts(
    version: int, outer: float, own: float, tmp_path: Path
) -> None:
    limits = {
        group: f"{round(cores * 50_000)} 50000" for group, cores in (("/a", outer), ("/a/b", own))
    }
    assert read_cores(_tree(tmp_path, version, "/a/b", limits)).quota == 1.5


@pytest.mark.parametrize(
    ("version", "limit"), [(2, "max 100000"), (1, "-1 100000"), (2, "nonsense"), (2, "")]
)
def test_without_a_limit_there_is_no_quota(version: int, limit: str, tmp_path: Path) -> None:
    cores = read_cores(_tree(tmp_path, version, "/", {"": limit}))
    assert cores.quota is None
    assert cores.usable == cores.allowed


def test_a_system_without_these_files_has_the_machines_cores(tmp_path: Path) -> None:
    cores = read_cores(tmp_path)
    assert cores.machine == os.cpu_count()
    assert 1 <= cores.usable <= cores.machine


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be bound to here")
def test_cores_that_the_process_is_bound_to_count(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert read_cores(tmp_path).allowed == 1
    finally:
        os.sched_setaffinity(0, before)


@given(st.integers(1, 64), st.integers(1, 64), st.none() | st.floats(0.01, 100))
def test_at_least_one_core_and_never_more_than_any_limit(
    machine: int, allowed: int, quota: float | None
) -> None:
    usable = Cores(machine, allowed, quota).usable
    assert 1 <= usable <= allowed
    if quota is not None:
        assert usable <= max(quota, 1)
        assert usable == allowed or usable + 1 > quota
