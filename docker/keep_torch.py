"""Keeps the image's own build of torch while the package's dependencies are installed.

``prepare`` writes, into the working folder, what pip is to install (``requirements.txt``) and the
versions to take (``image-constraints.txt``): those of constraints.txt, but the image's own for
torch and what belongs to it, because the tests' torch knows no GPU. ``verify`` fails when torch, or
anything that it loads, is no longer what ``prepare`` found (``image-torch.json``).

Runs in the image, before the package is there: standard library alone.
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
    """Version of every part of torch and a SHA-256 of its list of files, which holds their sums.

    The version alone would not tell a CUDA build from one for the processor. A part that lies in
    several folders is there several times, the one that Python takes first.
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
        SystemExit: there is no torch, so the image is not one of freqtrade's torch images.
    """
    parts = installed_torch()
    if "torch" not in parts:
        sys.exit("The base image has no torch: take freqtradeorg/freqtrade:<version>_freqaitorch.")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    REQUIREMENTS.write_text("\n".join(project["dependencies"]) + "\n", encoding="utf-8")
    pinned = Path("constraints.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in pinned if not belongs_to_torch(line.partition("==")[0].strip())]
    own = [f"{name}=={found[0][0]}" for name, found in sorted(parts.items())]
    CONSTRAINTS.write_text("\n".join([*kept, *own]) + "\n", encoding="utf-8")
    STATE.write_text(json.dumps(parts, indent=1), encoding="utf-8")
    print("The image's torch is kept:", ", ".join(own))


def verify() -> None:
    """Compare what is installed now with what ``prepare`` found.

    Raises:
        SystemExit: something was added, replaced or removed; every difference is named.
    """
    read = json.loads(STATE.read_text(encoding="utf-8"))
    before = {name: [(version, files) for version, files in found] for name, found in read.items()}
    now = installed_torch()
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if changed:
        lines = [
            f"  {name}: {_predicted_text(before, name)}, now {_predicted_text(now, name)}"
            for name in changed
        ]
        sys.exit(
            "The install changed the base image's torch, which may no longer know the GPU:\n"
            + "\n".join(lines)
            + "\nAllow the image's version in pyproject.toml, or take a base image with this one."
        )


def _predicted_text(parts: dict[str, list[tuple[str, str]]], name: str) -> str:
    found = [f"{version} (files {files[:12]})" for version, files in parts.get(name, [])]
    return " and ".join(found) or "absent"


if __name__ == "__main__":
    {"prepare": prepare, "verify": verify}[sys.argv[1]]()
