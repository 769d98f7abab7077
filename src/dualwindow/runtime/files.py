"""Files that are written whole or not at all, with sums that show damage, and locks on folders."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from filelock import lock_descriptor

SUMS_NAME: Final = "state_sums.json"

logger = logging.getLogger(__name__)

#: Windows opens no folders; there a file in the folder is locked for it.
_OPENS_FOLDERS: Final = os.name != "nt"
_LOCK_NAME: Final = ".lock"


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
    return [file for file in neighbours if pattern.fullmatch(file.name)]


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Like `whole_path`, with the temporary file open for writing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder) / "model.bin") as handle:
        ...         _ = handle.write(b"weights")
        ...     (Path(folder) / "model.bin").read_bytes()
        b'weights'
    """
    with whole_path(path) as temporary, temporary.open("wb") as handle:
        yield handle


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with whole_file(path) as handle:
        handle.write(json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")


def parse_json(content: bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError: when it is none, or its brackets lie too deep in each other to be read.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("its brackets lie too deep in each other") from None


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
    """Delete temporary files of killed processes; nothing else may be writing there."""
    for stray in folder.rglob(".*.tmp"):
        if stray.is_file():
            stray.unlink()


class CheckedFiles:
    """The state files of one folder, which need not exist until one is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def write(self, name: str, content: bytes) -> None:
        """Replace a file, whole or not at all, and remember its sum."""
        path = self._folder / name
        new = hashlib.sha256(content).hexdigest()
        with self._lock:
            sums = self._sums()
            # Old and new are both listed before the file changes: whenever the process is killed,
            # the file that is there has its sum in the list.
            old = [sha256_of(path)] if path.is_file() else []
            write_json(self._folder / SUMS_NAME, {"sha256": sums | {name: [*old, new]}})
            with whole_file(path) as handle:
                handle.write(content)

    def is_damaged(self, name: str) -> bool:
        """Whether a file that this class wrote has changed since; false for any other."""
        path = self._folder / name
        sums = self._sums().get(name)
        return sums is not None and path.is_file() and sha256_of(path) not in sums

    def _sums(self) -> dict[str, list[str]]:
        try:
            content = parse_json((self._folder / SUMS_NAME).read_bytes())
            return {str(name): list(sums) for name, sums in content["sha256"].items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            # Without the list nothing is known to be damaged; the next write makes it again.
            return {}


class FileLockedError(Exception):
    """Another process, or another block of this one, holds the lock."""


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder for the block; the system lifts it when the process ends.

    Nothing stays that was written for it. Where the file system knows no such locks, the block runs
    without one.

    Raises:
        FileLockedError: when the lock is held already.
        OSError: when the folder cannot be opened.
    """
    # Not a FileLock, which leaves its file in the folder and makes a folder that is gone.
    if _OPENS_FOLDERS:
        handle = os.open(folder, os.O_RDONLY)
    else:
        handle = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT)
    try:
        if not _is_locked_for(handle, folder):
            raise FileLockedError(str(folder))
        yield
    finally:
        os.close(handle)
        if not _OPENS_FOLDERS:
            # Windows keeps a file that another process has open, so none loses the lock it holds.
            with suppress(OSError):
                (folder / _LOCK_NAME).unlink()


def _is_locked_for(handle: int, folder: Path) -> bool:
    try:
        return lock_descriptor(handle, blocking=False)
    except OSError as error:
        # Some network file systems have no locks.
        logger.debug("%s is not locked: %s", folder, error)
        return True
