from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from dualwindow.runtime.files import leftovers, parse_json, sha256_of, whole_file, write_json
from tests.makers.bot import REPOSITORY


def test_a_file_is_there_with_its_whole_content(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    with whole_file(path) as handle:
        handle.write(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_until_the_end_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    with whole_file(path) as handle:
        handle.write(b"new" * 100_000)
        handle.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" * 100_000


@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_when_writing_fails_all_is_as_before(
    tmp_path: Path, existed: bool, error: type[BaseException]
) -> None:
    path = tmp_path / "model.bin"
    if existed:
        path.write_bytes(b"old")
    with pytest.raises(error), whole_file(path) as handle:  # noqa: PT012 - the block is the point
        handle.write(b"half")
        raise error
    assert [item.name for item in tmp_path.iterdir()] == (["model.bin"] if existed else [])
    assert not existed or path.read_bytes() == b"old"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "nowhere" / "model.bin"):
        pass


def test_json_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "content.json"
    content = {"b": [1, 2.5, None, True], "a": {"nested": "text \u00b1"}}
    write_json(path, content)
    assert json.loads(path.read_text(encoding="utf-8")) == content
    assert path.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"{", b"", b"\xff\xfe"])
def test_what_cannot_be_parsed_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(content)


def test_every_json_file_is_read_by_one_function() -> None:
    """The standard library's parser ends in a RecursionError where brackets lie too deep."""
    read = re.compile(r"json\.loads\([^\n]*read_bytes|json\.load\(")
    places = [*REPOSITORY.glob("src/**/*.py"), *REPOSITORY.glob("freqaimodels/*.py")]
    assert [path.name for path in places if read.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("content", [float("nan"), float("inf"), {"a": [float("nan")]}, object()])
def test_what_is_no_json_leaves_the_old_file(tmp_path: Path, content: object) -> None:
    path = tmp_path / "content.json"
    write_json(path, {"old": 1})
    with pytest.raises((ValueError, TypeError)):
        write_json(path, content)
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"abc", bytes(range(256)) * 5000])
def test_the_sum_is_that_of_the_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_what_a_killed_process_left_of_a_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "model[1].bin"
    left = [tmp_path / ".model[1].bin.17.tmp", tmp_path / ".model[1].bin.4711.tmp"]
    others = [path, tmp_path / ".model[1].bin.x.17.tmp", tmp_path / ".model1.bin.17.tmp"]
    for each in left + others:
        each.write_bytes(b"half")
    assert sorted(leftovers(path)) == sorted(left)
    assert leftovers(tmp_path / "nowhere" / "model.bin") == []
