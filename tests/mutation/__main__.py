"""`python -m tests.mutation`: mutates the decision core, and goes on where it was interrupted."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.session import Mutation

HERE: Final = Path(__file__).parent
REPOSITORY: Final = HERE.parents[1]
PACKAGE: Final = REPOSITORY / "src" / "dualwindow"
RESULTS: Final = HERE / "results.json"
#: Ends with the results as a table.
PAGE: Final = HERE / "README.md"
TABLE_MARK: Final = "<!-- the table of results.json, by `make mutate` -->"
#: What has been tried so far, and a page of survivors; not in the repository.
NOTES: Final = REPOSITORY / "build" / "mutation"
#: Share of a group's mutants that the tests have to notice.
REQUIRED: Final = 0.85
GROUPS: Final[dict[str, Any]] = tomllib.loads((HERE / "groups.toml").read_text("utf-8"))
#: Survivors that change nothing: file and function, statement before and after.
EQUIVALENTS: Final = {
    (listed["at"], listed["before"], listed["after"]): listed["reason"]
    for listed in tomllib.loads((HERE / "equivalents.toml").read_text("utf-8")).get("mutant", [])
}


def mutants_in(group: str) -> list[Mutant]:
    """All mutants of a group's files."""
    return [mutant for file in GROUPS[group]["files"] for mutant in mutants_of(PACKAGE, file)]


def is_equivalent(mutant: Mutant) -> bool:
    """Whether it is listed as one that changes nothing."""
    return (mutant.at, mutant.before, mutant.after) in EQUIVALENTS


def run_group(group: str, sample: int | None) -> dict[str, Any]:
    """Try what has not been tried, all mutants or a sample; survivors again if the tests changed.

    Returns:
        Counts of the group.
    """
    NOTES.mkdir(parents=True, exist_ok=True)
    notes = NOTES / f"{group}.jsonl"
    tests = _digest(GROUPS[group]["tests"])
    mutants = mutants_in(group)
    chosen = mutants
    if sample is not None and sample < len(mutants):
        chosen = random.Random(group).sample(mutants, sample)
        chosen.sort(key=mutants.index)
    known = _known(notes, tests)
    left = [m for m in chosen if m.identity not in known and not is_equivalent(m)]
    begin, counted = time.monotonic(), Counter[str]()
    with notes.open("a", encoding="utf-8") as file:

        def note(mutant: Mutant, outcome: str) -> None:
            known[mutant.identity] = outcome
            counted[outcome] += 1
            line = {"identity": mutant.identity, "outcome": outcome, "tests": tests}
            print(json.dumps(line), file=file, flush=True)
            done, rate = counted.total(), counted.total() / (time.monotonic() - begin)
            if done % 50 == 0 or done == len(left):
                print(
                    f"{group}: {done} of {len(left)}, {rate:.1f} a second, {dict(counted)}",
                    flush=True,
                )

        if left:
            os.environ["DUALWINDOW_MUTATION"] = str(NOTES / f"{group}.json")
            # Their tests' words go nowhere, so that nothing is captured and no trace made.
            options = ["-s", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={NOTES / group}"]
            arguments = [*options, *GROUPS[group]["tests"]]
            status = pytest.main(arguments, plugins=[Mutation(left, PACKAGE, note)])
            if status != pytest.ExitCode.OK:
                raise SystemExit(f"{group}: pytest ended with {status!r}")
    _write_survivors(group, [m for m in chosen if known.get(m.identity) in _SURVIVED])
    return _counts(mutants, chosen, known)


_SURVIVED: Final = ("survived", "not reached")


def _counts(mutants: list[Mutant], chosen: list[Mutant], known: dict[str, str]) -> dict[str, Any]:
    equivalent = sum(map(is_equivalent, chosen))
    found = Counter(known[m.identity] for m in chosen if m.identity in known)
    survived = sum(found[name] for name in _SURVIVED)
    tried = found["killed"] + found["timeout"] + survived
    return {
        "mutants": len(mutants),
        "tried": tried + equivalent,
        "killed": found["killed"],
        "timeouts": found["timeout"],
        "equivalent": equivalent,
        "survived": survived,
        "score": round((tried - survived) / tried, 4) if tried else 1.0,
    }


def _known(notes: Path, tests: str) -> dict[str, str]:
    """Outcomes by mutant; a survivor counts while its tests are the same."""
    lines = notes.read_text("utf-8").splitlines() if notes.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("}")]
    return {
        line["identity"]: line["outcome"]
        for line in found
        if line["outcome"] not in _SURVIVED or line["tests"] == tests
    }


def _digest(paths: Iterable[str]) -> str:
    """Sum over test files."""
    digest = hashlib.sha256()
    for path in (REPOSITORY / name for name in paths):
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _write_survivors(group: str, survivors: list[Mutant]) -> None:
    text = "".join(
        f"{m.at} line {m.lines[0]}\n  - {m.before}\n  + {m.after}\n\n" for m in survivors
    )
    (NOTES / f"{group}.txt").write_text(text, encoding="utf-8")


def table(results: dict[str, dict[str, Any]]) -> str:
    """The groups as a table in Markdown."""
    rows = [
        "| group | files | mutants | tried | killed | timeouts | equivalent | survived | score "
        "| at first |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for group, counts in results.items():
        files = ", ".join(f"`{file}`" for file in GROUPS[group]["files"])
        *numbers, score, before = counts.values()
        figures = " | ".join(map(str, numbers))
        first = "-" if before is None else f"{before:.1%}"
        rows.append(f"| {group} | {files} | {figures} | {score:.1%} | {first} |")
    return "\n".join(rows)


def main() -> int:
    """Returns 1 where a group's tests notice too little."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("groups", nargs="*", help="of groups.toml; all by default")
    parser.add_argument("--sample", type=int, help="so many mutants of each group, not all")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(GROUPS)}")
    if options.inside:
        (group,) = options.groups
        counts = run_group(group, options.sample)
        results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        before = results.get(group, {}).get("before", counts["score"])
        results[group] = {**counts, "before": before}
        results = {name: results[name] for name in GROUPS if name in results}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        return 0
    # A session a group: what one imports is not the other's.
    for group in options.groups or GROUPS:
        sample = [] if options.sample is None else ["--sample", str(options.sample)]
        command = [sys.executable, "-m", "tests.mutation", "--inside", group, *sample]
        environment = {**os.environ, "DUALWINDOW_MUTATION": "1"}
        subprocess.run(command, check=True, cwd=REPOSITORY, env=environment)
        print()
    results = json.loads(RESULTS.read_text("utf-8"))
    print(table(results))
    words, mark, _ = PAGE.read_text("utf-8").partition(TABLE_MARK)
    PAGE.write_text(f"{words}{mark}\n\n{table(results)}\n", encoding="utf-8")
    return int(any(results[group]["score"] < REQUIRED for group in options.groups or GROUPS))


if __name__ == "__main__":
    sys.exit(main())
