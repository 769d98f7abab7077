"""Small state files that are written whole and whose damage is noticed.

FreqAI overwrites its state files in place and reads them without a check. Here each is replaced by
renaming, and a list of SHA-256 sums beside them tells a damaged one from a whole one.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Final

from dualwindow.files import sha256_of, whole_file, write_json

SUMS_NAME: Final = "state_sums.json"


class CheckedFiles:
    """The state files of one folder.

    Args:
        folder: of the files; need not exist until one is written.
    """

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
            content = json.loads((self._folder / SUMS_NAME).read_bytes())
            return {str(name): list(sums) for name, sums in content["sha256"].items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            # Without the list nothing is known to be damaged; it is made anew by the next write.
            return {}
