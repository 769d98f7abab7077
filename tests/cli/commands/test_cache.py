"""`dualwindow cache`: every byte counts, left-overs too, and nothing else is deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from dualwindow.cli.main import main
from dualwindow.data.datasets.store import SUFFIX, store_folder


@pytest.fixture
def userdir(tmp_path: Path) -> Path:
    """A user folder with a store of 2 MiB, 1 MiB of a killed preparation, and a user's notes."""
    folder = store_folder(tmp_path)
    columns = folder / f".abc{SUFFIX}.123.columns"
    columns.mkdir(parents=True)
    (folder / f"abc{SUFFIX}").write_bytes(bytes(2 * 2**20))
    (columns / "features").write_bytes(bytes(2**20))
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    return tmp_path


def _cache(capsys: pytest.CaptureFixture[str], userdir: Path, *more: str) -> str:
    assert main(["cache", *more, "--userdir", str(userdir)]) == 0
    return capsys.readouterr().out


def test_every_store_is_shown_with_its_size_and_what_was_left_over(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = _cache(capsys, userdir).splitlines()
    [store] = [line for line in lines if line.startswith("abc")]
    [left] = [line for line in lines if line.startswith(".abc")]
    assert "2.0 MiB" in store
    assert "unfinished" not in store
    assert "1.0 MiB" in left
    assert "unfinished" in left
    assert "3.0 MiB" in lines[-1]


def test_clearing_deletes_stores_and_what_was_left_over_and_nothing_else(
    userdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "3.0 MiB freed" in _cache(capsys, userdir, "clear")
    assert [each.name for each in store_folder(userdir).iterdir()] == ["notes.txt"]
    assert "no prepared candles" in _cache(capsys, userdir)


@pytest.mark.parametrize("action", ["show", "clear"])
def test_a_folder_without_stores_is_said_to_have_none(
    tmp_path: Path, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no prepared candles" in _cache(capsys, tmp_path, action)
    assert list(tmp_path.iterdir()) == []
