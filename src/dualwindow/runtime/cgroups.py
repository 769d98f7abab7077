"""Control groups of Linux: the files that hold a container's limits, in both versions."""

from __future__ import annotations

from pathlib import Path


def own_groups(root: Path, *, version: int, controller: str) -> list[Path]:
    """Folders of this process's own control group and of all that it lies in, innermost first.

    Empty where that version, 1 or 2, is not mounted. In version 1 a controller, such as memory or
    cpu, has folders of its own. The root of the file system is another one in tests.
    """
    mount = _mount(root, version, controller)
    if mount is None:
        return []
    group = mount / _path(root, version, controller).lstrip("/")
    # Inside a container the path may be that of the host, which is not there: the mount is ours.
    return [path for path in (group, *group.parents) if path == mount or mount in path.parents]


def read_number(path: Path) -> int | None:
    """The number in a file; None when it holds "max", or does not exist any more."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def read_lines(path: Path) -> list[str]:
    """The lines of a file; none when it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _mount(root: Path, version: int, controller: str) -> Path | None:
    """Where the controller of version 1, or version 2, is mounted."""
    for line in read_lines(root / "proc/self/mountinfo"):
        place, _, kind = line.partition(" - ")
        fields, types = place.split(), kind.split()
        if len(fields) < 5 or not types:
            continue
        options = types[-1].split(",")
        if (
            (types[0] == "cgroup2")
            if version == 2
            else (types[0] == "cgroup" and controller in options)
        ):
            return root / fields[4].lstrip("/")
    return None


def _path(root: Path, version: int, controller: str) -> str:
    for line in read_lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if (
            (number == "0" and not controllers)
            if version == 2
            else (controller in controllers.split(","))
        ):
            return path
    return "/"
