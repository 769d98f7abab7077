"""Keeps the image's own build of torch while the package's dependencies are installed.

``prepare`` writes into the working folder the dependencies for pip (``requirements.txt``) and their
versions (``image-constraints.txt``): those of constraints.txt, except for torch and its parts,
which keep the image's versions, because the tests' torch supports no GPU. ``verify`` fails if torch
or a part of it differs from the record of ``prepare`` (``image-torch.json``).

Runs in the image before the package is installed, so it needs only the standard library.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

REQUIREMENTS = Path("requirements.txt")
CONSTRAINTS = Path("image-constraints.txt")
STATE = Path("image-torch.json")

#: Distributions that make up a build of torch, by the beginning of their name.
_TORCH = re.compile(r"(torch|triton|pytorch[-_.]triton|nvidia|cuda)([-_.].*)?", re.IGNORECASE)


def belongs_to_torch(name: str) -> bool:
    """Whether a distribution is torch or one of the parts that its CUDA build loads."""
    return _TORCH.fullmatch(name) is not None


def installed_torch() -> dict[str, list[tuple[str, str]]]:
    """Versions of the parts of torch, with a SHA-256 of the list of files and their checksums.

    The version alone does not distinguish a CUDA build from one for the processor. A part in
    several folders has several entries, in Python's search order.
    """
    parts: dict[str, list[tuple[str, str]]] = {}
    for part in distributions():
        if belongs_to_torch(part.name or ""):
            files = hashlib.sha256((part.read_text("RECORD") or "").encode()).hexdigest()
            parts.setdefault(part.name.lower(), []).append((part.version, files))
    return parts


def prepare() -> None:
    """Write requirements, constraints and the state to compare with.

    Raises:
        SystemExit: when there is no torch, so the image is none of freqtrade's torch images.
    """
    parts = installed_torch()
    if "torch" not in parts:
        sys.exit("The base image has no torch: take freqtradeorg/freqtrade:<version>_freqaitorch.")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    REQUIREMENTS.write_text("\n".join(project["dependencies"]) + "\n", encoding="utf-8")
    pinned = Path("constraints.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in pinned if not belongs_to_torch(line.partition("==")[0].strip())]
    own = [f"{name}=={versions[0][0]}" for name, versions in sorted(parts.items())]
    CONSTRAINTS.write_text("\n".join([*kept, *own]) + "\n", encoding="utf-8")
    STATE.write_text(json.dumps(parts, indent=1), encoding="utf-8")
    print("The image's torch is kept:", ", ".join(own))


def verify() -> None:
    """Compare the installed parts of torch with the record of ``prepare``.

    Raises:
        SystemExit: when parts were added, replaced or removed; names every difference.
    """
    recorded = json.loads(STATE.read_text(encoding="utf-8"))
    before = {name: [(version, files) for version, files in recorded[name]] for name in recorded}
    now = installed_torch()
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if changed:
        lines = [
            f"  {name}: {_versions_text(before, name)}, now {_versions_text(now, name)}"
            for name in changed
        ]
        sys.exit(
            "The install changed the base image's torch, which may no longer know the GPU:\n"
            + "\n".join(lines)
            + "\nAllow the image's version in pyproject.toml, or take a base image with this one."
        )


def _versions_text(parts: dict[str, list[tuple[str, str]]], name: str) -> str:
    versions = [f"{version} (files {files[:12]})" for version, files in parts.get(name, [])]
    return " and ".join(versions) or "absent"


if __name__ == "__main__":
    {"prepare": prepare, "verify": verify}[sys.argv[1]]()
