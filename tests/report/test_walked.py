"""A backtest's folder beside the candles that freqtrade has downloaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects
import pytest

from dualwindow.cli.main import main
from dualwindow.columns import CLASS_NAMES
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.model_selection.walk_forward import pooled_walk
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.model_selection.walk_sources import read_slices, walk_of
from dualwindow.report.build import gather
from dualwindow.report.page import charts_of
from dualwindow.report.predictions import Decided, WalkFacts
from dualwindow.report.verdict import verdict_of
from dualwindow.settings import TrainingConfig
from tests.makers.reports import (
    MONDAY,
    PAIR,
    backtest_folder,
    evaluated,
    window,
    with_skill,
    write_candles,
)

ROWS = 1440


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Without the repository's config.json.
    monkeypatch.chdir(tmp_path)
    write_candles(tmp_path / "user_data", 3 * ROWS)
    return backtest_folder(tmp_path / "user_data" / "models" / "small")


def facts(folder: Path, **confidence: object) -> WalkFacts:
    content = {"freqai": {"model_training_parameters": {"confidence_mode": "aggressive"}}}
    content["freqai"]["model_training_parameters"] |= confidence  # type: ignore[operator]
    settings = WalkSettings.from_config(folder, content)
    walk = walk_of(folder, PAIR, "BTC", settings, folder.parents[1] / "data" / "binance")
    assert walk is not None
    return WalkFacts([walk], pooled_walk([walk], settings.terms))


def test_the_report_is_of_the_candles_that_every_model_predicted(folder: Path) -> None:
    walk = facts(folder)
    report = gather(folder, walk=walk)
    assert [each.evaluated_on for each in report.windows] == ["walk-forward"] * 3
    assert report.walk is not None
    for shown, own in zip(report.windows, report.walk.slices, strict=True):
        assert shown.evaluation == own.evaluation
        assert own.evaluation is not None
        assert own.evaluation.forecast.skill
        assert own.evaluation.rows + own.unusable + own.unknown == own.candles == ROWS
    assert "candles after each of 3 trainings" in report.verdict.text
    assert report.after_fees == report.walk.after_fees
    assert report.run.weeks is not None
    assert report.run.weeks.counted == "labels"
    charts = {chart.key: chart for chart in charts_of(report)}
    assert not any("{" in chart.note for chart in charts.values())
    assert {"skill", "classes", "classes-predicted", "candles-0"} <= set(charts)
    chart = charts["candles-0"]
    plotly.graph_objects.Figure({"data": chart.data, "layout": chart.layout})
    marks = {each["name"]: len(each["x"]) for each in chart.data if "meta" in each}
    trades = report.walk.after_fees
    assert trades is not None
    assert marks["LONG entry"] == marks["LONG exit"] == trades.by_side["LONG"] > 0
    assert marks["SHORT entry"] == trades.by_side["SHORT"] > 0
    json.dumps(report.to_dict(), allow_nan=False)


def test_commands_find_candles_beside_the_models_or_say_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = folder.parent / "figures.json"
    asked = ["--confidence-mode", "aggressive", "--verbose", "--output", str(figures)]
    assert main(["evaluate", str(folder), *asked]) == 0
    shown = capsys.readouterr().out
    assert shown.count(PAIR) >= 4
    assert "edge over a coin flip" in shown
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert [each["candles"] for each in content["pairs"][0]["slices"]] == [ROWS] * 3

    for given in (["--pair", PAIR], ["--date-from", "2025-01-01"], ["--suggest-thresholds"]):
        assert main(["evaluate", str(folder), *given]) == 1
        said = " ".join(capsys.readouterr().err.split())
        assert f"{given[0]} does not go with the folder of a backtest" in said

    assert main(["report", str(folder)]) == 0
    assert "not compared with its candles" not in " ".join(capsys.readouterr().out.split())
    nowhere = ["--datadir", str(folder / "nothing")]
    assert main(["report", str(folder), *nowhere]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{PAIR} is not compared with its candles" in said
    assert "download-data" in said
    assert said.index("download-data") < said.index("Do not trade this.")
    assert main(["evaluate", str(folder), *nowhere]) == 1
    assert "download-data" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("measure", ["probability", "lead"])
def test_mode_coverage_decides_by_each_models_ranks(tmp_path: Path, measure: str) -> None:
    folder = backtest_folder(tmp_path / "small", retrainings=2)
    for number, path in enumerate(sorted(folder.glob("backtesting_predictions/*.feather"))):
        frame = pd.read_feather(path)
        for side in ("SHORT", "LONG"):
            other = frame["SHORT" if side == "LONG" else "LONG"]
            value = frame[side] - (other if measure == "lead" else 0)
            frame[f"{side}_rank"] = value.rank(pct=True) * (1 - 0.01 * number)
        frame.to_feather(path)
    config = TrainingConfig.from_parameters(
        {
            "confidence_mode": "coverage",
            "confidence_coverage": 0.05,
            "confidence_measure": measure,
        }
    )
    slices = read_slices(folder, "BTC", DecisionRule.from_settings(config))
    assert len({each.thresholds.long for each in slices}) == 2
    for each, path in zip(
        slices, sorted(folder.glob("backtesting_predictions/*.feather")), strict=True
    ):
        frame = pd.read_feather(path)
        fires = each.calibrated.compared[:, CLASS_NAMES.index("LONG")] >= each.thresholds.long
        usable = each.usable
        decided = DecisionRule.from_settings(config).decide(frame)
        found = each.calibrated.decide(each.thresholds)
        np.testing.assert_array_equal(found[usable], decided[usable])
        np.testing.assert_array_equal(fires[usable], (frame["LONG_rank"] >= 0.95)[usable])


def test_where_models_overlap_the_newer_one_counts(tmp_path: Path) -> None:
    folder = backtest_folder(tmp_path / "small", retrainings=2)
    until = MONDAY + ROWS * 60
    older = folder / "backtesting_predictions" / f"cb_btc_{MONDAY}_prediction.feather"
    frame = pd.read_feather(older)
    frame["date"] += pd.Timedelta(minutes=100)
    frame.to_feather(older)
    rule = DecisionRule.from_settings(TrainingConfig())
    first, second = read_slices(folder, "BTC", rule)
    assert (len(first.seconds), len(second.seconds)) == (ROWS - 100, ROWS)
    assert first.seconds[-1] == until - 60 < second.seconds[0]


def test_argmax_has_no_thresholds_to_speak_of() -> None:
    likeliest = replace(evaluated(), uses_thresholds=False)
    precision = likeliest.argmax.precision["LONG"]
    one = verdict_of([window(likeliest)]).text
    many = verdict_of([window(likeliest), window(likeliest)]).text
    for text in (one, many, verdict_of([], None, likeliest).text):
        assert "threshold" not in text
        assert "By the likeliest class" in text
    assert f"LONG is right in {100 * precision:.1f} %" in one


@pytest.mark.parametrize(("low", "found"), [(0.01, True), (-0.01, False)])
def test_the_verdict_of_a_walk_is_drawn_from_the_pooled_figures(low: float, found: bool) -> None:
    skill = (0.03, low, 0.05)
    pooled = with_skill(evaluated(), total=skill, direction=skill, calm=skill)
    verdict = verdict_of([window(evaluated())] * 2, None, pooled)
    assert verdict.found is found
    assert ("Better than the" in verdict.text) is found
    assert ("Do not trade this." in verdict.text) is not found


def test_the_chart_has_the_decisions_of_mode_coverage(folder: Path) -> None:
    for path in sorted(folder.glob("backtesting_predictions/*.feather")):
        frame = pd.read_feather(path)
        for side in ("SHORT", "LONG"):
            frame[f"{side}_rank"] = frame[side].rank(pct=True)
        frame.to_feather(path)
    walk = facts(folder, confidence_mode="coverage", confidence_coverage=0.1)
    rule = DecisionRule.from_settings(
        TrainingConfig.from_parameters({"confidence_mode": "coverage", "confidence_coverage": 0.1})
    )
    report = gather(folder, walk=replace(walk, decided=Decided(rule)))
    (figures,) = report.candles
    assert report.said_weeks is not None
    for side, counts in (("SHORT", figures.said_short), ("LONG", figures.said_long)):
        assert sum(counts) == sum(report.said_weeks.counts[side]) > 0
