"""The targets of make and the modules that the docs name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_docs import DOCS, REPOSITORY
from tests.test_map import module_exists, targets


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_targets_and_modules_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    made = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.M))
    assert targets(text) <= made
    named = set(re.findall(r"python -m ([\w.]*\w)", text)) - {"pytest", "pip", "venv"}
    assert [name for name in sorted(named) if not module_exists(name)] == []
