"""Files are written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """Yield a temporary neighbour of `path` to be written, and rename it over `path` at the end.

    When the block raises, `path` is left as it was and the temporary file is removed.
    """
    # Another container's process may have the same number.
    number = f"{os.getpid()}{secrets.randbelow(10**6):06d}"
    temporary = path.with_name(f".{path.name}.{number}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def leftovers(path: Path) -> list[Path]:
    """Temporary neighbours of `path` that processes which were killed while writing it have left.

    Those of a process that is writing it at this moment are among them.
    """
    # The name ends in a number: another file's name may begin as this one's does.
    pattern = re.compile(rf"\.{re.escape(path.name)}\.\d+\.tmp")
    folder = path.parent
    neighbours = folder.iterdir() if folder.is_dir() else ()
    return [each for each in neighbours if pattern.fullmatch(each.name)]


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of `path` for writing and rename it over `path` at the end.

    When the block raises, `path` is left as it was and the temporary file is removed.
    """
    with whole_path(path) as temporary, temporary.open("wb") as handle:
        yield handle


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with whole_file(path) as handle:
        handle.write(json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def set_aside(path: Path) -> Path:
    """Rename a damaged file or folder so that nothing loads it, and return its new name."""
    aside = path.with_name(f"{path.name}.damaged")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{number}")
    path.replace(aside)
    return aside


def remove_strays(folder: Path) -> None:
    """Delete what `whole_path` of a killed process left; nothing else may be writing there."""
    for stray in folder.rglob(".*.tmp"):
        if stray.is_file():
            stray.unlink()
