"""Figures of finished pieces of work, kept in files, so that what was interrupted goes on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualwindow.models.fingerprint import fingerprint
from dualwindow.runtime.files import parse_json, write_json


@dataclass(frozen=True)
class Cell:
    """Figures of one piece of work.

    Attributes:
        figures: plain JSON types, as they come back from a file.
        seconds: that making them took.
        kept: whether they were there already.
    """

    figures: dict[str, Any]
    seconds: float
    kept: bool


class KeptCells:
    """Cells of one kind in one folder, a file each, named after its inputs and a version.

    A sum in the file shows damage and changes by hand.

    Args:
        folder: made when the first cell is written; None keeps nothing.
        version: of the code; cells of another one are made again.
    """

    def __init__(self, folder: Path | None, version: str) -> None:
        self._folder, self._version = folder, version

    def find(self, inputs: Mapping[str, Any]) -> Cell | None:
        """The kept cell of these inputs, plain JSON types.

        None where there is none that is as it was written.
        """
        path = self._path(inputs)
        try:
            kept = parse_json(path.read_bytes()) if path is not None else {}
            intact = kept.pop("sha256") == fingerprint(kept)
            own = {name: kept[name] for name in ("version", "inputs")}
            if not intact or fingerprint(own) != fingerprint(self._content(inputs)):
                return None
            return Cell(dict(kept["figures"]), float(kept["seconds"]), kept=True)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def make(self, inputs: Mapping[str, Any], make: Callable[[], Mapping[str, Any]]) -> Cell:
        """Make the figures of these inputs and keep them, whole or not at all.

        Args:
            inputs: everything that the figures depend on besides the code, plain JSON types.
            make: makes the figures, plain JSON types without NaN.

        Raises:
            OSError: when they cannot be written.
        """
        started = time.monotonic()
        figures = json.loads(json.dumps(make(), allow_nan=False))
        seconds = time.monotonic() - started
        path = self._path(inputs)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = {**self._content(inputs), "seconds": seconds, "figures": figures}
            write_json(path, {**content, "sha256": fingerprint(content)})
        return Cell(figures, seconds, kept=False)

    def _content(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {"version": self._version, "inputs": dict(inputs)}

    def _path(self, inputs: Mapping[str, Any]) -> Path | None:
        if self._folder is None:
            return None
        content = json.dumps(self._content(inputs), sort_keys=True)
        return self._folder / f"{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"
