"""Presets, adapters and configurations are found in the repository and in an installed wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final, get_args

import pytest

from dualwindow.errors import DualWindowError
from dualwindow.settings import shipped
from dualwindow.settings.shipped import ShippedConfig, ShippedFolder, shipped_path
from tests.makers.bot import REPOSITORY

#: Setuptools that understands pyproject.toml; an environment may have none at all.
_OLDEST: Final = 77
_BUILD: Final = "from setuptools import build_meta; build_meta.build_{}('out')"


def _build(kind: str, folder: Path) -> Path:
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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, unpacked as pip unpacks it, built from what the source distribution holds."""
    setuptools = pytest.importorskip("setuptools")
    if int(setuptools.__version__.split(".")[0]) < _OLDEST:
        pytest.skip(f"building needs setuptools {_OLDEST}, here is {setuptools.__version__}")
    source, unpacked, installed = (tmp_path_factory.mktemp(name) for name in ("a", "b", "c"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for name in ("CHANGELOG.md", "constraints.txt", *get_args(ShippedConfig)):
        shutil.copy(REPOSITORY / name, source)
    for name in ("src", *get_args(ShippedFolder)):
        ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
        shutil.copytree(REPOSITORY / name, source / name, ignore=ignored)
    with tarfile.open(_build("sdist", source)) as archive:
        archive.extractall(unpacked, filter="data")
    [folder] = unpacked.iterdir()
    with zipfile.ZipFile(_build("wheel", folder)) as archive:
        archive.extractall(installed)
    return installed


_SHIPPED = (".py", ".json", ".css", ".js")


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.suffix in _SHIPPED)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("name", get_args(ShippedFolder))
def test_the_repositorys_folders_are_found_where_freqtrade_finds_them(name: ShippedFolder) -> None:
    assert shipped_path(name) == REPOSITORY / name


def test_an_installed_wheel_finds_its_own_copies(wheel: Path, tmp_path: Path) -> None:
    names = (*get_args(ShippedFolder), *get_args(ShippedConfig))
    code = (
        "from dualwindow.settings import shipped\n"
        f"for name in {names!r}:\n"
        "    print(shipped.shipped_path(name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(wheel)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        path = Path(line)
        assert path.is_relative_to(wheel)
        original = REPOSITORY / name
        if path.is_dir():
            assert _files(path) == _files(original)
            assert _files(path)
        else:
            assert path.read_bytes() == original.read_bytes()


def test_a_wheel_holds_the_whole_package_and_the_command(wheel: Path) -> None:
    packaged = _files(wheel / "dualwindow")
    for name, content in _files(REPOSITORY / "src" / "dualwindow").items():
        assert packaged[name] == content
    [points] = wheel.glob("*.dist-info/entry_points.txt")
    assert "dualwindow = dualwindow.cli.main:main" in points.read_text(encoding="utf-8")


def test_an_incomplete_installation_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shipped, "_COPIES", tmp_path)
    with pytest.raises(DualWindowError, match=r"lacks .*presets; install it again"):
        shipped_path("presets")
    with pytest.raises(DualWindowError, match="lacks"):
        shipped_path("config.json")
