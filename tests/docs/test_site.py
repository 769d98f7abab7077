"""The site: its first page names every page, and what it documents of the package exists."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Final

import pytest

from tests.docs.blocks import PAGES
from tests.makers.bot import REPOSITORY
from tests.test_examples import ENTRY_POINTS

DOCS: Final = REPOSITORY / "docs"
TREES: Final = re.findall(
    r"^```\{toctree\}\n(?::[^\n]+\n)*\n(.+?)^```$",
    (DOCS / "index.md").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)
#: Pages and notebooks in the order of the site.
LISTED: Final = [re.sub(r"^.+<(.+)>$", r"\1", line) for tree in TREES for line in tree.splitlines()]
DOCUMENTED: Final = re.findall(r"automodule:: dualwindow\.(\S+)", (DOCS / "api.md").read_text())


def test_every_page_is_in_the_table_of_contents_once() -> None:
    pages = [page for page in PAGES if page != DOCS / "index.md"]
    notebooks = sorted((REPOSITORY / "examples").glob("*.ipynb"))
    wanted = sorted(path.with_suffix("") for path in (*pages, *notebooks))
    others = {(REPOSITORY / name) for name in ("CONTRIBUTING", "ARCHITECTURE", "CHANGELOG")}
    listed = [(DOCS / entry).resolve() for entry in LISTED]
    assert sorted(path for path in listed if path not in others) == wanted
    assert others <= set(listed)


def test_every_page_has_one_title_at_its_top() -> None:
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        assert [line[:2] for line in text.splitlines() if line.startswith("# ")] == ["# "], page
        assert text.startswith("# "), page


@pytest.mark.parametrize("module", sorted({each.partition(":")[0] for each in ENTRY_POINTS}))
def test_the_api_has_the_module_of_every_entry_point(module: str) -> None:
    # The report is made by the command, and its modules are no interface.
    assert module in DOCUMENTED or module.startswith("report.")


def test_a_reference_within_the_documented_modules_has_to_exist() -> None:
    """Sphinx warns of a name that it cannot find, unless the name is of somebody else's."""
    ((role, ignored),) = runpy.run_path(str(DOCS / "conf.py"))["nitpick_ignore_regex"]
    assert re.fullmatch(role, "py:class")
    assert re.fullmatch(ignored, "numpy.ndarray")
    assert re.fullmatch(ignored, "dualwindow.runtime.cores.Anything")
    assert not re.fullmatch(ignored, "dualwindow.settings.training_config.Nothing")


def test_the_site_asks_no_other_server() -> None:
    """Neither the configuration nor a page names what a browser or Sphinx would fetch."""
    conf = (DOCS / "conf.py").read_text("utf-8")
    assert "http" not in conf.replace("http-equiv", "")
    for page in PAGES:
        assert not re.search(r"(?:src|srcset)=\"http|!\[[^]]*\]\(http", page.read_text("utf-8"))


def test_pictures_that_pages_name_exist() -> None:
    picture = re.compile(r"(?:src|srcset)=\"([^\"]+)\"|!\[[^]]*\]\(([^)]+)\)")
    named = [
        page.parent / (found[1] or found[2])
        for page in PAGES
        for found in picture.finditer(page.read_text("utf-8"))
    ]
    assert named
    assert [path for path in named if not Path(path).exists()] == []
