"""`dualwindow presets`."""

from __future__ import annotations

import pytest

from dualwindow.cli.main import main
from tests.makers.bot import REPOSITORY


def test_the_table_sets_the_presets_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["test", "quick", "classic", "production", "standard"]
    assert ["epochs", "2", "5", "100", "-", "-"] in rows
    assert ["n_processes", "2", "4", "-", "8", "4"] in rows
    assert ["train_days", "7", "30", "-", "-", "-"] in rows
    assert ["use_multiprocessing", "true", "true", "-", "true", "true"] in rows


def test_a_preset_is_printed_as_its_file_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "quick"]) == 0
    path = REPOSITORY / "presets" / "quick.json"
    assert capsys.readouterr().out == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["quik", "nowhere.json"])
def test_what_is_not_there_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", name]) == 1
    assert name in capsys.readouterr().err
