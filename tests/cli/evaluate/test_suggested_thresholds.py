"""`dualwindow evaluate --suggest-thresholds`, from a trained folder to lines to paste."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dualwindow.backtest.figures import Percent
from dualwindow.cli.display.console import console_of
from dualwindow.cli.display.threshold_tables import Suggestion, print_suggestion
from dualwindow.cli.main import main
from dualwindow.confidence import Thresholds
from dualwindow.model_selection.threshold_search import PairOfThresholds, ThresholdChoice
from dualwindow.models.portable import load_portable, save_portable
from tests.makers.reports import earned
from tests.makers.trainings import PERIOD, write_candles, write_config

SUGGEST = ("evaluate", "model", "--suggest-thresholds")


@pytest.fixture
def folder(tmp_path: Path, btc_futures: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_candles(tmp_path, btc_futures.iloc[:7200])
    write_config(tmp_path, {"tail_fraction": 0.3})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def moment(text: str) -> pd.Timestamp:
    return pd.Timestamp(text.split(" (", maxsplit=1)[0], tz="UTC")


def test_thresholds_are_chosen_on_validation_and_reported_on_the_tail(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 0
    origin = load_portable(folder / "model").origin
    capsys.readouterr()
    assert main([*SUGGEST, "--min-trades", "5", "--output", "out.json"]) == 0
    shown = capsys.readouterr().out
    found = json.loads(Path("out.json").read_text(encoding="utf-8"))

    begin, end = map(moment, found["validation"]["period"].split(" to "))
    tail, last = map(moment, found["tail"]["period"].split(" to "))
    assert (begin.timestamp(), end.timestamp()) == (origin.validation_from, origin.tail_from)
    assert (tail.timestamp(), last.timestamp()) == (origin.tail_from, origin.until)
    choice = found["validation"]["choice"]
    best = choice["best"][0]
    assert best["trades"] >= choice["min_trades"] == 5
    # The walk over outcomes and the trades of the decisions are the same ones.
    chosen = found["validation"]["chosen"]
    assert chosen["trades"] == best["trades"]
    assert chosen["sides"]["model"]["mean_pct"]["value"] == pytest.approx(
        best["mean_pct"]["value"], abs=1e-9
    )
    # A few hours are too few days to tell anything from luck.
    assert choice["within_noise"]
    assert "warning: the choice is within noise" in shown
    assert "confidence_threshold" not in shown
    assert found["tail"]["configured_thresholds"]["short"] == 0.45
    # The training looked at the tail with the configured thresholds, the search with others.
    assert found["tail"]["looked_at_with"][0] == "SHORT 0.45, LONG 0.45"
    assert len(found["tail"]["looked_at_with"]) == 2
    assert found["tail"]["chosen"]["evidence"]["choices"] == 2
    assert "looked at with 2 choices of thresholds" in " ".join(shown.split())
    assert found["tail"]["verdict"] == "not enough data to tell"

    # What is pasted is what the configuration then has.
    write_config(folder, {"tail_fraction": 0.3}, **found["settings"])
    assert main([*SUGGEST, "--min-trades", "5", "--output", "again.json"]) == 0
    again = json.loads(Path("again.json").read_text(encoding="utf-8"))
    assert again["settings"] == found["settings"]
    assert again["tail"]["configured"] == again["tail"]["chosen"] == found["tail"]["chosen"]

    for words, message in (
        (["--min-trades", "0"], "--min-trades 0 must be at least 1"),
        (["--date-from", "2025-05-05"], "--date-from '2025-05-05' does not go with"),
        (["--min-trades", "5000"], "no thresholds make 5,000 trades"),
    ):
        assert main([*SUGGEST, *words]) == 1
        assert message in capsys.readouterr().err
    assert main(["evaluate", "model", "--min-trades", "5"]) == 1
    assert "belongs to --suggest-thresholds" in capsys.readouterr().err

    loaded = load_portable(folder / "model")
    for changes, message in (
        ({"tail_from": None}, "has no untouched tail"),
        ({"validation_from": None}, "has no validation candles"),
        ({"pretrained_seen_until": origin.tail_from}, "would be hindsight; fine-tune"),
    ):
        save_portable(folder / "model", loaded.model, replace(origin, **changes))
        assert main([*SUGGEST]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("within_noise", [False, True])
@pytest.mark.parametrize("pays", [False, True])
def test_lines_to_paste_are_printed_for_thresholds_to_trade_alone(
    within_noise: bool, pays: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    low = 0.01 if pays else -0.01
    pair = PairOfThresholds(0.6, 0.7, 50, Percent(0.1, 0.05, 0.2), Percent(5.0, 1.0, 9.0))
    choice = ThresholdChoice(
        best=(pair,),
        days=6,
        tried=256,
        compared=72,
        min_trades=30,
        corrected_pct=Percent(0.1, low, 0.2),
        random_best_pct=Percent(0.1, 0.05, 0.2),
        random_as_good_pct=75.0 if within_noise else 1.0,
    )
    assert (choice.within_noise, choice.pays) == (within_noise, pays)
    trades = earned()
    suggestion = Suggestion(
        ("BTC/USDT",),
        "then",
        "later",
        choice,
        {},
        trades,
        trades,
        Thresholds(0.5, 0.4, 0.5),
        trades,
    )
    print_suggestion(console_of(sys.stdout), suggestion)
    shown = capsys.readouterr().out
    assert ("confidence_threshold_short" in shown) == (pays and not within_noise)
    assert ("do not trade these thresholds" in shown) == (within_noise or not pays)
    assert all(f" {name} " in shown for name in ("always LONG", "always SHORT", "random sides"))


def test_configured_leads_are_compared_with_leads_and_chosen_thresholds_with_probabilities(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    surest = {"confidence_mode": "coverage", "confidence_coverage": 0.1}
    write_config(folder, {"tail_fraction": 0.3}, **surest, confidence_measure="lead")
    assert main(["train", *PERIOD, "--epochs", "1", "--output", "model"]) == 0
    trained = json.loads(Path("model", "evaluation.json").read_text(encoding="utf-8"))
    capsys.readouterr()
    assert main([*SUGGEST, "--min-trades", "5", "--output", "out.json"]) == 0
    found = json.loads(Path("out.json").read_text(encoding="utf-8"))["tail"]
    assert found["configured_leads"] == trained["tail"]["leads"] == ["SHORT", "LONG"]
    limits = [found["configured_thresholds"][side] for side in ("short", "long")]
    assert limits == [trained["tail"]["thresholds"][side] for side in ("SHORT", "LONG")]
    # The training traded the same candles by the same leads, but not the last ones, whose labels
    # are not known.
    assert 0 <= found["configured"]["trades"] - trained["after_fees"]["trades"] <= 5
    shown = " ".join(capsys.readouterr().out.split())
    assert "configured (lead " in shown
    # One look, by the training and by the search, with what is configured, and one with the choice.
    assert len(found["looked_at_with"]) == 2
    assert "by lead" in found["looked_at_with"][0]
    assert "by lead" not in found["looked_at_with"][1]
