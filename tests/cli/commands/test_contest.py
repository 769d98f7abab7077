"""`dualwindow contest`, from candle files to its page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from dualwindow.cli.main import main
from tests.makers.markets import random_candles
from tests.makers.trainings import write_candles, write_config

WORDS = ("contest", "--days", "1,2", "--step-days", "1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and four days of candles, which is the current one."""
    write_candles(tmp_path, random_candles(4 * 1440, seed=3))
    write_config(tmp_path, epochs=1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "contest.json").read_text(encoding="utf-8"))
    return found


def test_a_contest_shows_a_league_and_goes_on_where_it_stopped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*WORDS, "--output", "one"]) == 0
    shown = capsys.readouterr()
    found = content_of(folder / "one")
    names = {row["contender"] for row in found["league"]}
    assert {"class prior", "volatility table", "logistic regression", "LightGBM"} < names
    assert {row["days"] for row in found["league"]} == {1, 2}
    assert "Smallest log loss on" in shown.out
    assert "min left" in shown.err
    page = (folder / "one" / "contest.html").read_text(encoding="utf-8")
    assert "League table" in page
    assert "http://" not in page
    assert "https://" not in page
    # What is kept is not made again, and its times are those of the first run.
    assert main([*WORDS, "--output", "one"]) == 0
    assert content_of(folder / "one") == found


def test_a_contest_goes_on_without_lightgbm(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    assert main(["contest", "--days", "2", "--output", "one"]) == 0
    assert "LightGBM is left out" in capsys.readouterr().err
    assert "LightGBM" not in {row["contender"] for row in content_of(folder / "one")["league"]}


def test_ensembles_are_contenders_of_their_own(folder: Path) -> None:
    write_config(folder, epochs=1, ensemble=2)
    words = ("contest", "--days", "2", "--networks", "linear")
    assert main([*words, "--output", "one"]) == 0
    assert main([*words, "--ensembles", "1,3", "--output", "two"]) == 0
    networks = [content_of(folder / name)["networks"] for name in ("one", "two")]
    assert [{name: found["ensemble"] for name, found in own.items()} for own in networks] == [
        {"2 x linear": 2},
        {"linear": 1, "3 x linear": 3},
    ]
    league = {row["contender"] for row in content_of(folder / "two")["league"]}
    assert {"linear", "3 x linear", "LightGBM"} < league


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--days", "30,x"], "--days 'x' must be a whole number from 1"),
        (["--days", "0"], "--days '0' must be"),
        (["--step-days", "0"], "--step-days 0 must be"),
        (["--seeds", "0"], "--seeds 0 must be"),
        (["--ensembles", "1,0"], "--ensembles '0' must be a whole number from 1 to 100"),
        (["--networks", "a,,b"], "has an empty name"),
        (["--networks", "unheard_of"], "--networks unheard_of: "),
        (["--days", "500"], "a contest needs 500 days to train on"),
    ],
)
def test_wrong_options_are_refused_with_the_way_out(
    folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["contest", "--output", "one", *words]) == 1
    assert said in capsys.readouterr().err
    assert not (folder / "one" / "contest.json").exists()
