"""A state file is whole at every moment, and damage is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.runtime import files as checked_files
from dualwindow.runtime.files import SUMS_NAME, CheckedFiles


def test_what_was_written_is_there_and_whole(tmp_path: Path) -> None:
    files = CheckedFiles(tmp_path)
    for content in (b"one", b"two", b""):
        files.write("state", content)
        assert (tmp_path / "state").read_bytes() == content
        assert not CheckedFiles(tmp_path).is_damaged("state")
    assert {each.name for each in tmp_path.iterdir()} == {"state", SUMS_NAME}


def test_any_flipped_bit_is_damage(tmp_path: Path) -> None:
    files = CheckedFiles(tmp_path)
    files.write("state", b'{"BTC": 1763977000}')

    @given(bit=st.integers(0, 19 * 8 - 1))
    def flip(bit: int) -> None:
        content = bytearray(b'{"BTC": 1763977000}')
        content[bit // 8] ^= 1 << bit % 8
        (tmp_path / "state").write_bytes(content)
        assert files.is_damaged("state")

    flip()


@pytest.mark.parametrize("killed_in", ["write_json", "whole_file"])
def test_a_kill_at_any_step_leaves_a_whole_file(
    killed_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = CheckedFiles(tmp_path)
    files.write("state", b"old")

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checked_files, killed_in, killed)
    with pytest.raises(KeyboardInterrupt):
        files.write("state", b"new")
    assert (tmp_path / "state").read_bytes() == b"old"
    assert not files.is_damaged("state")


def test_files_of_others_and_a_lost_list_are_not_damage(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"anything")
    files = CheckedFiles(tmp_path)
    assert not files.is_damaged("other")
    files.write("state", b"content")
    for content in (b"", b"[]", b'{"sha256": 3}'):
        (tmp_path / SUMS_NAME).write_bytes(content)
        assert not files.is_damaged("state")
    files.write("state", b"again")
    assert not files.is_damaged("state")
