"""Reads which module of a package imports which, and lists whatever breaks a rule about it.

Every rule is a function of a package to sentences, one for each violation: none means kept.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

#: Imports modules in turn and prints the first that brought something heavy, with what it brought.
_IMPORT_IN_TURN: Final = """
import importlib, json, sys
modules, heavy = json.loads(sys.argv[1])
for name in modules:
    importlib.import_module(name)
    if brought := sorted(set(heavy) & sys.modules.keys()):
        print(f"{name} imports {', '.join(brought)}")
        break
"""


@dataclass(frozen=True)
class Import:
    """One name that a module imports.

    Attributes:
        importer: the module, dotted, with the package's name.
        line: where it stands.
        module: that is imported, dotted; of other packages as it is written.
        name: taken out of that module; None where the module itself is imported.
        bound: name that it has in the importer; None where nothing is bound.
    """

    importer: str
    line: int
    module: str
    name: str | None = None
    bound: str | None = None

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.module}"


@dataclass(frozen=True)
class Package:
    """The source of a package.

    Attributes:
        root: its folder, which has its name.
    """

    root: Path

    @property
    def name(self) -> str:
        """As it is imported."""
        return self.root.name

    @cached_property
    def files(self) -> dict[str, Path]:
        """Dotted name of every module to its file."""
        found = {}
        for path in sorted(self.root.rglob("*.py")):
            parts = path.relative_to(self.root.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return found

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """Dotted name of every module to its syntax tree."""
        return {name: ast.parse(path.read_text("utf-8")) for name, path in self.files.items()}

    @cached_property
    def imports(self) -> list[Import]:
        """Every import, those inside functions and for type checkers too."""
        return [
            found
            for name, tree in self.trees.items()
            for node in ast.walk(tree)
            for found in self._imports_of(name, node)
        ]

    @property
    def own_imports(self) -> list[Import]:
        """The imports of the package's own modules."""
        return [found for found in self.imports if found.module in self.files]

    def within(self, *wings: str) -> list[str]:
        """The modules of some wings, which are given without the package's name."""
        return [name for name in self.files if place_of(self.without_name(name), wings)]

    def without_name(self, module: str) -> str:
        """A module's dotted name below the package; empty for the package itself."""
        return module.removeprefix(self.name).removeprefix(".")

    def _imports_of(self, importer: str, node: ast.AST) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                yield Import(importer, node.lineno, alias.name, None, bound)
        elif isinstance(node, ast.ImportFrom):
            origin = self._origin(importer, node)
            for alias in node.names:
                bound, inner = alias.asname or alias.name, f"{origin}.{alias.name}"
                if inner in self.files:
                    yield Import(importer, node.lineno, inner, None, bound)
                else:
                    yield Import(importer, node.lineno, origin, alias.name, bound)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            for module in self._named(node.args[0]):
                yield Import(importer, node.lineno, module)

    def _origin(self, importer: str, node: ast.ImportFrom) -> str:
        """The module after `from`, dots resolved."""
        if not node.level:
            return node.module or ""
        parts = importer.split(".")
        is_folder = self.files[importer].name == "__init__.py"
        above = parts[: len(parts) - node.level + is_folder]
        return ".".join([*above, *([node.module] if node.module else [])])

    def _named(self, argument: ast.expr) -> list[str]:
        """The modules that a text may name; of an f-string all that begin as it does."""
        if isinstance(argument, ast.Constant):
            return [str(argument.value)]
        if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
            beginning = str(argument.values[0].value)
            return [module for module in self.files if module.startswith(beginning)]
        return []


def place_of(module: str, places: Collection[str]) -> str | None:
    """The place, a dotted beginning, that a module without its package's name is in."""
    return next((place for place in places if f"{module}.".startswith(f"{place}.")), None)


def against_the_order(package: Package, order: Sequence[Sequence[str]]) -> list[str]:
    """Imports of what does not stand before the importer.

    Args:
        package: that is read.
        order: wings or single modules, without the package's name, from the ground up; those of one
            line do not import each other.
    """
    line_of = {place: number for number, line in enumerate(order) for place in line}

    def place(module: str) -> str | None:
        return place_of(package.without_name(module), line_of)

    problems = [
        f"{module} has no place in the order; give it one"
        for module, path in package.files.items()
        if place(module) is None and path.name != "__init__.py"
    ]
    for found in package.own_imports:
        importer, imported = place(found.importer), place(found.module)
        if importer is None or imported is None or importer == imported:
            continue
        if line_of[imported] >= line_of[importer]:
            problems.append(f"{found}, but {imported} does not stand before {importer}")
    return problems


def imports_of_others(package: Package, others: Collection[str], allowed: str) -> list[str]:
    """Imports of some other packages outside the one wing where they are allowed."""
    return [
        f"{found}, which {allowed} alone may do"
        for found in package.imports
        if found.module.partition(".")[0] in others
        and place_of(package.without_name(found.importer), [allowed]) is None
    ]


def circles(package: Package) -> list[str]:
    """Modules that import each other in a circle; the first that is found, or none."""
    graph: dict[str, set[str]] = {module: set() for module in package.files}
    for found in package.own_imports:
        # To import a module is to import the folders that it lies in, but for the importer's own.
        parts = found.module.split(".")
        above = {".".join(parts[:depth]) for depth in range(1, len(parts))}
        own = {folder for folder in above if f"{found.importer}.".startswith(f"{folder}.")}
        graph[found.importer] |= {found.module} | above - own
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"a circle of imports: {' <- '.join(error.args[1])}"]
    return []


def private_names(package: Package) -> list[str]:
    """Names with an underscore that a module takes out of another one."""
    problems = [
        f"{found}'s private {found.name}"
        for found in package.own_imports
        if found.name is not None and _is_private(found.name)
    ]
    for module, tree in package.trees.items():
        bound = {found.bound for found in package.own_imports if found.importer == module}
        problems += [
            f"{module}:{node.lineno} reaches for {ast.unparse(node)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and _is_private(node.attr)
            and ast.unparse(node.value) in bound | package.files.keys()
        ]
    return problems


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def busy_beginnings(package: Package, allowed: Collection[str]) -> list[str]:
    """Folders whose `__init__` has imports, which anything in the folder would wait for."""
    return [
        f"{found} in its __init__"
        for found in package.imports
        if package.files[found.importer].name == "__init__.py"
        and package.without_name(found.importer) not in allowed
    ]


@dataclass(frozen=True)
class Bounds:
    """How large a package may be.

    Attributes:
        folders: most folders at its root.
        root_files: most Python files at its root.
        files: fewest and most Python files of a folder that holds more than other folders.
        lines: most lines of a file.
    """

    folders: int
    root_files: int
    files: tuple[int, int]
    lines: int


def out_of_bounds(package: Package, bounds: Bounds) -> list[str]:
    """Folders with too few or too many files, and files with too many lines."""
    problems = []
    by_folder: dict[Path, list[Path]] = {}
    for path in package.files.values():
        by_folder.setdefault(path.parent, []).append(path)
        lines = len(path.read_text("utf-8").splitlines())
        if lines > bounds.lines:
            problems.append(f"{path} has {lines} lines, more than {bounds.lines}")
    at_root = by_folder.pop(package.root)
    if len(at_root) > bounds.root_files:
        problems.append(f"{len(at_root)} files at the root, more than {bounds.root_files}")
    folders = {path.relative_to(package.root).parts[0] for path in by_folder}
    if len(folders) > bounds.folders:
        problems.append(f"{len(folders)} folders at the root, more than {bounds.folders}")
    fewest, most = bounds.files
    # A folder that is divided into folders may keep a few files of its own.
    divided = {parent for folder in by_folder for parent in folder.parents}
    problems += [
        f"{folder} has {len(paths)} files, not {fewest} to {most}"
        for folder, paths in by_folder.items()
        if len(paths) > most or (len(paths) < fewest and folder not in divided)
    ]
    return problems


def brought_along(modules: Sequence[str], heavy: Collection[str], path: Path) -> list[str]:
    """The first of some modules with which something heavy comes into a fresh process.

    Args:
        modules: dotted names, imported in turn.
        heavy: names of modules that are not to come.
        path: folder in front of all others that modules are looked for in.
    """
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_IN_TURN, json.dumps([list(modules), sorted(heavy)])],
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
