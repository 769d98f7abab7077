"""CI ends where too few branches of the package are tested, whatever its lines are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.__main__ import REPOSITORY

SCRIPT = REPOSITORY / ".ci" / "branches.py"


def gate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def report(folder: Path, branches: int, covered: int) -> Path:
    summary = {"missing_branches": branches - covered}
    content = {
        "meta": {"branch_coverage": True},
        "totals": {"num_branches": branches, "covered_branches": covered},
        "files": {"src/dualwindow/labels.py": {"summary": summary}},
    }
    path = folder / "coverage.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(("covered", "status"), [(950, 0), (949, 1), (1000, 0), (0, 1)])
def test_95_percent_are_needed(covered: int, status: int, tmp_path: Path) -> None:
    done = gate(report(tmp_path, 1000, covered))
    assert done.returncode == status
    assert f"branches: {covered} of 1000, {covered / 10:.2f} %" in done.stdout
    assert ("fewer than 95 %" in done.stderr) == bool(status)
    assert ("missing in src/dualwindow/labels.py" in done.stdout) == (covered < 1000)


@pytest.mark.parametrize("branch", [True, False])
def test_it_reads_what_coverage_writes(branch: bool, tmp_path: Path) -> None:
    source = "def half(n):\n    if n:\n        return n / 2\n    return 0\n\nhalf(2)\n"
    (tmp_path / "halves.py").write_text(source, encoding="utf-8")
    # Where these tests are counted themselves, that coverage starts in every process too.
    own = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    for words in (
        ["run", *(["--branch"] if branch else []), "halves.py"],
        ["json", "--quiet", "-o", "coverage.json"],
    ):
        command = [sys.executable, "-m", "coverage", *words]
        subprocess.run(command, cwd=tmp_path, env=own, check=True)
    done = gate(tmp_path / "coverage.json")
    assert done.returncode == 1
    assert ("branches: 1 of 2, 50.00 %" in done.stdout) == branch
    assert ("ran without branches" in done.stderr) != branch


def test_ci_looks_at_the_branches_after_the_tests() -> None:
    lines = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines.index("make branches") == lines.index("make test COVER=1") + 1
