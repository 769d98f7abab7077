"""A study goes on where it was interrupted, and the page says what there is and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studies.__main__ import PAGE, PARTS, RESULTS, main
from studies.part import Progress
from studies.results import page_of


def test_a_cell_is_made_once_for_its_inputs(tmp_path: Path) -> None:
    made: list[int] = []

    def make(value: int) -> dict[str, Any]:
        made.append(value)
        return {"value": (value, 2)}

    for seed in (1, 1, 2):
        again = Progress("part", tmp_path)
        assert again.cell("what", {"seed": seed}, lambda: make(seed)) == {"value": [seed, 2]}  # noqa: B023
    assert made == [1, 2]
    Progress("other", tmp_path).cell("what", {"seed": 1}, lambda: make(3))
    assert made == [1, 2, 3]


def test_a_cell_that_fails_is_not_kept(tmp_path: Path) -> None:
    progress = Progress("part", tmp_path)
    with pytest.raises(ZeroDivisionError):
        progress.cell("what", {}, lambda: {"value": 1 / 0})
    assert progress.cell("what", {}, lambda: {"value": 1}) == {"value": 1}


def test_another_version_makes_its_cells_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Progress("part", tmp_path).cell("what", {}, lambda: {"value": 1}) == {"value": 1}
    monkeypatch.setattr("studies.part.__version__", "99")
    assert Progress("part", tmp_path).cell("what", {}, lambda: {"value": 2}) == {"value": 2}


def test_small_figures_never_stand_where_the_published_ones_do() -> None:
    with pytest.raises(SystemExit):
        main(["--small"])


def test_the_page_is_made_of_the_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_of(RESULTS, PARTS)
