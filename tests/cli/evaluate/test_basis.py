"""A backtest is evaluated and reported as it traded, unless another configuration is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.cli.main import main
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.timerange import EVERYTHING, DateRange
from dualwindow.models.fingerprint import CONFIDENCE_SETTINGS
from dualwindow.models.identifier.saved_predictions import Extent
from dualwindow.models.identifier.traded import RECORD_NAME, Traded, write_traded
from dualwindow.settings import TrainingConfig
from tests.makers.reports import (
    MONDAY,
    PAIR,
    backtest_folder,
    prediction_frame,
    write_binding,
    write_candles,
)

ROWS, SLICES = 1440, 3
DAY = ROWS * 60
STAMPS = frozenset(MONDAY + number * DAY for number in range(SLICES))
ALL_OF_IT = Extent((PAIR,), STAMPS, DateRange(MONDAY, MONDAY + SLICES * DAY))
#: The configuration of the folder in which the commands run, which no backtest traded with.
OTHER: dict[str, Any] = {
    "fee": 0.01,
    "timerange": "20250101-20250102",
    "exchange": {"pair_whitelist": ["ETH/USDT:USDT"]},
    "dualwindow": {"leverage": 7.0, "evaluation_slippage": 0.003},
    "freqai": {"model_training_parameters": {"confidence_mode": "conservative"}},
}

Settings = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(OTHER), encoding="utf-8")
    write_candles(tmp_path / "user_data", SLICES * ROWS)
    made = backtest_folder(tmp_path / "user_data" / "models" / "small")
    for path in made.glob("backtesting_predictions/*.feather"):
        frame = pd.read_feather(path)
        for side in ("SHORT", "LONG"):
            frame[f"{side}_rank"] = frame[side].rank(pct=True) * 0.9999
        frame.to_feather(path)
    return made


def traded(
    confidence: Settings | None = None, costs: Settings | None = None, **more: Any
) -> Traded:
    """The record of a backtest with some settings."""
    config = TrainingConfig.from_parameters({"confidence_mode": "aggressive", **(confidence or {})})
    parameters = {name: config.to_dict()[name] for name in CONFIDENCE_SETTINGS}
    configuration = {"freqai": {"model_training_parameters": parameters}, **(costs or {})}
    rule = DecisionRule.from_settings(config)
    made = Traded(1_750_000_000, "DualWindowStrategy", rule, True, (), ALL_OF_IT, configuration)
    return replace(made, **more)


def evaluated(folder: Path, *words: str) -> dict[str, Any]:
    figures = folder.parent / "figures.json"
    assert main(["evaluate", str(folder), *words, "--output", str(figures)]) == 0
    content: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
    return content


def figures_of(content: dict[str, Any]) -> dict[str, Any]:
    return {name: content[name] for name in ("pairs", "evaluation", "after_fees")}


@pytest.mark.parametrize(
    ("confidence", "costs"),
    [
        ({}, {"fee": 0.0005}),
        ({"confidence_mode": "balanced"}, {"fee": 0.0}),
        ({"confidence_threshold_long": 0.5, "confidence_threshold_short": 0.99}, {"fee": 0.0}),
        ({"use_confidence_thresholding": False}, {"fee": 0.0}),
        ({"confidence_fallback": "argmax", "confidence_threshold_hold": 0.6}, {"fee": 0.0}),
        ({"confidence_mode": "coverage", "confidence_coverage": 0.05}, {"fee": 0.0}),
        ({}, {"fee": 0.002}),
        ({}, {"fee": 0.002, "dualwindow": {"evaluation_fee": 0.0001}}),
        ({}, {"fee": 0.0005, "dualwindow": {"leverage": 3.0}}),
        ({}, {"fee": 0.0005, "dualwindow": {"evaluation_slippage": 0.001}}),
    ],
)
def test_the_figures_are_those_of_the_traded_configuration(
    confidence: Settings, costs: Settings, folder: Path
) -> None:
    written = traded(confidence, costs)
    write_traded(folder, written)
    same = folder.parent / "same.json"
    same.write_text(json.dumps(written.configuration), encoding="utf-8")
    plain = evaluated(folder)
    assert figures_of(plain) == figures_of(evaluated(folder, "-c", str(same)))
    assert figures_of(plain) != figures_of(evaluated(folder, "-c", "config.json"))
    assert plain["basis"]["configuration"].startswith("as traded by the backtest of 2025-06-15")
    assert "unlike the backtest" not in plain["basis"]


def test_every_other_rule_on_the_same_candles_is_counted_and_widens_the_interval(
    folder: Path,
) -> None:
    write_traded(folder, traded(costs={"fee": 0.0}))
    plain = evaluated(folder)
    assert plain["after_fees"]["evidence"]["choices"] == 1
    assert "looked at with" not in plain["basis"]
    for count, limit in enumerate(("0.4", "0.42", "0.44"), 2):
        content = evaluated(folder, "--confidence-long", limit)
        assert content["after_fees"]["evidence"]["choices"] == count
        assert content["verdict"] == content["after_fees"]["evidence"]["outcome"]
        assert content["basis"]["looked at with"].count("; ") == count - 1
    again = evaluated(folder)
    assert again["after_fees"]["evidence"]["choices"] == 4
    assert main(["report", str(folder)]) == 0
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["after_fees"] == again["after_fees"]
    assert "looked at with" in report["about"]


def test_what_no_setting_has_counts_too(folder: Path) -> None:
    """Shares by side, as of hyperopt's file, and a strategy that never goes short."""
    rule = replace(traded().rule, shares={LONG: 0.02, SHORT: 0.3})
    write_traded(folder, traded(costs={"fee": 0.0}, rule=rule, can_short=False))
    content = evaluated(folder)
    predicted = content["evaluation"]["thresholded"]["predicted"]
    assert 0.1 > predicted["LONG"] / predicted["SHORT"] > 0.01
    assert content["after_fees"]["by_side"]["SHORT"] == 0
    assert content["after_fees"]["by_side"]["LONG"] > 0
    assert "no SHORT" in content["basis"]["costs"]
    assert "LONG at most 2.00% of each model's validation" in content["basis"]["decisions"]


@pytest.mark.parametrize(
    ("extent", "candles"),
    [
        (ALL_OF_IT, [ROWS, ROWS, ROWS]),
        (replace(ALL_OF_IT, trained_until=frozenset([MONDAY, MONDAY + DAY])), [ROWS, ROWS]),
        (replace(ALL_OF_IT, dates=DateRange(MONDAY, MONDAY + DAY // 2)), [ROWS // 2]),
        (replace(ALL_OF_IT, dates=DateRange(MONDAY + DAY // 2, None)), [ROWS // 2, ROWS, ROWS]),
        (replace(ALL_OF_IT, dates=EVERYTHING), [ROWS, ROWS, ROWS]),
    ],
)
def test_only_the_candles_that_were_traded_are_evaluated(
    extent: Extent, candles: list[int], folder: Path
) -> None:
    write_traded(folder, traded(extent=extent))
    content = evaluated(folder)
    assert [part["candles"] for part in content["pairs"][0]["slices"]] == candles
    left_out = SLICES - len(extent.trained_until or ())
    assert ("left out" in content["basis"]) == (left_out > 0)
    assert main(["report", str(folder)]) == 0
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert len(report["windows"]) == len(candles)
    assert report["candles"][0]["candles"] == sum(candles)


def test_models_of_another_backtest_between_the_traded_ones_have_no_part(folder: Path) -> None:
    """Where models overlap the newer one counts, but only of those that were traded."""
    write_traded(folder, traded())
    before = figures_of(evaluated(folder))
    between = MONDAY + DAY // 2
    path = folder / "backtesting_predictions" / f"cb_btc_{between}_prediction.feather"
    prediction_frame(ROWS, between, 9).to_feather(path)
    content = evaluated(folder)
    assert figures_of(content) == before
    assert content["basis"]["left out"].startswith("1 file of predictions")
    named = evaluated(folder, "-c", "config.json")
    assert len(named["pairs"][0]["slices"]) == SLICES + 1
    assert "1 file of predictions that it did not trade" in named["basis"]["unlike the backtest"]


def test_pairs_that_were_not_traded_are_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bound = json.loads((folder / "dualwindow.json").read_text(encoding="utf-8"))
    write_binding(folder, bound["settings"], {**bound["pairs"], "ETH": "ETH/USDT:USDT"})
    path = folder / "backtesting_predictions" / f"cb_eth_{MONDAY}_prediction.feather"
    prediction_frame(ROWS, MONDAY, 9).to_feather(path)
    write_traded(folder, traded())
    assert [pair["pair"] for pair in evaluated(folder)["pairs"]] == [PAIR]
    # Its candles are not there, which matters only where it is meant.
    assert "ETH/USDT:USDT is not compared" not in " ".join(capsys.readouterr().err.split())
    evaluated(folder, "-c", "config.json")
    assert "ETH/USDT:USDT is not compared" in " ".join(capsys.readouterr().err.split())


def test_a_flag_changes_one_value_of_the_backtests_and_the_difference_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = replace(traded().rule, thresholds=replace(traded().rule.thresholds, long=0.44))
    write_traded(folder, traded({"confidence_threshold_short": 0.6}, {"fee": 0.0005}, rule=rule))
    cheap = evaluated(folder, "--fee", "0.0001")["basis"]
    assert cheap["decisions"] == "SHORT 0.45, LONG 0.44"
    assert cheap["costs"].startswith("fee 0.01 %")
    assert "fee 0.05 %" in cheap["unlike the backtest"]
    assert cheap["configuration"].endswith(", with --fee")
    # Hyperopt's value of the other side stays.
    assert evaluated(folder, "--confidence-short", "0.5")["basis"]["decisions"] == (
        "SHORT 0.50, LONG 0.44"
    )
    assert evaluated(folder, "--confidence-mode", "balanced")["basis"]["decisions"] == (
        "SHORT 0.55, LONG 0.55"
    )
    assert evaluated(folder, "--disable-confidence")["basis"]["decisions"] == "the likeliest class"
    capsys.readouterr()
    assert main(["evaluate", str(folder), "--confidence-mode", "balanced"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "unlike the backtest: SHORT 0.55, LONG 0.55 here, SHORT 0.45, LONG 0.44 there" in shown


def test_the_environment_of_the_evaluation_changes_a_named_configuration_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_traded(folder, traded(costs={"fee": 0.0005}))
    before = evaluated(folder)
    monkeypatch.setenv("FREQTRADE__FEE", "0.003")
    assert evaluated(folder) == before
    named = evaluated(folder, "-c", "config.json")["basis"]
    assert named["costs"].startswith("fee 0.3 %")
    assert "FREQTRADE__FEE" in named["configuration"]


def test_the_page_tells_which_configuration_it_is_of(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_traded(folder, traded(costs={"fee": 0.0005}, overrides=("leverage",)))
    assert main(["report", str(folder)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in (
        "as traded by the backtest of 2025-06-15 15:06 UTC (DualWindowStrategy)",
        "SHORT 0.45, LONG 0.45",
        "fee 0.05 % and slippage 0 % a side, leverage 1",
        "what DualWindowStrategy itself decides in leverage",
    ):
        assert text in shown
        assert text in page
        assert any(text in words for words in report["about"].values())
    # The candles of the chart are decided by the same rule.
    said = sum(report["candles"][0]["said_long"])
    assert said == report["walk"]["evaluation"]["thresholded"]["predicted"]["LONG"]


@pytest.mark.parametrize("spoil", [None, lambda text: text.replace("0.45", "0.46"), lambda _: "{"])
def test_without_a_readable_record_the_configuration_counts_with_a_line(
    spoil: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if spoil is not None:
        write_traded(folder, traded())
        path = folder / RECORD_NAME
        path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    expected = evaluated(folder, "-c", "config.json")
    capsys.readouterr()
    found = evaluated(folder)
    assert figures_of(found) == figures_of(expected)
    assert found["basis"]["configuration"].startswith("config.json; the folder does not tell")
    warned = " ".join(capsys.readouterr().err.split())
    assert ("the record of the backtest in" in warned) == (spoil is not None)


def test_a_frozen_models_backtest_is_evaluated_without_any_training(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`epochs: 0`: the folder's settings have no epoch, and its trainings no evaluation."""
    before = evaluated(folder, "-c", "config.json")
    bound = json.loads((folder / "dualwindow.json").read_text(encoding="utf-8"))
    frozen = {**bound["settings"], "epochs": 0, "pretrained": "a" * 64}
    write_binding(folder, frozen, bound["pairs"])
    for path in folder.glob("sub-train-*/evaluation.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        content |= {"validation": None, "not_evaluated_for_hindsight": 132}
        content["training"] |= {"rows": 0, "best_epoch": 0, "epochs": []}
        path.write_text(json.dumps(content), encoding="utf-8")
    assert figures_of(evaluated(folder, "-c", "config.json")) == figures_of(before)
    for words in ([], ["--datadir", str(folder / "nothing")]):
        assert main(["report", str(folder), *words]) == 0
        assert "Do not trade this." in " ".join(capsys.readouterr().out.split())


def test_candles_elsewhere_are_found_where_the_backtest_found_them(
    folder: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "user_data" / "data" / "binance").rename(elsewhere)
    write_traded(folder, traded(costs={"datadir": str(elsewhere)}))
    evaluated(folder)
    # On another machine the folder is not there, and the candles are beside the models.
    (tmp_path / "user_data" / "data").mkdir(exist_ok=True)
    elsewhere.rename(tmp_path / "user_data" / "data" / "binance")
    evaluated(folder)
