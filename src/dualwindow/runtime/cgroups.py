"""Control groups of Linux: the files in which a container's limits stand, in both versions."""

from __future__ import annotations

from pathlib import Path


def own_groups(root: Path, *, version: int, controller: str) -> list[Path]:
    """Folders of this process's own control group and of all that it lies in, innermost first.

    Args:
        root: of the file system, to be another one in tests.
        version: 1 or 2.
        controller: such as memory or cpu; with version 1 each has folders of its own.

    Returns:
        Empty where that version is not mounted.
    """
    mount = _mount(root, version, controller)
    if mount is None:
        return []
    group = mount / _path(root, version, controller).lstrip("/")
    # Inside a container the path may be that of the host, which is not there: the mount is ours.
    return [each for each in (group, *group.parents) if each == mount or mount in each.parents]


def read_number(path: Path) -> int | None:
    """The number in a file; None when it says "max", or came and went."""
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
