"""A manifest of SHA-256 sums beside a saved model, checked before the model is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from dualwindow.errors import ModelFileError
from dualwindow.files import sha256_of, write_json

MANIFEST_NAME: Final = "manifest.json"
MANIFEST_FORMAT: Final = 1


def write_manifest(folder: Path, files: list[Path]) -> None:
    """Write the sums of `files`, all of them in `folder`."""
    sums = {file.name: sha256_of(file) for file in files}
    write_json(folder / MANIFEST_NAME, {"format": MANIFEST_FORMAT, "sha256": sums})


def check_manifest(folder: Path) -> None:
    """Check that every file of the manifest is there and unchanged.

    Raises:
        ModelFileError: naming the file and what to do.
    """
    way_out = f"delete the folder {folder} to train this model again"
    path = folder / MANIFEST_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sums: dict[str, str] = dict(content["sha256"].items())
    except FileNotFoundError:
        raise ModelFileError(
            f"there is no {path}, so the model is not trusted; {way_out}"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelFileError(f"{path} is damaged; {way_out}") from None
    for name, expected in sums.items():
        file = folder / name
        if not file.is_file():
            raise ModelFileError(f"{file} is missing; {way_out}")
        if sha256_of(file) != expected:
            raise ModelFileError(f"{file} is damaged (its SHA-256 sum differs); {way_out}")
