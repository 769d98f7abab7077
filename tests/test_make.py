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


#: What a user installs.
USERS: Final = ["requirements/run.txt", "."]


def installed_by(target: str, folder: Path) -> list[str]:
    """Files of requirements, and packages in place, that pip is asked to install, in order."""
    calls = [words for name, *words in calls_of(target, folder) if words[:2] == ["-m", "pip"]]
    return [words[-1] for words in calls if {"--editable", "--requirement"} & {*words}]


@pytest.mark.parametrize("target", ["install", "demo", "dry-run"])
def test_users_get_no_developers_tools(target: str, tmp_path: Path) -> None:
    assert installed_by(target, tmp_path) == USERS


@pytest.mark.parametrize("target", ["develop", "test", "cover", "lint", "soak", "bench", "study"])
def test_developers_get_their_tools_by_themselves(target: str, tmp_path: Path) -> None:
    assert installed_by(target, tmp_path) == [*USERS, "requirements/develop.txt"]


@pytest.mark.parametrize(("target", "installs"), [("install", 1), ("develop", 2)])
def test_an_installation_tells_what_it_does_and_is_not_repeated(
    target: str, installs: int, tmp_path: Path
) -> None:
    calls_of(target, tmp_path)
    (tmp_path / "calls").unlink()
    command = ["make", target, f"PYTHON={tmp_path / '.venv' / 'bin' / 'python'}"]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in again.stdout
    assert not (tmp_path / "calls").exists()
    (tmp_path / "constraints.txt").touch()
    (tmp_path / ".venv" / ".installed").unlink()
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "freqtrade, torch and dualwindow" in told
    assert re.search(r"\d+ minutes", told)
    assert told.count("minute") >= installs
