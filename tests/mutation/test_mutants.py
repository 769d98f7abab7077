"""Mutants are single faults that can be told from each other, and a planted one is noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.mutation.__main__ import (
    EQUIVALENTS,
    GROUPS,
    PAGE,
    REPOSITORY,
    RESULTS,
    TABLE_MARK,
    mutants_in,
    table,
)
from tests.mutation.mutants import Mutant, mutants_of

SOURCE: Final = '''
"""A module."""

class Gate:
    """A class."""

    @property
    def is_open(self) -> bool:
        """Two conditions."""
        return self.low <= 3 and not self.shut

def share(part: int, whole: int = 1) -> float:
    """A share."""
    if whole == 0:
        raise ValueError("nothing to share")
    logger.info("shared %s", part)
    return min(part, whole) / whole
'''


@pytest.fixture
def found(tmp_path: Path) -> list[Mutant]:
    (tmp_path / "gate.py").write_text(SOURCE, encoding="utf-8")
    return mutants_of(tmp_path, "gate.py")


def test_every_operator_has_its_mutant(found: list[Mutant]) -> None:
    changes = {(mutant.at.partition(":")[2], mutant.after) for mutant in found}
    assert changes == {
        ("Gate.is_open", "return self.low <= 3 or not self.shut"),
        ("Gate.is_open", "return self.low < 3 and (not self.shut)"),
        ("Gate.is_open", "return self.low <= 4 and (not self.shut)"),
        ("Gate.is_open", "return self.low <= 3 and self.shut"),
        ("share", "if whole != 0:"),
        ("share", "if whole == 1:"),
        ("share", "pass"),
        ("share", "return min(part, whole) * whole"),
        ("share", "return max(part, whole) / whole"),
        ("share", "return min(None, whole) / whole"),
        ("share", "return min(part, None) / whole"),
    }


def test_texts_for_people_are_no_mutants(found: list[Mutant]) -> None:
    assert not any("XX" in mutant.after for mutant in found)
    assert not any("logger" in mutant.before for mutant in found)


def test_a_mutants_code_is_that_of_its_function_alone(found: list[Mutant], tmp_path: Path) -> None:
    mutant = next(mutant for mutant in found if mutant.after.endswith("* whole"))
    namespace: dict[str, object] = {}
    exec(compile(SOURCE.replace("    logger", "    #"), "gate.py", "exec"), namespace)
    share = namespace["share"]
    assert share(1, 4) == 0.25  # type: ignore[operator]
    share.__code__ = mutant.code()  # type: ignore[attr-defined]
    namespace["logger"] = type("Silent", (), {"info": lambda *_: None})()
    assert share(1, 4) == 4  # type: ignore[operator]


def test_an_identity_survives_changes_elsewhere(found: list[Mutant], tmp_path: Path) -> None:
    changed = SOURCE.replace("self.low <= 3", "self.low <= 5").replace("A module", "Lines\n\nmore")
    (tmp_path / "gate.py").write_text(changed, encoding="utf-8")
    before = {m.identity for m in found if m.function == "share"}
    again = {m.identity for m in mutants_of(tmp_path, "gate.py")}
    assert before < again
    assert not {m.identity for m in found if m.function != "share"} & again


@pytest.mark.parametrize("group", GROUPS)
def test_a_groups_files_and_tests_exist_and_its_mutants_differ(group: str) -> None:
    assert all((REPOSITORY / path).exists() for path in GROUPS[group]["tests"])
    mutants = mutants_in(group)
    assert mutants
    assert len({mutant.identity for mutant in mutants}) == len(mutants)


def test_what_is_listed_as_changing_nothing_is_a_mutant_and_has_a_reason() -> None:
    there = {(m.at, m.before, m.after) for group in GROUPS for m in mutants_in(group)}
    assert [key for key in EQUIVALENTS if key not in there] == []
    assert all(len(reason.split()) > 3 for reason in EQUIVALENTS.values())


def test_the_kept_figures_are_of_the_groups_and_reach_what_is_required() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert set(results) <= set(GROUPS)
    assert [name for name, counts in results.items() if counts["score"] < 0.85] == []


#: Tries one mutant of `bound_to` on the planted test.
SCRIPT: Final = """
import sys
import pytest
from tests.mutation.__main__ import PACKAGE
from tests.mutation.mutants import mutants_of
from tests.mutation.session import Mutation

changed = "return binding if not isinstance(binding, dict) else {}"
mutants = [m for m in mutants_of(PACKAGE, "models/manifest.py") if m.after == changed]
options = ["-s", "-q", "-p", "no:cacheprovider", f"--basetemp={sys.argv[1]}/tmp"]
plugin = Mutation(mutants, PACKAGE, lambda mutant, outcome: print("outcome:", outcome))
pytest.main([*options, f"{sys.argv[1]}/test_planted.py"], plugins=[plugin])
"""


def test_the_page_has_the_kept_figures() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert PAGE.read_text("utf-8").endswith(f"{TABLE_MARK}\n\n{table(results)}\n")


PLANTED: Final = """
from dualwindow.models.manifest import {name}

def test_planted(tmp_path):
    {body}
"""


@pytest.mark.parametrize(
    ("body", "outcome"),
    [("assert {name}(tmp_path) == {{}}", "killed"), ("{name}(tmp_path)", "survived")],
)
def test_a_mutant_is_killed_by_a_test_that_looks_and_survives_one_that_does_not(
    body: str, outcome: str, tmp_path: Path
) -> None:
    test = tmp_path / "test_planted.py"
    test.write_text(PLANTED.format(name="bound_to", body=body.format(name="bound_to")), "utf-8")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {
        "DUALWINDOW_MUTATION": str(tmp_path / "reach.json"),
        "PYTHONPATH": str(REPOSITORY),
    }
    done = subprocess.run(
        [sys.executable, script, tmp_path], cwd=REPOSITORY, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"outcome: {outcome}" in done.stdout, done.stdout + done.stderr
