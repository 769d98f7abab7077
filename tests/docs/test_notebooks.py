"""The notebooks run on the demo market, and print what is stored in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.notebooks import NOTEBOOKS, printed, read, run
from tests.docs.shapes import shape


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["first_model", "own_features", "reading_a_verdict"]


@pytest.mark.e2e
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(path: Path) -> None:
    """Figures are masked, as on the pages: another processor trains another model."""
    stored, fresh = read(path), run(path)
    assert any(map(printed, stored.cells)), "run python -m tests.docs.notebooks"
    for before, after in zip(stored.cells, fresh.cells, strict=True):
        assert shape(printed(after)) == shape(printed(before)), before.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_what_changes_by_itself(path: Path) -> None:
    for cell in read(path).cells:
        assert not cell.metadata
        assert cell.get("execution_count") is None
        for output in cell.get("outputs", ()):
            assert (output.output_type, output.name) == ("stream", "stdout")
            assert "\x1b" not in output.text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_of_a_notebook_lead_somewhere(path: Path) -> None:
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []
