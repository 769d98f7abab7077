from __future__ import annotations

import json
from pathlib import Path

import pytest

from dualwindow.cli.main import main
from dualwindow.errors import ModelFileError
from dualwindow.evaluation import Evaluation
from dualwindow.models.manifest import write_manifest
from dualwindow.report.build import gather, write_report
from dualwindow.report.schema import RunFacts, Stage, WeeklyClasses
from dualwindow.report.trainings import read_window
from tests.makers.reports import (
    MONDAY,
    PAIR,
    backtest_folder,
    earned,
    evaluated,
    window,
    write_window,
)


@pytest.mark.parametrize(
    "evaluation",
    [
        evaluated(),
        evaluated(compared=False),
        evaluated(shorts=False),
        evaluated(rows=5),
        evaluated(rows=1),
        None,
    ],
)
@pytest.mark.parametrize("evaluated_on", ["tail", "validation"])
def test_figures_are_read_as_they_were_written(
    evaluation: Evaluation | None, evaluated_on: str, tmp_path: Path
) -> None:
    written = window(evaluation, evaluated_on=evaluated_on, hindsight=7)
    assert read_window(write_window(tmp_path, written), MONDAY) == written


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"rows": 2000', '"rows": "many"'),
        lambda text: text.replace('"best_epoch"', '"other"'),
        lambda _: "[]",
    ],
)
def test_damaged_figures_are_refused_by_name(spoil: object, tmp_path: Path) -> None:
    path = write_window(tmp_path, window(evaluated()))
    assert callable(spoil)
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"evaluation\.json.*train the model again"):
        gather(tmp_path)


def test_a_backtest_is_gathered_from_its_retrainings_and_predictions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = backtest_folder(tmp_path / "identifier")
    (folder / "sub-train-BTC_1747612799").mkdir()
    write_window(folder / "sub-train-ETH_1747612800", window(None)).write_text("{", "utf-8")
    report = gather(folder)
    assert [each.trained_until for each in report.windows] == [
        MONDAY + number * 86_400 for number in range(3)
    ]
    assert "sub-train-ETH" in caplog.text
    assert [each.pair for each in report.candles] == [PAIR]
    assert report.candles[0].candles == 3 * 1440
    assert report.run.weeks is not None
    assert report.run.weeks.counted == "decisions"
    said = sum(map(sum, report.run.weeks.counts.values()))
    assert said == report.candles[0].candles - report.candles[0].unusable
    assert report.settings["epochs"] == 3
    assert "3 retrainings" in report.verdict.text


def test_a_folder_without_figures_is_refused_with_the_way_out(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ModelFileError, match="holds no figures of a model; give a folder"):
            gather(folder)
    (tmp_path / "backtesting_predictions").mkdir()
    with pytest.raises(ModelFileError, match="no training in it has come to its end"):
        gather(tmp_path)


def test_a_later_report_keeps_what_only_the_training_knew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_window(tmp_path, window(evaluated()))
    weeks = WeeklyClasses("labels", [MONDAY], {"SHORT": [1], "HOLD": [5], "LONG": [2]})
    run = RunFacts([Stage("training", 2.0, 2**20, 150.0)], weeks, {"torch": "2"})
    write_report(gather(tmp_path, run), tmp_path)
    assert main(["report", str(tmp_path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Do not trade this." in shown
    assert "report.html" in shown
    assert gather(tmp_path).run == run
    content = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert content["run"]["stages"][0]["name"] == "training"
    assert content["windows"][0]["evaluation"]["rows"] == 2000
    # A damaged report takes nothing but these with it.
    (tmp_path / "report.json").write_text('{"format": 2, "run": {"stages": 3}}', encoding="utf-8")
    assert gather(tmp_path).run == RunFacts()


def test_the_files_go_where_they_are_asked_for_or_the_error_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_window(tmp_path / "model", window(evaluated()))
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["report", str(tmp_path / "model"), "--output", str(tmp_path / "there")]) == 0
    assert {each.name for each in (tmp_path / "there").iterdir()} == {"report.html", "report.json"}
    capsys.readouterr()
    assert main(["report", str(tmp_path / "model"), "--output", str(tmp_path / "file")]) == 1
    assert "give another --output" in capsys.readouterr().err


def test_trades_after_fees_are_shown_where_they_are_known(tmp_path: Path) -> None:
    path = write_window(tmp_path / "model", window(evaluated()))
    assert gather(path.parent).after_fees is None
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "after_fees": earned().to_dict()}), encoding="utf-8")
    report = gather(path.parent)
    assert report.after_fees == earned()
    page, _ = write_report(report, tmp_path)
    assert "+0.030 % [+0.010, +0.050]" in page.read_text(encoding="utf-8")
    assert gather(backtest_folder(tmp_path / "bot"), after_fees=earned()).after_fees == earned()


@pytest.mark.parametrize("name", ["evaluation.json", "model.json", "model.safetensors"])
def test_a_report_is_refused_where_an_evaluation_would_be(name: str, tmp_path: Path) -> None:
    folder = write_window(tmp_path, window(evaluated())).parent
    files = [folder / each for each in ("evaluation.json", "model.json", "model.safetensors")]
    for file in files[1:]:
        file.write_bytes(b"{}")
    write_manifest(folder, files)
    assert gather(folder).windows
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelFileError, match="is damaged"):
        gather(folder)
