"""A manifest of SHA-256 sums beside a saved model, checked before the model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dualwindow.errors import ModelFileError
from dualwindow.runtime.files import parse_json, sha256_of, write_json

MANIFEST_NAME: Final = "manifest.json"
MANIFEST_FORMAT: Final = 1
#: Raised whenever what is saved changes; other versions are refused.
MODEL_FORMAT: Final = 1


def write_manifest(
    folder: Path, files: list[Path], binding: Mapping[str, str] | None = None
) -> None:
    """Write the sums of `files`, all of them in `folder`, and what the model was made with.

    The binding is what `bound_to` reads; None writes nothing about it.
    """
    sums = {file.name: sha256_of(file) for file in files}
    content: dict[str, Any] = {"format": MANIFEST_FORMAT, "sha256": sums}
    if binding is not None:
        content["binding"] = dict(binding)
    write_json(folder / MANIFEST_NAME, content)


def check_manifest(folder: Path, way_out: str | None = None) -> None:
    """Check that every file of the manifest is there and unchanged.

    Raises:
        ModelFileError: naming the file and the way out; None: delete the folder, for a bot trains
            its models again.
    """
    way_out = way_out or f"delete the folder {folder} to train this model again"
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise ModelFileError(f"there is no {path}, so the model is not trusted; {way_out}")
    content = _read(path)
    if content is None:
        raise ModelFileError(f"{path} is damaged; {way_out}")
    for name, expected in content["sha256"].items():
        file = folder / name
        if not file.is_file():
            raise ModelFileError(f"{file} is missing; {way_out}")
        if sha256_of(file) != expected:
            raise ModelFileError(f"{file} is damaged (its SHA-256 sum differs); {way_out}")


def check_listed(file: Path, way_out: str) -> None:
    """Check one file of a manifest beside it, where there is a manifest that lists it.

    Raises:
        ModelFileError: when the file or the manifest is damaged.
    """
    if not is_listed(file.parent, file.name):
        return
    expected = sum_of(file.parent, file.name)
    if expected is None:
        raise ModelFileError(f"{file.parent / MANIFEST_NAME} is damaged; {way_out}")
    if file.is_file() and sha256_of(file) != expected:
        raise ModelFileError(f"{file} is damaged (its SHA-256 sum differs); {way_out}")


def is_listed(folder: Path, name: str) -> bool:
    """Whether the manifest covers a file; also true when it is damaged, which the check tells."""
    path = folder / MANIFEST_NAME
    if not path.is_file():
        return False
    content = _read(path)
    return content is None or name in content["sha256"]


def sum_of(folder: Path, name: str) -> str | None:
    """SHA-256 of a file as the manifest lists it; None where it does not, or is damaged."""
    path = folder / MANIFEST_NAME
    content = _read(path) if path.is_file() else None
    listed = (content or {"sha256": {}})["sha256"].get(name)
    return listed if isinstance(listed, str) else None


def bound_to(folder: Path) -> dict[str, str]:
    """What the model was made with, from its manifest; empty where that does not hold it.

    Returns:
        `settings` and `features`, the fingerprints of settings and feature code, and `pair`.
    """
    path = folder / MANIFEST_NAME
    content = _read(path) if path.is_file() else None
    binding = (content or {}).get("binding")
    return binding if isinstance(binding, dict) else {}


def _read(path: Path) -> dict[str, Any] | None:
    """The manifest, or None when it is damaged."""
    try:
        content: dict[str, Any] = parse_json(path.read_bytes())
        return content if isinstance(content["sha256"], dict) else None
    except (ValueError, KeyError, TypeError):
        return None
