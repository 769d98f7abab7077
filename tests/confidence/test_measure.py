"""The lead of a side: ranked, compared and decided on alike wherever a share of candles is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.bot.why.predictions import SavedDecisions
from dualwindow.columns import CLASS_NAMES, HOLD, LONG, QUANTILE_COLUMNS, SHORT
from dualwindow.confidence.calibration import Calibrated
from dualwindow.confidence.coverage import ValidationQuantiles, least_level
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.measure import ConfidenceMeasure, measured
from dualwindow.confidence.thresholds import COVERAGE_THRESHOLDS, CalibrationKind, Thresholds
from dualwindow.evaluation import evaluate
from dualwindow.models.identifier.changed_rule import changed_rule
from dualwindow.models.identifier.rules import rule_from_dict, rule_to_dict
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.costs import idle_threshold
from tests.confidence.test_calibrated import calibrations, predictions_of
from tests.confidence.test_coverage import ALL, SHARES, SIDES, most_that_may, tables
from tests.makers.evaluation_cases import random_case

MEASURES = st.sampled_from(["probability", "lead"])
MIRROR = [LONG, HOLD, SHORT]


def leads_of(table: np.ndarray) -> np.ndarray:
    """(N, 3), the slow way; exact, because a difference of single ones fits into a double."""
    return np.array([[row[0] - row[2], row[1], row[2] - row[0]] for row in table.astype(float)])


@given(table=tables(), others=tables(), share=SHARES, side=SIDES)
def test_a_side_fires_where_its_lead_reaches_the_limit_and_within_the_share(
    table: np.ndarray, others: np.ndarray, share: float, side: int
) -> None:
    quantiles = ValidationQuantiles.from_probabilities(table, ALL, "lead")
    assert quantiles.are_sound
    limit = quantiles.threshold(side, share)
    own = leads_of(table)[:, side].astype(np.float32)
    assert int((own >= limit).sum()) == most_that_may(own, share)
    for rows in (table, others):
        by_level = quantiles.levels(rows)[:, side] >= least_level(share)
        reached = leads_of(rows)[:, side].astype(np.float32).astype(float) >= limit
        np.testing.assert_array_equal(by_level, reached)


@given(table=tables(), share=SHARES)
def test_mirrored_candles_swap_the_sides(table: np.ndarray, share: float) -> None:
    quantiles = ValidationQuantiles.from_probabilities(table, ALL, "lead")
    mirrored = ValidationQuantiles.from_probabilities(table[:, MIRROR], ALL, "lead")
    np.testing.assert_array_equal(mirrored.limits, quantiles.limits[::-1])
    levels = quantiles.levels(table)
    np.testing.assert_array_equal(mirrored.levels(table[:, MIRROR]), levels[:, MIRROR])
    np.testing.assert_array_equal(
        measured(table[:, MIRROR], "lead"), measured(table, "lead")[:, MIRROR]
    )


@given(table=tables(), swing=st.floats(0.05, 0.9))
def test_a_volatile_hour_that_favours_no_side_has_no_lead(table: np.ndarray, swing: float) -> None:
    even = np.array([[swing / 2, 1 - swing, swing / 2]], np.float32)
    assert (measured(even, "lead")[0, [SHORT, LONG]] == 0).all()
    np.testing.assert_array_equal(measured(table, "probability"), table)


@given(
    seed=st.integers(0, 2**31),
    share=st.floats(0.01, 0.5),
    measure=MEASURES,
    kind=st.sampled_from(["none", "prior", "temperature"]),
    sides=st.sampled_from([(SHORT, LONG), (SHORT,), (LONG,)]),
)
def test_a_model_and_the_frame_of_its_predictions_decide_alike(
    seed: int,
    share: float,
    measure: ConfidenceMeasure,
    kind: CalibrationKind,
    sides: tuple[int, ...],
) -> None:
    (model,) = calibrations(seed, 1)
    frame = predictions_of([model], seed, rows=60)
    own = frame[list(CLASS_NAMES)].to_numpy().astype(np.float32)
    quantiles = ValidationQuantiles.from_probabilities(own[:40], ALL, measure)
    for code, name in QUANTILE_COLUMNS.items():
        frame[name] = quantiles.levels(own)[:, code]
    limits = [0.4, 0.3, 0.4]
    for code in sides:
        limits[code] = quantiles.threshold(code, share)
    thresholds = Thresholds(*limits)
    rule = DecisionRule(thresholds, dict.fromkeys(sides, share), kind, measure)
    found = rule.decide(frame)
    of_model = Calibrated.from_probabilities(
        own, kind, model.sharpness, model.shifts, sides, measure=measure
    )
    np.testing.assert_array_equal(of_model.decide(thresholds), found)
    # A walk reads the probabilities in double precision.
    np.testing.assert_array_equal(rule.calibrated(frame).decide(thresholds), found)
    assert of_model.leads == (sides if measure == "lead" else ())
    # Tags and logs have probabilities, whatever is compared.
    assert (rule.probabilities(frame) >= 0).all()


def test_a_candle_without_a_window_has_no_level_though_its_lead_would_be_0() -> None:
    table = np.random.default_rng(0).dirichlet([9, 1, 1], 500).astype(np.float32)
    quantiles = ValidationQuantiles.from_probabilities(table, ALL, "lead")
    # SHORT leads throughout, so that LONG's limits are below 0.
    limit = quantiles.threshold(LONG, 0.5)
    assert limit < 0
    rows = np.array([[np.nan] * 3, [0.3, 0.4, 0.3]], np.float32)
    assert quantiles.levels(rows)[0, LONG] == 0.0
    assert quantiles.levels(rows)[1, LONG] > 0.9
    decided = Calibrated.plain(rows, (LONG,), "lead").decide(Thresholds(2.0, 0.3, limit))
    assert decided.tolist() == [HOLD, LONG]


@pytest.mark.parametrize("measure", ["probability", "lead"])
def test_a_rule_names_its_measure_and_survives_its_record(measure: ConfidenceMeasure) -> None:
    rule = DecisionRule(COVERAGE_THRESHOLDS, {SHORT: 0.02, LONG: 0.01}, "none", measure)
    assert rule_from_dict(rule_to_dict(rule)) == rule
    assert ("by lead" in rule.summary()) == (measure == "lead")
    row = pd.DataFrame({"SHORT": [0.3], "HOLD": [0.5], "LONG": [0.2], "SHORT_rank": [0.97]})
    assert ("quantile of its lead 0.9700" in rule.text(row)) == (measure == "lead")
    assert rule.text(row).startswith("SHORT 0.300 HOLD 0.500 LONG 0.200 ")


def test_why_tells_how_far_a_lead_was_from_its_share() -> None:
    frame = predictions_of(calibrations(3, 1), 3, rows=2)
    dates = pd.date_range("2026-01-01", periods=2, freq="min", tz="UTC")
    frame = frame.assign(date=dates, SHORT_rank=[0.5, 0.6], LONG_rank=[0.97, 0.985])
    rule = DecisionRule(COVERAGE_THRESHOLDS, {SHORT: 0.02, LONG: 0.02}, "none", "lead")
    saved = SavedDecisions(frame, rule)
    assert [str(limit) for limit in saved.at(0).limits] == [
        "SHORT quantile of its lead 0.500 of 0.980",
        "LONG quantile of its lead 0.970 of 0.980",
    ]
    assert [saved.at(row).decision for row in (0, 1)] == [HOLD, LONG]


@pytest.mark.parametrize("given", [set(), {"confidence_coverage"}, {"confidence_mode"}])
def test_settings_that_change_a_traded_rule_leave_it_the_measure_of_its_models(
    given: set[str],
) -> None:
    rule = DecisionRule(COVERAGE_THRESHOLDS, {SHORT: 0.02, LONG: 0.01}, "none", "lead")
    asked = TrainingConfig(confidence_mode="coverage", confidence_coverage=0.05)
    found = changed_rule(rule, asked, given)
    assert found.measure == "lead"
    assert found.shares == (dict.fromkeys((SHORT, LONG), 0.05) if given else rule.shares)


def test_rules_of_earlier_versions_are_of_probabilities_and_unknown_measures_refused() -> None:
    rule = DecisionRule(COVERAGE_THRESHOLDS, {SHORT: 0.02}, "none")
    content = rule_to_dict(rule)
    with pytest.raises(ValueError, match="no measure 'odds'"):
        rule_from_dict({**content, "measure": "odds"})
    del content["measure"]
    assert rule_from_dict(content) == rule


def test_figures_of_leads_are_never_shown_as_probabilities() -> None:
    case = random_case(5, 3000)
    limits = Thresholds(short=0.25, hold=0.3, long=-0.02)
    compared = Calibrated.plain(case.probabilities, (SHORT, LONG), "lead")
    found = evaluate(case.labels, case.probabilities, limits, predicted=compared)
    leads = leads_of(case.probabilities)
    assert found.leads == ("SHORT", "LONG")
    for code, name in ((SHORT, "SHORT"), (LONG, "LONG")):
        own = leads[:, code].astype(np.float32)
        assert found.fired[name] == (own >= limits.by_class()[code]).sum()
        assert found.highest[name] == pytest.approx(own.max())
        assert found.curves[name].threshold[0] == pytest.approx(own.max())
    short = "SHORT at least 0.250 more probable than LONG"
    long = "LONG at most 0.020 less probable than SHORT"
    assert found.rule_text().startswith(f"thresholds {short}, {long}, else HOLD")
    (line,) = (line for line in found.lines() if line.startswith("thresholds fire"))
    assert f"{short} on " in line
    assert f"{long} on " in line
    assert ">=" not in line
    # The modes keep their probabilities.
    plain = evaluate(case.labels, case.probabilities, limits)
    assert found.modes == plain.modes
    assert plain.leads == ()
    one = evaluate(
        case.labels,
        case.probabilities,
        limits,
        predicted=Calibrated.plain(case.probabilities, (SHORT,), "lead"),
    )
    assert one.fired["SHORT"] == found.fired["SHORT"]
    assert one.fired["LONG"] == plain.fired["LONG"]
    assert f"{short}, LONG -0.02" in one.rule_text()


@pytest.mark.parametrize(
    ("settings", "idle"),
    [
        ({"confidence_mode": "coverage"}, False),
        ({"confidence_mode": "coverage", "confidence_threshold_long": 0.4}, False),
        ({}, True),
        ({"confidence_mode": "coverage", "use_confidence_thresholding": False}, True),
        (
            {
                "confidence_mode": "coverage",
                "confidence_threshold_long": 0.4,
                "confidence_threshold_short": 0.4,
            },
            True,
        ),
    ],
)
def test_a_measure_without_a_side_by_share_is_idle(settings: dict[str, object], idle: bool) -> None:
    config = TrainingConfig.from_parameters({**settings, "confidence_measure": "lead"})
    told = [text for text in idle_threshold(config) if "confidence_measure 'lead'" in text]
    assert bool(told) is idle
    assert all("set that mode, or remove it" in text for text in told)
    assert not [
        text
        for text in idle_threshold(config.replace(confidence_measure="probability"))
        if "confidence_measure" in text
    ]
