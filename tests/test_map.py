"""ARCHITECTURE.md and CONTRIBUTING.md name what exists; nothing is imported to find out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = REPOSITORY / "src" / "dualwindow"
ARCHITECTURE: Final = REPOSITORY / "ARCHITECTURE.md"
CONTRIBUTING: Final = REPOSITORY / "CONTRIBUTING.md"
PAGES: Final = (ARCHITECTURE, CONTRIBUTING)
#: Named already, made by work that is under way; delete what has arrived.
ARRIVING: Final[frozenset[str]] = frozenset()

_SPAN: Final = re.compile(r"`([^`\n]+)`")
_FENCE: Final = re.compile(r"^```\w*\n.*?^```$", re.MULTILINE | re.DOTALL)
_FILE: Final = re.compile(r"([\w./-]+\.(?:py|md|json|toml))?(?::(\w+(?:\.\w+)*))?")
_FOLDER: Final = re.compile(r"(?:[\w.-]+/)+")
_MODULE: Final = re.compile(r"dualwindow(?:\.\w+)+")
_MEMBER: Final = re.compile(r"([A-Z]\w*[a-z]\w*)\.(\w+)")
_TARGET: Final = re.compile(r"^make ([a-z-]+)", re.MULTILINE)
_RUN: Final = re.compile(r"python -m ([\w.]+)(?: |$)")
#: Written by trainings and by make, so they are not in the repository.
_MADE: Final = {"evaluation.json", "model.json", "report.json", "build/sbom.json"}


@cache
def names_in(file: Path) -> frozenset[str]:
    """Functions, classes, constants and imports of a module; members of classes as `Class.name`."""
    return frozenset(_names(ast.parse(file.read_text("utf-8")).body))


def _names(body: list[ast.stmt], inside: str = "") -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name):
                yield inside + name
            case ast.ClassDef(name=name):
                yield inside + name
                yield from _names(node.body, f"{inside}{name}.")
            case ast.Assign(targets=targets):
                yield from (inside + each.id for each in targets if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield inside + name
            case ast.ImportFrom(names=aliases) if not inside:
                yield from (alias.asname or alias.name for alias in aliases)


@cache
def members() -> frozenset[str]:
    """`Class.name` of every class of the package and the adapters."""
    files = [*PACKAGE.rglob("*.py"), *REPOSITORY.glob("*/DualWindow*.py")]
    return frozenset(name for file in files for name in names_in(file) if "." in name)


def found(path: str) -> Path | None:
    """A path of a page, which begins at the root or in the package."""
    return next((at for top in (REPOSITORY, PACKAGE) if (at := top / path).exists()), None)


def module_exists(dotted: str) -> bool:
    """Whether a dotted path is a module, or a name in one."""
    *above, name = dotted.split(".")
    for top in (REPOSITORY, REPOSITORY / "src"):
        whole = top.joinpath(*above, name)
        if whole.with_suffix(".py").is_file() or (whole / "__init__.py").is_file():
            return True
        owner = top.joinpath(*above)
        for file in (owner.with_suffix(".py"), owner / "__init__.py"):
            if above and file.is_file() and name in names_in(file):
                return True
    return False


def targets(text: str) -> set[str]:
    """Targets of make that a page names in code."""
    code = [*_SPAN.findall(_FENCE.sub("", text)), *_FENCE.findall(text)]
    return {target for each in code for target in _TARGET.findall(each)}


def wrong_names(text: str) -> list[str]:
    """What a page names in code that does not exist."""
    wrong = []
    made = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.M))
    last: Path | None = None
    for span in _SPAN.findall(_FENCE.sub("", text)):
        if span in _MADE:
            continue
        if (match := _FILE.fullmatch(span)) and span:
            path, name = match.groups()
            last = found(path) if path else last
            if last is None or (name and name not in names_in(last)):
                wrong.append(span)
        elif _FOLDER.fullmatch(span):
            folder = found(span)
            wrong += [] if folder and folder.is_dir() else [span]
        elif _MODULE.fullmatch(span):
            wrong += [] if module_exists(span) else [span]
        elif member := _MEMBER.fullmatch(span):
            wrong += [] if member[0] in members() else [span]
        elif module := _RUN.match(span):
            wrong += [] if module[1] == "pytest" or module_exists(module[1]) else [span]
    return wrong + [f"make {each}" for each in sorted(targets(text) - made)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_on_the_page_exists(page: Path) -> None:
    assert set(wrong_names(page.read_text("utf-8"))) - ARRIVING == set()


def test_what_has_arrived_is_no_longer_excused() -> None:
    named = {each for page in PAGES for each in wrong_names(page.read_text("utf-8"))}
    assert ARRIVING - named == set(), "it exists now: take it out of ARRIVING"


@pytest.mark.parametrize(
    "span",
    [
        "labels.py:no_such_function",
        "no_such_file.py",
        "data/features/windows.py:valid_windows.inside",
        "models/trained_model.py:TrainedModel.no_such_method",
        "no/such/folder/",
        "dualwindow.labels.no_such_function",
        "dualwindow.no_such_module",
        "DualWindowLSTM.no_such_method",
        "make no-such-target",
        "python -m no_such_module",
    ],
)
def test_a_name_that_does_not_exist_is_found(span: str) -> None:
    assert wrong_names(f"See `labels.py:label_candles` and `{span}`.") == [span]


def test_a_name_alone_is_in_the_file_named_before_it() -> None:
    text = "`columns.py:HOLD`, then `labels.py` with `:label_candles` and `:HOLDING`"
    assert wrong_names(text) == [":HOLDING"]


def test_targets_in_a_block_of_commands_count_and_words_of_a_sentence_do_not() -> None:
    assert targets("```\nmake install\nmake bread\n```\nmake a difference, `make test`") == {
        "install",
        "bread",
        "test",
    }


def test_every_wing_is_on_the_map() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py") if file.name != "__init__.py"}
    wings = {f"{folder.relative_to(PACKAGE).as_posix()}/" for folder in folders - {PACKAGE}}
    assert wings - set(_SPAN.findall(ARCHITECTURE.read_text("utf-8"))) == set()


def test_the_map_is_one_page() -> None:
    assert len(ARCHITECTURE.read_text("utf-8").splitlines()) <= 110


def test_the_glossary_has_at_most_twenty_words() -> None:
    _, _, glossary = CONTRIBUTING.read_text("utf-8").partition("\n## Glossary\n")
    rows = re.findall(r"^\| (.+?) \| .+ \|$", glossary, re.MULTILINE)
    assert rows[:2] == ["word", "---"]
    assert 0 < len(rows[2:]) <= 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    assert [each for each in links if not (page.parent / each).exists()] == []
