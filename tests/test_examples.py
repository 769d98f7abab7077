"""The examples in the docstrings run, and every public entry point has one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from functools import reduce
from types import ModuleType

import pytest

import dualwindow

#: What people call, by wing.
ENTRY_POINTS: tuple[str, ...] = ()


def modules() -> list[str]:
    names = [each.name for each in pkgutil.walk_packages(dualwindow.__path__, "dualwindow.")]
    return [name for name in names if not name.endswith("__main__")]


def examples(module: ModuleType) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(exclude_empty=True).find(module)
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_run(name: str) -> None:
    for test in examples(importlib.import_module(name)):
        report: list[str] = []
        result = doctest.DocTestRunner().run(test, out=report.append)
        assert not result.failed, "".join(report)


@pytest.mark.parametrize("path", ENTRY_POINTS)
def test_an_entry_point_shows_an_example(path: str) -> None:
    module, _, qualified = path.partition(":")
    thing = reduce(getattr, qualified.split("."), importlib.import_module(f"dualwindow.{module}"))
    assert ">>>" in (thing.__doc__ or ""), f"{path} has no example"
