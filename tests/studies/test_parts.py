"""Each part of the study runs whole in a small form, and none takes another's figures along."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from dualwindow.errors import DataError
from studies import __main__ as command
from studies import months, null, power, track, verdict, weeks, years
from studies.__main__ import PARTS, main
from studies.part import Progress
from studies.real_market import FOLDER_VARIABLE
from tests.makers.markets import START, random_candles

DAY_ROWS = 1440


def paths(folder: Path) -> list[str]:
    return [f"--{name}={folder / name}" for name in ("results", "cache", "page")]


@pytest.mark.parametrize("name", [null.NAME, power.NAME, verdict.NAME, track.NAME])
def test_a_part_runs_from_the_command_line(name: str, tmp_path: Path) -> None:
    assert main([name, "--small", *paths(tmp_path)]) == 0
    assert json.loads((tmp_path / "results" / f"{name}.json").read_text(encoding="utf-8"))[
        "figures"
    ]
    page = (tmp_path / "page").read_text(encoding="utf-8")
    for part in PARTS.values():
        assert f"## {part.TITLE}" in page
        assert (f"Not yet run: `python -m studies {part.NAME}`" in page) == (name != part.NAME)


@pytest.mark.parametrize("part", [years, months, weeks], ids=lambda part: part.NAME)
def test_a_part_on_real_candles_runs_from_the_command_line(
    part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every walk that is published, on few candles that were made up."""
    monkeypatch.setattr("studies.real_market.PERIODS", (DAY_ROWS,))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    walks = []
    for walk in part.FULL.walks:
        path = tmp_path / walk.file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Two days, and the 15 or 75 of the summary features before them.
            minutes = walk.candle_seconds // 60
            candles = random_candles(22_000 + 3 * DAY_ROWS // minutes, seed=4)
            candles["date"] = START + minutes * (candles["date"] - START)
            candles.to_feather(path)
        first = START + 22_000 * pd.Timedelta(seconds=walk.candle_seconds) + pd.Timedelta(days=1)
        date = f"{first:%Y-%m-%d}"
        walks.append(replace(walk, first=date, step_days=1, windows=1, days=(1,), seeds=(1,)))
    limits = {"epochs": 1, "lstm_units": (4,), "dense_units": (4,), "patch_size": 12}
    monkeypatch.setattr(part, "SMALL", years.Scale(tuple(walks), (1,), limits))
    assert main([part.NAME, "--small", *paths(tmp_path)]) == 0
    page = (tmp_path / "page").read_text(encoding="utf-8")
    for walk in walks:
        assert f"### {walk.name}" in page
        for network in walk.networks:
            assert f"\n| {network} | 1 |" in page


def test_a_missing_folder_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(DataError, match=f"name one in {FOLDER_VARIABLE}"):
        years.run(years.Scale(()), Progress("years"))
    assert main(["years", "--small", *paths(tmp_path)]) == 1
    assert FOLDER_VARIABLE in capsys.readouterr().err
    assert "Not yet run: `python -m studies years`" in (tmp_path / "page").read_text()


@pytest.mark.parametrize("variant", power.VARIANTS)
def test_a_variant_of_the_planted_drift_trains(variant: str, tmp_path: Path) -> None:
    small = power.SMALL
    market = power.StudyMarket.from_seed(1, 0.05, small.days)
    figures = power.network(market, {**power.VARIANTS[variant], **small.limits})
    assert figures["trades"] > 0


def failing(name: str, error: BaseException) -> Any:
    def run(_scale: Any, progress: Progress) -> dict[str, Any]:
        progress.cell("before", {}, lambda: {"value": 1})
        raise error

    return SimpleNamespace(
        NAME=name, TITLE=name.title(), FULL=None, SMALL=None, run=run, lines=lambda _: []
    )


def working(name: str) -> Any:
    return SimpleNamespace(
        NAME=name, TITLE=name.title(), FULL=None, SMALL=None,
        run=lambda _scale, _progress: {"value": 3}, lines=lambda figures: [str(figures)],
    )  # fmt: skip


@pytest.mark.parametrize("error", [AttributeError("no such name"), OSError("full"), SystemExit(2)])
def test_a_part_that_fails_takes_no_other_along(
    error: BaseException,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parts = [working("first"), failing("middle", error), working("last")]
    monkeypatch.setattr(command, "PARTS", {part.NAME: part for part in parts})
    assert main(["--small", *paths(tmp_path)]) == 1
    written = {path.stem for path in (tmp_path / "results").iterdir()}
    assert written == {"first", "last"}
    page = (tmp_path / "page").read_text(encoding="utf-8")
    assert "Not yet run: `python -m studies middle`" in page
    assert page.count("{'value': 3}") == 2
    # Its cells are kept, so that it goes on from there.
    assert len(list((tmp_path / "cache" / "middle").iterdir())) == 1
    shown = capsys.readouterr().err
    assert shown.splitlines()[-1] == f"failed: middle: {type(error).__name__}: {error}"
    assert "Traceback" in shown


def test_an_interrupted_study_leaves_a_page_of_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [working("first"), failing("middle", KeyboardInterrupt()), working("last")]
    monkeypatch.setattr(command, "PARTS", {part.NAME: part for part in parts})
    with pytest.raises(KeyboardInterrupt):
        main(["--small", *paths(tmp_path)])
    page = (tmp_path / "page").read_text(encoding="utf-8")
    assert "{'value': 3}" in page
    assert "Not yet run: `python -m studies last`" in page


def test_every_part_has_what_the_command_needs() -> None:
    assert list(PARTS.values()) == [null, verdict, power, years, months, weeks, track]
    for name, part in PARTS.items():
        assert name == part.NAME
        assert type(part.FULL) is type(part.SMALL)
