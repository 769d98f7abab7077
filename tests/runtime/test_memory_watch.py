"""Knows the limit that counts, halves the chunk near it, and says clearly when nothing fits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.data.datasets import chunks
from dualwindow.data.datasets.chunks import AdaptiveChunk
from dualwindow.errors import MemoryLimitError
from dualwindow.runtime import memory
from dualwindow.runtime.cgroups import own_groups
from dualwindow.runtime.memory import MemoryGauge, MemoryUse
from dualwindow.settings import TrainingConfig

GIB = 2**30
MIB = 2**20
MOUNTS = {
    1: "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n",
    2: "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
}
MOUNTED = {1: "sys/fs/cgroup/memory", 2: "sys/fs/cgroup"}
NAMES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    2: ("memory.max", "memory.current", ""),
}


class Tree:
    """A made-up /proc and /sys."""

    def __init__(self, root: Path, version: int, path: str = "/") -> None:
        self.root, self.version = root, version
        (root / "proc/self").mkdir(parents=True)
        self.write("proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n" + MOUNTS[version])
        line = f"0::{path}\n" if version == 2 else f"5:cpu:/\n4:memory:{path}\n0::/\n"
        self.write("proc/self/cgroup", line)

    def write(self, path: str, content: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def group(self, path: str, limit: str, used: int, file_pages: int = 0) -> None:
        limit_name, used_name, prefix = NAMES[self.version]
        folder = f"{MOUNTED[self.version]}{path}"
        self.write(f"{folder}/{limit_name}", f"{limit}\n")
        self.write(f"{folder}/{used_name}", f"{used}\n")
        half = file_pages // 2
        stat = f"anon 1\n{prefix}inactive_file {half}\n{prefix}active_file {file_pages - half}\n"
        self.write(f"{folder}/memory.stat", stat)


@pytest.fixture(autouse=True)
def no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_machine", lambda: MemoryUse(GIB, 64 * GIB, "this machine"))


@pytest.mark.parametrize("version", [1, 2])
def test_a_containers_limit_counts_without_file_pages(version: int, tmp_path: Path) -> None:
    tree = Tree(tmp_path, version)
    tree.group("", str(4 * GIB), used=3 * GIB, file_pages=2 * GIB)
    use = MemoryGauge(tmp_path).read()
    assert use == MemoryUse(GIB, 4 * GIB, f"the container (cgroup v{version})")
    assert use.percent == 25.0
    tree.group("", str(4 * GIB), used=4 * GIB, file_pages=GIB)


def test_use_is_read_anew_every_time(tmp_path: Path) -> None:
    tree = Tree(tmp_path, 2)
    tree.group("", str(4 * GIB), used=GIB)
    gauge = MemoryGauge(tmp_path)
    assert gauge.read().used == GIB
    tree.group("", str(4 * GIB), used=2 * GIB)
    assert gauge.read().used == 2 * GIB


def test_the_smallest_limit_is_what_there_is_to_plan_with(tmp_path: Path) -> None:
    tree = Tree(tmp_path, 2, "/pod/bot")
    tree.group("/pod", str(8 * GIB), used=7 * GIB)
    tree.group("/pod/bot", str(4 * GIB), used=GIB)
    gauge = MemoryGauge(tmp_path)
    assert gauge.read().limit == 8 * GIB
    assert gauge.smallest().limit == 4 * GIB


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("own", "outer"), [(8, 4), (4, 8)])
def test_the_closest_of_nested_limits_counts(
    version: int, own: int, outer: int, tmp_path: Path
) -> None:
    tree = Tree(tmp_path, version, "/pod/bot")
    tree.group("/pod", str(outer * GIB), used=2 * GIB)
    tree.group("/pod/bot", str(own * GIB), used=2 * GIB)
    assert MemoryGauge(tmp_path).read().limit == 4 * GIB


def test_a_path_of_the_host_that_is_not_there_means_the_mount(tmp_path: Path) -> None:
    tree = Tree(tmp_path, 1, "/docker/0123456789abcdef")
    tree.group("", str(2 * GIB), used=GIB)
    assert MemoryGauge(tmp_path).read().limit == 2 * GIB


@pytest.mark.parametrize(
    ("version", "limit"), [(2, "max"), (1, "9223372036854771712"), (2, "nonsense"), (2, "")]
)
def test_without_a_limit_the_machine_counts(version: int, limit: str, tmp_path: Path) -> None:
    Tree(tmp_path, version).group("", limit, used=3 * GIB)
    assert MemoryGauge(tmp_path).read().source == "this machine"


@pytest.mark.parametrize("content", ["", "\n\n", "::::\n", "1 2 - \n", "a - b - c\n"])
def test_files_that_cannot_be_read_are_no_limit(content: str, tmp_path: Path) -> None:
    tree = Tree(tmp_path, 2)
    tree.group("", str(GIB), used=GIB)
    tree.write("proc/self/mountinfo", content)
    assert MemoryGauge(tmp_path).read().source == "this machine"
    assert MemoryGauge(tmp_path / "nothing").read().source == "this machine"


def chunk(percents: list[float], size: int = 64, smallest: int = 8, **rules: bool) -> AdaptiveChunk:
    answers = iter(percents)

    def read() -> MemoryUse:
        return MemoryUse(int(next(answers) * MIB), 100 * MIB, "the test")

    options = {"adaptive": True, "monitor": True} | rules
    return AdaptiveChunk(
        size, smallest=smallest, unit="rows", max_usage_pct=75.0, read=read, **options
    )


def test_a_chunk_is_halved_near_the_limit_with_one_line_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sizes = chunk([10, 67, 68, 10, 74.9, 10, 70])
    assert [sizes.next() for _ in range(7)] == [64, 64, 32, 32, 16, 16, 8]
    lines = [record.message for record in caplog.records]
    assert len(lines) == 3
    assert "68 of 100 MiB of the test are used, 68 %" in lines[0]
    assert "max_memory_usage_pct allows 75: chunk 64 -> 32 rows" in lines[0]


def test_the_smallest_chunk_goes_on_near_the_limit_and_ends_above_it() -> None:
    sizes = chunk([70, 75, 76], size=8)
    assert [sizes.next(), sizes.next()] == [8, 8]
    with pytest.raises(
        MemoryLimitError, match=r"76 of 100 MiB of the test.*allows 75.*8 rows; give more memory"
    ):
        sizes.next()


def test_a_chunk_that_may_not_shrink_ends_above_the_limit() -> None:
    sizes = chunk([70, 76], adaptive=False)
    assert sizes.next() == 64
    with pytest.raises(MemoryLimitError, match="64 rows; set adaptive_chunk_size to true"):
        sizes.next()
    with pytest.raises(MemoryLimitError, match="adaptive_chunk_size"):
        sizes.halve(MemoryError("none left"))


def test_without_monitoring_memory_is_not_looked_at_but_a_failure_still_halves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sizes = chunk([], size=16, monitor=False)
    assert sizes.next() == 16
    sizes.halve(MemoryError("none left"))
    assert sizes.next() == 8
    assert "an allocation failed (none left): chunk 16 -> 8 rows" in caplog.text
    with pytest.raises(MemoryLimitError, match="8 rows does not fit into memory") as caught:
        sizes.halve(MemoryError("none left"))
    assert isinstance(caught.value.__cause__, MemoryError)


@given(
    percents=st.lists(st.floats(0, 75), min_size=1, max_size=30),
    size=st.integers(1, 100_000),
    smallest=st.integers(1, 2000),
)
def test_a_chunk_never_grows_and_never_falls_below_the_smallest(
    percents: list[float], size: int, smallest: int
) -> None:
    smallest = min(smallest, size)
    sizes = chunk(percents, size, smallest)
    seen = [sizes.next() for _ in percents]
    assert seen == sorted(seen, reverse=True)
    assert min(seen) >= smallest
    near = sum(percent * MIB // 1 / MIB >= 67.5 for percent in percents)
    expected = size
    for _ in range(near):
        expected = max(expected // 2, smallest)
    assert seen[-1] == expected


def test_the_settings_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "memory_use", lambda: MemoryUse(46, 100, "the test"))

    def first(**changes: object) -> int:
        config = TrainingConfig.from_parameters({"max_memory_usage_pct": 50.0, **changes})
        return AdaptiveChunk.from_settings(config, 100, smallest=10, unit="rows").next()

    assert first() == 50
    assert first(max_memory_usage_pct=75.0) == 100
    assert first(enable_memory_monitoring=False) == 100
    assert first(adaptive_chunk_size=False) == 100


UNDER_A_LIMIT = """
import sys
import numpy as np
from dualwindow.errors import MemoryLimitError
from dualwindow.data.datasets.chunks import AdaptiveChunk
from dualwindow.runtime.memory import memory_use

{limit}
free = AdaptiveChunk(64, smallest=16, unit="rows", max_usage_pct=75.0, adaptive=True)
assert free.next() == 64, memory_use()
room = memory_use().limit - memory_use().used
held = np.ones(int(memory_use().limit * 0.72 - memory_use().used), dtype=np.uint8)
print("source", memory_use().source)
print("near", free.next(), free.next())
more = np.ones(int(memory_use().limit * 0.1), dtype=np.uint8)
try:
    free.next()
except MemoryLimitError as error:
    print("full", error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resource limits are read from Linux's /proc")
@pytest.mark.parametrize(("kind", "said"), [("DATA", "data limit"), ("AS", "address-space limit")])
def test_a_real_resource_limit_halves_and_ends(kind: str, said: str) -> None:
    field = {"DATA": "VmData", "AS": "VmSize"}[kind]
    limit = f"""
import resource
with open("/proc/self/status") as status:
    now = next(int(line.split()[1]) * 1024 for line in status if line.startswith("{field}"))
# Half of the limit is in use already.
resource.setrlimit(resource.RLIMIT_{kind}, (2 * now + 2**28, resource.RLIM_INFINITY))
"""
    said_lines = run(UNDER_A_LIMIT.format(limit=limit))
    assert said in said_lines[0]
    assert said_lines[1] == "near 32 16"
    assert said_lines[2].startswith("full ")


def child_group() -> Path | None:
    """A new control group under that of this process, where the kernel lets us make one."""
    for version, own in ((1, "memory.limit_in_bytes"), (2, "memory.max")):
        groups = own_groups(Path("/"), version=version, controller="memory")
        if not groups:
            continue
        child = groups[0] / f"dualwindow-test-{os.getpid()}"
        try:
            child.mkdir()
        except OSError:
            continue
        if (child / own).exists() and os.access(child / own, os.W_OK):
            return child
        child.rmdir()
    return None


def test_a_real_containers_limit_halves_and_ends() -> None:
    child = child_group()
    if child is None:
        # Few machines let a test make a group; the resource limits above are as real.
        return
    try:
        name = "memory.max" if (child / "memory.max").exists() else "memory.limit_in_bytes"
        (child / name).write_text(str(GIB // 2))
        enter = f"open('{child}/cgroup.procs', 'w').write(str(__import__('os').getpid()))"
        said = run(UNDER_A_LIMIT.format(limit=""), before=enter)
    finally:
        child.rmdir()
    assert "the container (cgroup v" in said[0]
    assert said[1] == "near 32 16"
    assert said[2].startswith("full ")


def run(code: str, before: str = "") -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\n{code}"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
