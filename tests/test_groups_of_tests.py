"""Tests that share a fixture by `xdist_group` run on one worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makers.bot import REPOSITORY

FILE = """
import os, time, pytest

@pytest.mark.parametrize("number", range(6))
@pytest.mark.xdist_group({group!r})
def test_one(number):
    with open("workers.txt", "a") as file:
        print({group!r}, os.environ["PYTEST_XDIST_WORKER"], file=file)
    time.sleep(0.05)
"""


def test_a_group_of_two_files_has_one_worker(tmp_path: Path) -> None:
    for name, group in (("a", "one group"), ("b", "one group"), ("c", "other")):
        (tmp_path / f"test_{name}.py").write_text(FILE.format(group=group), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.makers.xdist_groups"]
    command += ["-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        command, cwd=tmp_path, env={**variables, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ran = (tmp_path / "workers.txt").read_text(encoding="utf-8").splitlines()
    assert len(ran) == 18
    assert len(set(ran)) == 2, set(ran)


def test_the_suite_uses_it(pytestconfig: pytest.Config) -> None:
    from tests import conftest
    from tests.makers import xdist_groups

    assert conftest.pytest_collection_modifyitems is xdist_groups.pytest_collection_modifyitems
