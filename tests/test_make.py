"""Every target of the Makefile names commands, modules, markers and paths that exist."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[1]
TARGETS: Final = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.M)
#: Writes down what it is called with.
STAND_IN: Final = """#!/bin/sh
printf '%s' "${0##*/}" >> calls
for word in "$@"; do printf '\\t%s' "$word" >> calls; done
echo >> calls
"""


def calls_of(target: str, folder: Path) -> list[list[str]]:
    """Programs of the environment that a target calls, with their arguments."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "requirements", folder / "requirements")
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    for name in {"python", *re.findall(r"\$\(BIN\)/([\w-]+)", makefile)}:
        (programs / name).write_text(STAND_IN, encoding="utf-8")
        (programs / name).chmod(0o755)
    command = ["make", target, f"PYTHON={programs / 'python'}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    calls = folder / "calls"
    return [line.split("\t") for line in calls.read_text().splitlines()] if calls.exists() else []


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_target_calls_exists(
    target: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    calls = calls_of(target, tmp_path)
    assert calls or target == "clean"
    for name, *words in calls:
        assert Path(sys.executable).with_name(name).exists(), name
        if words[:1] == ["-m"]:
            assert importlib.util.find_spec(words[1]) is not None, words
        if words[:2] == ["-m", "pytest"]:
            markers = [line.partition(":")[0] for line in pytestconfig.getini("markers")]
            chosen = [after for word, after in pairwise(words[2:]) if word == "-m"]
            assert set(chosen) <= set(markers)
            assert all((REPOSITORY / word).exists() for word in words if word.startswith("tests/"))


def test_clean_removes_the_environment_and_nothing_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "src" / "x.egg-info").mkdir(parents=True)
    calls_of("clean", tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"Makefile", "pyproject.toml", "constraints.txt", "requirements", "src"}


def test_every_target_is_phony_and_found() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (REPOSITORY / "Makefile").read_text("utf-8"), re.M)
    assert phony.split() == TARGETS
