"""Presets, adapters and configurations are found in the repository and in an installed wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import get_args

import pytest

from dualwindow.errors import DualWindowError
from dualwindow.settings import shipped
from dualwindow.settings.shipped import ShippedConfig, ShippedFolder, shipped_path
from tests.makers.bot import REPOSITORY
from tests.makers.wheels import built_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, unpacked as pip unpacks it."""
    installed = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(built_wheel(tmp_path_factory.mktemp("built"))) as archive:
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
