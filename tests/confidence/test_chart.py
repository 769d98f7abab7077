"""What a chart shows of decided predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS, LONG, SHORT
from dualwindow.confidence.chart import PLOT_CONFIG, charted, plot_config, without_prediction
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.thresholds import COVERAGE_THRESHOLDS, NEVER, Thresholds

PLAIN = Thresholds(0.45, 0.4, 0.5)
RULES = {
    "thresholds": DecisionRule(PLAIN, {}, "none"),
    "calibrated": DecisionRule(PLAIN, {}, "temperature"),
    "with hold": DecisionRule(Thresholds(0.45, 0.4, 0.5, fallback="argmax"), {}, "none"),
    "likeliest": DecisionRule(Thresholds(0.45, 0.4, 0.5, enabled=False), {}, "none"),
    "coverage": DecisionRule(COVERAGE_THRESHOLDS, {SHORT: 0.1, LONG: 0.1}, "none"),
    "lead": DecisionRule(COVERAGE_THRESHOLDS, {SHORT: 0.1, LONG: 0.1}, "prior", "lead"),
    "mixed": DecisionRule(Thresholds(0.45, 0.3, NEVER), {LONG: 0.05}, "temperature"),
}
OF_FREQAI = ("date_pred", "high_price", "low_price", "close_price")


def decided(rule: DecisionRule, rows: int = 40) -> pd.DataFrame:
    """Predictions as FreqAI hands them to the strategy, every fifth candle without one."""
    random = np.random.default_rng(3)
    table = random.dirichlet([2, 2, 2], rows)
    frame = pd.DataFrame({"date": pd.date_range("2025-01-01", periods=rows, freq="min")})
    frame["close"] = 100.0
    frame["&-side"] = "HOLD"
    frame[list(CLASS_NAMES)] = table
    for name in ("SHORT_rank", "LONG_rank"):
        frame[name] = random.uniform(0.5, 1, rows)
    frame["calibration_sharpness"] = 0.8
    frame["SHORT_shift"], frame["LONG_shift"] = -0.3, -0.2
    frame["do_predict"] = 1
    frame.loc[::5, [*CLASS_NAMES, *CONFIDENCE_COLUMNS, "do_predict"]] = 0
    for name in (*CLASS_NAMES, *CONFIDENCE_COLUMNS):
        frame[f"{name}_mean"] = frame[f"{name}_std"] = 0.0
    frame[list(OF_FREQAI)] = 0.0
    frame["%%-of_a_user"] = 1.0
    frame["decision"] = rule.decide(frame) - 1
    return frame


def drawn(config: dict[str, Any]) -> set[str]:
    """Columns of a plot configuration."""
    return {name for lines in config["subplots"].values() for name in lines}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_all_that_is_drawn_is_there_and_nothing_else_is_added(rule: DecisionRule) -> None:
    frame = decided(rule)
    shown = charted(frame, rule)
    kept = {"date", "close", "%%-of_a_user"}
    assert set(shown.columns) == kept | drawn(plot_config(rule))
    assert len(shown) == len(frame)
    assert list(shown["date"]) == list(frame["date"])


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_gaps_are_gaps_and_the_rest_is_what_was_decided_on(rule: DecisionRule) -> None:
    frame = decided(rule)
    before = frame.copy()
    shown = charted(frame, rule)
    gaps = np.arange(len(frame)) % 5 == 0
    predicted = [
        "decision",
        *CLASS_NAMES,
        *(f"{CLASS_NAMES[code]}_quantile" for code in rule.shares),
    ]
    assert shown.loc[gaps, predicted].isna().all(axis=None)
    known = shown[~gaps]
    probabilities = rule.calibrated(frame).probabilities[~gaps]
    np.testing.assert_array_equal(known[list(CLASS_NAMES)], probabilities)
    np.testing.assert_allclose(known[list(CLASS_NAMES)].sum(axis=1), 1)
    np.testing.assert_array_equal(known["decision"], rule.decide(frame)[~gaps] - 1)
    assert list(shown["do_predict"]) == list(before["do_predict"])
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", ["thresholds", "calibrated", "with hold"])
def test_a_side_is_decided_where_its_line_crosses_its_threshold(name: str) -> None:
    shown = charted(decided(RULES[name], 400), RULES[name]).dropna()
    sides = shown["decision"]
    short = shown["SHORT"] >= shown["SHORT_threshold"]
    assert short.any()
    assert ((sides == -1) >= short).all()
    assert ((sides == 1) >= (shown["LONG"] >= shown["LONG_threshold"]) & ~short).all()


def test_a_side_with_a_share_fires_at_the_level_that_is_drawn() -> None:
    rule = RULES["coverage"]
    shown = charted(decided(rule, 400), rule).dropna()
    assert set(shown["LONG_quantile_needed"]) == {least_level(0.1)}
    fires = shown["SHORT_quantile"] >= shown["SHORT_quantile_needed"]
    assert fires.any()
    assert list(shown["decision"] == -1) == list(fires)


def test_a_threshold_out_of_reach_is_not_drawn() -> None:
    rule = DecisionRule(Thresholds(NEVER, 0.3, 0.6), {}, "none")
    assert "SHORT_threshold" not in drawn(plot_config(rule))
    assert "SHORT_threshold" not in charted(decided(rule), rule)


def test_before_the_first_model_all_is_a_gap() -> None:
    # FreqAI's frame: label 0, unseen classes missing.
    frame = pd.DataFrame({"&-side": [0, 0], "HOLD": [0, 0], "do_predict": [0, 0]})
    assert without_prediction(frame).all()
    assert without_prediction(frame[["do_predict"]]).all()
    shown = charted(frame, RULES["thresholds"])
    assert shown[list(CLASS_NAMES)].isna().all(axis=None)
    assert "decision" not in shown
    assert charted(frame[:0], RULES["coverage"]).empty


def test_a_model_without_quantiles_has_a_gap_there_alone() -> None:
    rule = RULES["coverage"]
    frame = decided(rule).drop(columns=["LONG_rank"])
    shown = charted(frame, rule)
    assert shown["LONG_quantile"].isna().all()
    assert shown["LONG"].notna().sum() == shown["SHORT_quantile"].notna().sum() == 32


def test_the_shared_plot_is_not_changed_by_a_rule() -> None:
    before = drawn(PLOT_CONFIG)
    plot_config(RULES["coverage"])["subplots"]["decision"]["other"] = {}
    assert drawn(plot_config(RULES["likeliest"])) == drawn(PLOT_CONFIG) == before
