"""One function calibrates: rows of many models agree with their own calibrations."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence import Thresholds, decide
from dualwindow.confidence.calibration import Calibrated, Calibration, normalised
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.confidence.prediction_frame import calibrated_of
from dualwindow.confidence.thresholds import MODE_THRESHOLDS, CalibrationKind
from dualwindow.evaluation import Comparison, DecisionFigures, Reference, evaluate
from dualwindow.evaluation.figures import Evaluation
from tests.evaluation.test_figures import BASELINES, EVEN
from tests.makers.evaluation_cases import random_case

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "user-guide.md"
BALANCED = MODE_THRESHOLDS["balanced"]
LOW = Thresholds(short=0.12, hold=0.5, long=0.15)
KINDS: tuple[CalibrationKind, ...] = ("prior", "temperature")


def calibrations(seed: int, count: int) -> list[Calibration]:
    random = np.random.default_rng(seed)
    return [
        Calibration(
            tuple(random.dirichlet([2, 9, 2]) + 1e-3),
            tuple(random.dirichlet([5, 5, 5]) + 1e-3),
            float(random.uniform(0.2, 5)),
        )
        for _ in range(count)
    ]


def predictions_of(models: list[Calibration], seed: int, rows: int = 20) -> pd.DataFrame:
    """Predictions of several models, of some candles each, as FreqAI's frame joins it."""
    random = np.random.default_rng(seed)
    frames = []
    for model in models:
        own = random.dirichlet([1, 1, 1], rows).astype(np.float32).astype(np.float64)
        frame = pd.DataFrame(own, columns=list(CLASS_NAMES)).assign(do_predict=1)
        frame["calibration_sharpness"] = model.sharpness
        frame["SHORT_shift"], frame["LONG_shift"] = model.shifts
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


@given(seed=st.integers(0, 2**31), count=st.integers(1, 4))
def test_columns_give_what_each_model_s_own_calibration_gives(seed: int, count: int) -> None:
    models = calibrations(seed, count)
    frame = predictions_of(models, seed)
    for number, model in enumerate(models):
        part = slice(20 * number, 20 * (number + 1))
        own = frame[list(CLASS_NAMES)].to_numpy()[part]
        # Bayes' rule once more, the slow way.
        for power, kind in ((1.0, "prior"), (1 / model.temperature, "temperature")):
            expected = (own / own.sum(axis=1, keepdims=True)) ** power
            expected = expected * np.array(model.class_prior) / np.array(model.trained)
            expected /= expected.sum(axis=1, keepdims=True)
            found = calibrated_of(frame, kind).probabilities[part]
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(
            calibrated_of(frame, "prior").probabilities[part],
            model.prior_corrected(own),
            atol=1e-12,
        )
        np.testing.assert_allclose(
            calibrated_of(frame, "temperature").probabilities[part],
            model.temperature_scaled(own),
            atol=1e-12,
        )
    assert (
        calibrated_of(frame, "none").probabilities is calibrated_of(frame, "none").own
        or (calibrated_of(frame, "none").probabilities == frame[list(CLASS_NAMES)].to_numpy()).all()
    )


@given(seed=st.integers(0, 2**31), kind=st.sampled_from(KINDS))
def test_a_rule_decides_a_frame_as_its_models_do(seed: int, kind: CalibrationKind) -> None:
    models = calibrations(seed, 3)
    frame = predictions_of(models, seed)
    own = frame[list(CLASS_NAMES)].to_numpy().astype(np.float32)
    expected = [
        Calibrated.from_probabilities(
            own[n * 20 : (n + 1) * 20], kind, model.sharpness, model.shifts
        ).decide(LOW)
        for n, model in enumerate(models)
    ]
    found = DecisionRule(LOW, {}, kind).decide(frame)
    np.testing.assert_array_equal(found, np.concatenate(expected))
    likeliest = Thresholds(short=0, hold=0, long=0, enabled=False)
    np.testing.assert_array_equal(
        DecisionRule(likeliest, {}, kind).decide(frame),
        calibrated_of(frame, kind).probabilities.argmax(axis=1),
    )


@given(seed=st.integers(0, 2**31))
def test_the_prior_keeps_the_order_of_a_side_against_hold(seed: int) -> None:
    """A side's odds against HOLD are multiplied by one number."""
    (model,) = calibrations(seed, 1)
    frame = predictions_of([model], seed)
    own, corrected = calibrated_of(frame, "prior").own, calibrated_of(frame, "prior").probabilities
    for code, shift in ((SHORT, model.shifts[0]), (LONG, model.shifts[1])):
        ratio = (corrected[:, code] / corrected[:, HOLD]) / (own[:, code] / own[:, HOLD])
        np.testing.assert_allclose(ratio, np.exp(shift), rtol=1e-6)


def test_what_no_calibration_is_known_of_is_held_unless_none_is_asked_for() -> None:
    frame = predictions_of(calibrations(1, 1), 1).assign(SHORT=0.9, HOLD=0.05, LONG=0.05)
    old = frame.drop(columns=["calibration_sharpness", "SHORT_shift", "LONG_shift"])
    unset = frame.assign(calibration_sharpness=0.0, SHORT_shift=0.0, LONG_shift=0.0)
    rule = DecisionRule(LOW, {}, "prior")
    for lacking in (old, unset):
        assert (rule.decide(lacking) == HOLD).all()
        assert rule.uncalibrated(lacking).all()
        assert not DecisionRule(LOW, {}, "none").uncalibrated(lacking).any()
        assert (DecisionRule(LOW, {}, "none").decide(lacking) == SHORT).all()
    assert not rule.uncalibrated(frame).any()
    assert not rule.uncalibrated(old.assign(do_predict=0)).any()


def test_rows_without_a_window_stay_unknown() -> None:
    own = np.array([[np.nan] * 3, [0.0] * 3, [0.8, 0.1, 0.1]], np.float32)
    calibrated = Calibrated.from_probabilities(own, "temperature", 1.5, np.array([-2.0, -2.0]))
    assert np.isnan(calibrated.probabilities[:2]).all()
    assert calibrated.probabilities[2].sum() == pytest.approx(1)
    assert calibrated.decide(Thresholds(short=0, hold=0, long=0)).tolist() == [HOLD, HOLD, SHORT]


def test_a_share_of_the_candles_is_of_the_network_s_own_probabilities() -> None:
    frame = predictions_of(calibrations(2, 2), 2).assign(SHORT_rank=0.95, LONG_rank=0.2)
    for kind in ("none", *KINDS):
        rule = DecisionRule(LOW, {SHORT: 0.1, LONG: 0.1}, kind)
        assert (rule.decide(frame) == SHORT).all()
        np.testing.assert_array_equal(
            rule.probabilities(frame)[:, [SHORT, LONG]], frame[["SHORT", "LONG"]]
        )
    mixed = DecisionRule(LOW, {LONG: 0.1}, "prior").probabilities(frame)
    np.testing.assert_array_equal(mixed[:, LONG], frame["LONG"])
    np.testing.assert_array_equal(
        mixed[:, SHORT], calibrated_of(frame, "prior").probabilities[:, SHORT]
    )


def evaluated(kind: CalibrationKind, by_share: tuple[int, ...] = ()) -> tuple[Any, ...]:
    case = random_case(5, 3000)
    model = Calibration(BASELINES.prior, EVEN, 1.7)
    comparison = Comparison(Reference(BASELINES, model), case.seconds, case.volatility, 7200)
    calibrated = Calibrated.from_probabilities(
        case.probabilities, kind, model.sharpness, model.shifts, by_share
    )
    found = evaluate(case.labels, case.probabilities, BALANCED, comparison, calibrated)
    return case, calibrated, found


@pytest.mark.parametrize("kind", KINDS)
def test_thresholds_are_evaluated_on_the_calibrated_and_the_forecasts_stay(
    kind: CalibrationKind,
) -> None:
    case, calibrated, found = evaluated(kind)
    _, _, raw = evaluated("none")
    assert found.calibration == kind
    # All three forecasts stay beside each other, whichever is in use.
    assert found.forecast == raw.forecast
    assert found.thresholded == DecisionFigures.from_decisions(
        case.labels, decide(calibrated.probabilities, BALANCED)
    )
    assert found.argmax == DecisionFigures.from_decisions(
        case.labels, calibrated.probabilities.argmax(axis=1)
    )
    for name, mode in found.modes.items():
        decisions = decide(calibrated.probabilities, MODE_THRESHOLDS[name])
        assert mode.decisions == DecisionFigures.from_decisions(case.labels, decisions)
    for code, name in enumerate(CLASS_NAMES):
        values = calibrated.probabilities[:, code]
        reached, near = values >= found.thresholds[name], abs(values - found.thresholds[name])
        assert found.fired[name] == reached.sum()
        assert found.highest[name] == values.max()
        # The observed share at the threshold is still counted, not claimed.
        close = near <= 0.05
        observed = (case.labels[close] == code).mean() if close.any() else None
        assert found.meaning[name].near == (None if observed is None else pytest.approx(observed))
    assert found.curves["LONG"].threshold[0] == pytest.approx(
        calibrated.probabilities[:, LONG].max()
    )
    assert any(f"thresholds fire (calibration {kind}): " in line for line in found.lines())
    assert not any("(calibration" in line for line in raw.lines())


def test_sides_by_share_are_evaluated_on_the_network_s_own() -> None:
    case, calibrated, found = evaluated("prior", (SHORT,))
    own, shares = case.probabilities, calibrated.probabilities
    assert found.fired["SHORT"] == (own[:, SHORT] >= BALANCED.short).sum()
    assert found.fired["LONG"] == (shares[:, LONG] >= BALANCED.long).sum()
    assert found.argmax.predicted["HOLD"] == (shares.argmax(axis=1) == HOLD).sum()


def test_figures_of_an_earlier_version_are_of_no_calibration() -> None:
    _, _, found = evaluated("prior")
    values = {name: getattr(found, name) for name in vars(found) if name != "calibration"}
    assert Evaluation(**values).calibration == "none"


def test_the_guide_s_example_is_what_the_formula_gives() -> None:
    model = Calibration((0.06, 0.88, 0.06), EVEN)
    shared, to_hold = model.prior_corrected(np.array([[0.15, 0.15, 0.70], [0.0, 0.30, 0.70]]))
    text = GUIDE.read_text(encoding="utf-8")
    section = " ".join(text.partition("### Calibration")[2].partition("\n## ")[0].split())
    assert f"(0.70 * 6 + 0.15 * 6 + 0.15 * 88)` = {shared[LONG]:.0%}".replace("%", " %") in section
    assert f"it means {to_hold[LONG]:.0%}".replace("%", " %") in section
    # Calibrated odds of 0.70 / 0.30, taken back to balanced classes.
    odds = 0.70 / 0.30 * 0.88 / 0.06
    back = odds / (1 + odds)
    assert f"a calibrated 0.70 corresponds to {back:.2f} with balanced classes" in section
    (market,) = model.prior_corrected(np.array([[0.0, 1 - back, back]]))
    assert market[LONG] == pytest.approx(0.70)


def test_a_row_without_any_probability_is_unknown_without_a_warning() -> None:
    own = np.array([[0.0, 0.0, 0.0], [0.2, 0.5, 0.3]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Calibrated.from_probabilities(own, "prior", 1.0, np.zeros(2))
    assert np.isnan(found.probabilities[0]).all()
    np.testing.assert_allclose(found.probabilities[1], own[1])
    assert found.known.tolist() == [False, True]


def test_some_of_the_candles_are_those_candles_in_both_tables() -> None:
    own = np.array([[0.2, 0.5, 0.3], [np.nan] * 3, [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
    whole = Calibrated.from_probabilities(own, "prior", 1.0, np.array([0.5, -0.5]))
    assert whole.known.tolist() == [True, False, True, True]
    part = whole.at(np.array([3, 0]))
    np.testing.assert_array_equal(part.own, own[[3, 0]])
    np.testing.assert_array_equal(part.probabilities, whole.probabilities[[3, 0]])
    # A candle is known where both tables are.
    no_calibration = Calibrated.from_probabilities(
        own, "prior", np.array([1, 1, 0, 1]), np.zeros(2)
    )
    assert no_calibration.known.tolist() == [True, False, False, True]


def test_rows_are_normalised_whatever_they_sum_to() -> None:
    found = normalised(np.array([[2.0, 1.0, 1.0], [0.1, 0.1, 0.2]], np.float32))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]], rtol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-15)
