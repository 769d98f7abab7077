"""`dualwindow evaluate --importance`, from a trained folder to the report's table."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from dualwindow.cli.main import main
from dualwindow.models.identifier.looks import LOOKS_NAME
from tests.makers.trainings import PERIOD, write_candles, write_config


def test_what_the_model_uses_is_shown_kept_and_in_its_report(
    tmp_path: Path,
    btc_futures: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_candles(tmp_path, btc_futures.iloc[:7200])
    write_config(tmp_path, {"tail_fraction": 0.3})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dualwindow.cli.evaluate.importance.ROWS", 60)
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 0
    first = json.loads(Path("model", LOOKS_NAME).read_text("utf-8"))
    assert (first["by"], first["rule"]) == ("train", "SHORT 0.45, LONG 0.45")
    capsys.readouterr()

    words = ["evaluate", "model", "--importance", "--date-from", PERIOD[1], "--output", "out.json"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    found = json.loads(Path("out.json").read_text("utf-8"))["importance"]
    kinds = [each["kind"] for each in found["found"]]
    assert kinds == sorted(kinds, key=("feature", "part of the window").index)
    assert kinds.count("part of the window") == 4
    assert {"close_change", "volume_change"} < {each["name"] for each in found["found"]}
    assert found["rows"] <= 60
    assert all(each["edge_pct"] is not None for each in found["found"])
    assert "log loss rises by" in shown

    assert main(["report", "model"]) == 0
    report = json.loads(Path("model", "report.json").read_text("utf-8"))
    assert report["importance"] == found
    page = Path("model", "report.html").read_text("utf-8")
    assert "What the model uses" in page
    assert "candles 1 to " in page

    # One day alone has no other to take candles from; and two questions at once are refused.
    refused = (
        (["--date-from", "20250506", "--date-to", "20250506"], "of one day alone"),
        (["--suggest-thresholds"], "--importance does not go with --suggest-thresholds"),
    )
    for more, message in refused:
        assert main(["evaluate", "model", "--importance", *more]) == 1
        assert message in " ".join(capsys.readouterr().err.split())

    # Another model in the same folder has no importance yet.
    Path("model", "importance.json").write_text(json.dumps({"model": "other", **found}), "utf-8")
    assert main(["report", "model"]) == 0
    assert json.loads(Path("model", "report.json").read_text("utf-8"))["importance"] is None
