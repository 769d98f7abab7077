"""One process at a time at work in a folder."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

#: Windows has no locks on folders.
_HAS_LOCKS: Final = importlib.util.find_spec("fcntl") is not None


class FileLockedError(Exception):
    """Another process, or another block of this one, holds the lock."""


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder for the block; the system lifts it when the process ends.

    Nothing is written for it. Where the system or the file system knows no such locks, the block
    runs without one.

    Raises:
        FileLockedError: when the lock is held already.
        OSError: when the folder cannot be opened.
    """
    if not _HAS_LOCKS:
        yield
        return
    import fcntl  # noqa: PLC0415 - Windows lacks it

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileLockedError(str(folder)) from None
        except OSError as error:
            # Some network file systems have no locks.
            logger.debug("%s is not locked: %s", folder, error)
        yield
    finally:
        os.close(handle)
