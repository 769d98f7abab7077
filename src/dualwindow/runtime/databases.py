"""sqlite databases that are read while another process may be writing to them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

#: The log that sqlite keeps beside a database in WAL mode.
_LOG: Final = "-wal"


def opened_for_reading(path: Path, patience: float = 5.0) -> sqlite3.Connection:
    """Open a database without changing it.

    To read one in WAL mode sqlite needs a file beside it; in a folder where none can be made, such
    as a mount that is read-only, a copy of database and log is read instead.

    Args:
        path: of the database.
        patience: seconds to wait for a process that holds it.

    Raises:
        sqlite3.OperationalError: when it cannot be opened. A damaged one can.
    """
    database = _opened(path, patience)
    try:
        database.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        database.close()
        if os.access(path.parent, os.W_OK):
            raise
        return _copied(path)
    except sqlite3.DatabaseError:
        # Damage shows to whoever reads on.
        pass
    return database


def _opened(path: Path, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=patience, isolation_level=None
    )


def _copied(path: Path) -> sqlite3.Connection:
    """A copy in memory."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for file in (path, path.with_name(f"{path.name}{_LOG}")):
                if file.exists():
                    shutil.copyfile(file, Path(folder) / file.name)
            with closing(sqlite3.connect(Path(folder) / path.name)) as copy:
                copy.backup(memory)
    except OSError as error:
        raise sqlite3.OperationalError(str(error)) from error
    return memory
