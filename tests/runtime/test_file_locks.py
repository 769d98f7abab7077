"""A folder is locked against other processes and other blocks, for as long as its holder lives."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dualwindow.runtime import files
from dualwindow.runtime.files import FileLockedError, locked_folder

HOLDER = """
import sys
from pathlib import Path
from dualwindow.runtime import files
files._OPENS_FOLDERS = sys.argv[2] == "folder"
with files.locked_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["folder", "file"])
def locked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is locked: the folder, or the file in it that stands for it on Windows."""
    monkeypatch.setattr(files, "_OPENS_FOLDERS", request.param == "folder")
    return str(request.param)


def test_one_block_at_a_time_holds_a_folder_and_nothing_is_left_in_it(
    locked: str, tmp_path: Path
) -> None:
    with (
        locked_folder(tmp_path),
        pytest.raises(FileLockedError, match=tmp_path.name),
        locked_folder(tmp_path),
    ):
        raise AssertionError("both hold it")
    with locked_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_no_folder(locked: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), locked],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline().split() == [b"held"]
            with pytest.raises(FileLockedError), locked_folder(tmp_path):
                raise AssertionError("both hold it")
        finally:
            holder.kill()
    with locked_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_not_made(locked: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked_folder(tmp_path / "gone"):
        raise AssertionError("there is nothing to hold")
    assert not (tmp_path / "gone").exists()


def test_a_file_system_without_locks_does_without(
    locked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_handle: int, *, blocking: bool) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(files, "lock_descriptor", no_locks)
    with locked_folder(tmp_path), locked_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
