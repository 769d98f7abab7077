"""How strong a drift is planted, and that what looked for it stands beside its yardsticks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from studies import power
from studies.edge import interval_text
from studies.logistic import SPANS, WITHIN_WINDOW, trailing_table
from studies.markets import Days, StudyMarket
from studies.part import Progress


def test_a_small_power_study_has_every_variant_beside_every_yardstick(tmp_path: Path) -> None:
    said: list[str] = []
    figures = power.run(power.SMALL, Progress("power", tmp_path, said.append))
    page = "\n".join(power.lines(figures))
    planted, weaker = figures["markets"]
    assert list(planted["networks"]) == list(power.SMALL.variants)
    assert list(weaker["networks"]) == [power.OURS]
    (further,) = figures["more"]
    assert (further["seed"], further["strength"]) == (2, planted["strength"])
    assert list(further["networks"]) == list(power.SMALL.variants)
    for market in (planted, weaker, further):
        ours = [found["edge_pct"] for found in market["networks"].values()]
        for edge in (market["oracle"]["edge_pct"], market["within_window"]["edge_pct"], *ours):
            assert interval_text(edge) in page
    edges = [each["networks"][power.OURS]["edge_pct"]["value"] for each in (planted, further)]
    assert "Means over 2 markets, those and 1 more:" in page
    assert f"| {power.OURS} | {np.mean(edges):+.3f} |" in page
    # Who knows the regime earns what was asked for, give or take the luck of four days.
    assert planted["strength"] > weaker["strength"] > 0
    assert planted["oracle"] != weaker["oracle"]
    market = StudyMarket.from_seed(1, planted["strength"], power.SMALL.days)
    assert planted["within_window"] == power.logistic(market, WITHIN_WINDOW)
    assert planted["logistic"] == power.logistic(market) != planted["within_window"]
    assert planted["oracle"]["edge_pct"]["value"] > planted["logistic"]["edge_pct"]["value"]
    # A second run makes nothing anew, and ends with the same figures.
    made = len(said)
    again = power.run(power.SMALL, Progress("power", tmp_path, said.append))
    assert json.dumps(again) == json.dumps(figures)
    assert all(line.endswith(": kept") for line in said[made:])


@pytest.mark.parametrize(
    ("ours", "words"), [(0.1, "yes"), (0.09, "within noise"), (0.02, "**no**")]
)
def test_an_edge_reaches_another_or_is_within_noise_or_not(ours: float, words: str) -> None:
    def edge(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.02, "high": value + 0.02}

    assert power.reached([edge(ours)] * 2, [edge(0.1)] * 2).startswith(words)


def test_the_strength_earns_who_knows_the_regime_what_was_asked_for() -> None:
    scale = power.Scale(days=Days(2, 20), calibration_seeds=(101, 102))
    strength = power.calibrated(0.1, scale)["strength"]
    earned = [
        power.oracle(StudyMarket.from_seed(seed, strength, scale.days))["profit_pct"]
        for seed in scale.calibration_seeds
    ]
    # Every trade is a whole barrier, so that the profit moves in steps.
    assert np.mean(earned) == pytest.approx(0.1, abs=0.01)


def test_the_second_regression_sees_no_further_back_than_the_window() -> None:
    candles = StudyMarket.from_seed(1, 0.0, Days(1, 1)).candles
    changed = candles.copy()
    row = 1000
    changed.loc[: row - 181, "close"] *= 1.01
    near, far = (
        [trailing_table(each, spans)[row] for each in (candles, changed)]
        for spans in (WITHIN_WINDOW, SPANS)
    )
    np.testing.assert_allclose(*near, rtol=1e-6)
    assert not np.allclose(*far, rtol=1e-6)
