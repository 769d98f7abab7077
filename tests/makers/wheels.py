"""A wheel of the package, built from what the source distribution holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final, get_args

import pytest

from dualwindow.settings.shipped import ShippedConfig, ShippedFolder
from tests.makers.bot import REPOSITORY

#: Setuptools that understands pyproject.toml; an environment may have none at all.
_OLDEST: Final = 77
_BUILD: Final = "from setuptools import build_meta; build_meta.build_{}('out')"


def built_wheel(folder: Path) -> Path:
    """The wheel's file; skips the test where it cannot be built."""
    setuptools = pytest.importorskip("setuptools")
    if int(setuptools.__version__.split(".")[0]) < _OLDEST:
        pytest.skip(f"building needs setuptools {_OLDEST}, here is {setuptools.__version__}")
    source, unpacked = folder / "source", folder / "unpacked"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for name in ("CHANGELOG.md", "constraints.txt", *get_args(ShippedConfig)):
        shutil.copy(REPOSITORY / name, source)
    for name in ("src", *get_args(ShippedFolder)):
        ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
        shutil.copytree(REPOSITORY / name, source / name, ignore=ignored)
    with tarfile.open(_built("sdist", source)) as archive:
        archive.extractall(unpacked, filter="data")
    [content] = unpacked.iterdir()
    return _built("wheel", content)


def _built(kind: str, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-c", _BUILD.format(kind)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [made] = (folder / "out").iterdir()
    return made
