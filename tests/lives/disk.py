"""A disk that fills up, and a process that is killed, at the n-th write."""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_NEVER: Final = 1 << 60
_WRITES: Final = frozenset("wax+")


class Killed(BaseException):
    """The end of a process that was killed; nothing in it catches this."""


class Disk:
    """Counts what is written below a folder; from a number on it fails, or the process ends.

    Attributes:
        writes: so far: bytes to a file, its name, its removal, a statement of sqlite's.
        is_dead: whether the process was killed; then nothing more reaches the disk.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = f"{folder}{os.sep}"
        self._aside = folder.with_name(f"{folder.name}.as-killed")
        self.writes = 0
        self.kill_at = self.full_at = _NEVER
        self.is_dead = False
        self.failed = 0
        self._is_aside = False

    def kill_after(self, writes: int) -> None:
        self.kill_at = self.writes + writes

    def fill_after(self, writes: int) -> None:
        self.full_at = self.writes + writes

    def make_room(self) -> None:
        self.full_at = _NEVER

    @property
    def ends_next(self) -> bool:
        """Whether the next write fails, or ends the process."""
        return self.writes + 1 >= min(self.kill_at, self.full_at)

    @property
    def is_full(self) -> bool:
        return self.writes + 1 >= self.full_at

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let a block write what no process of the bot's does."""
        self._is_aside = True
        try:
            yield
        finally:
            self._is_aside = False

    def is_own(self, path: Any) -> bool:
        is_path = isinstance(path, (str, os.PathLike))
        return is_path and not self._is_aside and str(path).startswith(self._prefix)

    def write(self, *, grows: bool = True) -> None:
        """One more write; one that makes nothing larger is possible on a full disk."""
        if self.is_dead:
            raise Killed
        self.writes += 1
        if self.writes >= self.kill_at:
            self.kill()
        if grows and self.writes >= self.full_at:
            self.failed += 1
            raise OSError(errno.ENOSPC, "No space left on device")

    def kill(self) -> None:
        """End the process: what is on the disk now is all that is left of it."""
        self.is_dead = True
        self.kill_at = _NEVER
        shutil.copytree(self.folder, self._aside, symlinks=True)
        raise Killed

    def as_killed(self) -> None:
        """Bring back the disk as it was when the process ended."""
        self.is_dead = False
        if self._aside.is_dir():
            shutil.rmtree(self.folder)
            self._aside.rename(self.folder)


class _File:
    """A file that is written to."""

    def __init__(self, real: Any, disk: Disk) -> None:
        self._real, self._disk = real, disk

    def write(self, content: Any) -> int:
        if self._disk.ends_next and not self._disk.is_dead:
            # A part of it still reaches the disk.
            self._real.write(content[: len(content) // 2])
            self._real.flush()
        self._disk.write()
        return int(self._real.write(content))

    def __enter__(self) -> _File:
        self._real.__enter__()
        return self

    def __exit__(self, *about: Any) -> None:
        self._real.__exit__(*about)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@contextmanager
def watched(disk: Disk) -> Iterator[None]:
    """Let everything that this process writes below the disk's folder pass through it."""
    opened, connected = io.open, sqlite3.connect

    def open_(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        if not (_WRITES & set(mode) and disk.is_own(file)):
            return opened(file, mode, *more, **named)
        disk.write(grows=False)  # an empty file has room
        return _File(opened(file, mode, *more, **named), disk)

    def counted(real: Callable[..., Any], *, grows: bool) -> Callable[..., Any]:
        def call(path: Any, *more: Any, **named: Any) -> Any:
            # shutil removes by a folder's descriptor: its paths are short names.
            if disk.is_own(path) or named.get("dir_fd") is not None:
                disk.write(grows=grows)
            return real(path, *more, **named)

        return call

    class Connection(sqlite3.Connection):
        """A database that is written to."""

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]
            if not statement.lstrip().lower().startswith(("select", "pragma", "rollback")):
                try:
                    disk.write()
                except OSError as error:
                    raise sqlite3.OperationalError("database or disk is full") from error
            elif disk.is_dead:
                raise Killed
            return super().execute(statement, *values)

        def commit(self) -> None:
            if self.in_transaction:
                try:
                    disk.write()
                except OSError as error:
                    raise sqlite3.OperationalError("database or disk is full") from error
            super().commit()

        def __exit__(self, kind: Any, *_: Any) -> Any:
            if kind is None:
                try:
                    self.commit()
                except BaseException:
                    self.rollback()
                    raise
            else:
                self.rollback()
            return False

    def connect(path: Any, *more: Any, **named: Any) -> sqlite3.Connection:
        if disk.is_own(path):
            if disk.is_dead:
                raise Killed
            named.setdefault("factory", Connection)
        return connected(path, *more, **named)

    with _replaced(
        [(io, "open", open_), (builtins, "open", open_), (sqlite3, "connect", connect)]
        + [
            (os, name, counted(getattr(os, name), grows=grows))
            for name, grows in (
                ("replace", False),
                ("rename", False),
                ("unlink", False),
                ("remove", False),
                ("rmdir", False),
                ("mkdir", True),
            )
        ]
    ):
        yield


@contextmanager
def _replaced(changes: list[tuple[Any, str, Any]]) -> Iterator[None]:
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
