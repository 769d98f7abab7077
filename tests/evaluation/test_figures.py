from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.cli.display.evaluation_output import decision_table
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.confidence import Thresholds, decide
from dualwindow.confidence.calibration import Calibration
from dualwindow.confidence.thresholds import MODE_THRESHOLDS
from dualwindow.evaluation import Comparison, DecisionFigures, Evaluation, Reference, evaluate
from dualwindow.evaluation.baselines import Baselines
from tests.makers.evaluation_cases import Case, cases, random_case

S, H, L = SHORT, HOLD, LONG
CONSERVATIVE = MODE_THRESHOLDS["conservative"]


EVEN = (1 / 3, 1 / 3, 1 / 3)
TRAIN = random_case(77, 30_000)
BASELINES = Baselines.fit(TRAIN.labels, TRAIN.volatility, mixed_in=120)


def codes(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int8)


LABELS = codes(S, H, L, L)
PROBABILITIES = np.array(
    [[0.80, 0.10, 0.10], [0.40, 0.35, 0.25], [0.10, 0.20, 0.70], [0.15, 0.25, 0.60]]
)


def evaluation() -> Evaluation:
    return evaluate(LABELS, PROBABILITIES, CONSERVATIVE)


def compared(case: Case, temperature: float | None = None) -> Evaluation:
    """The case compared with baselines of other rows."""
    reference = Reference(BASELINES, Calibration(BASELINES.prior, EVEN, temperature))
    comparison = Comparison(reference, case.seconds, case.volatility, 7200)
    return evaluate(case.labels, case.probabilities, CONSERVATIVE, comparison)


def test_an_evaluation_of_a_case_made_by_hand() -> None:
    found = evaluation()
    assert found.rows == 4
    assert found.real == {"SHORT": 1, "HOLD": 1, "LONG": 2}
    assert found.thresholds == {"SHORT": 0.70, "HOLD": 0.30, "LONG": 0.70}
    assert found.fired == {"SHORT": 1, "HOLD": 1, "LONG": 1}
    assert found.highest == pytest.approx({"SHORT": 0.80, "HOLD": 0.35, "LONG": 0.70})
    assert found.argmax.predicted == {"SHORT": 2, "HOLD": 0, "LONG": 2}
    assert found.argmax.accuracy == 0.75
    assert found.thresholded.predicted == {"SHORT": 1, "HOLD": 2, "LONG": 1}
    assert found.thresholded.accuracy == 0.75
    assert found.thresholded.coverage == 0.5


@given(
    seed=st.integers(0, 2**31),
    rows=st.integers(1, 30),
    mode=st.sampled_from(list(MODE_THRESHOLDS)),
)
def test_thresholds_are_evaluated_with_what_would_be_decided(
    seed: int, rows: int, mode: str
) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, rows).astype(np.int8)
    probabilities = random.dirichlet([1, 1, 1], rows).astype(np.float32)
    thresholds = MODE_THRESHOLDS[mode]
    found = evaluate(labels, probabilities, thresholds)
    decisions = decide(probabilities, thresholds)
    assert found.thresholded == DecisionFigures.from_decisions(labels, decisions)
    # A side cannot be predicted more often than its threshold was reached.
    for name, code in (("SHORT", SHORT), ("LONG", LONG)):
        assert np.count_nonzero(decisions == code) == found.thresholded.predicted[name]
        assert found.thresholded.predicted[name] <= found.fired[name]
        assert (found.fired[name] > 0) == (found.highest[name] >= found.thresholds[name])


@pytest.mark.parametrize(
    ("short", "long", "silent"),
    [(0.7, 0.7, []), (0.9, 0.7, ["SHORT"]), (0.7, 0.9, ["LONG"]), (0.9, 0.9, ["SHORT", "LONG"])],
)
def test_silent_sides_are_those_that_the_thresholds_never_let_through(
    short: float, long: float, silent: list[str]
) -> None:
    thresholds = Thresholds(short=short, hold=0.3, long=long)
    assert evaluate(LABELS, PROBABILITIES, thresholds).silent_sides() == silent


@pytest.mark.parametrize(
    ("fallback", "enabled", "said"),
    [
        (
            "hold",
            True,
            "thresholds SHORT 0.60, LONG 0.555, "
            "else HOLD, whatever its threshold (confidence_fallback hold)",
        ),
        (
            "argmax",
            True,
            "thresholds SHORT 0.60, HOLD 0.30, LONG 0.555, "
            "else the likeliest class (confidence_fallback argmax)",
        ),
        ("hold", False, "the likeliest class (use_confidence_thresholding false)"),
        ("argmax", False, "the likeliest class (use_confidence_thresholding false)"),
    ],
)
def test_a_threshold_that_decides_nothing_is_shown_nowhere(
    fallback: Any, enabled: bool, said: str
) -> None:
    thresholds = Thresholds(0.6, 0.3, 0.555, fallback=fallback, enabled=enabled)
    found = evaluate(LABELS, PROBABILITIES, thresholds)
    assert found.rule_text() == said
    assert decision_table(found, "tail").title == f"tail: {len(LABELS)} candles; {said}"
    (line,) = [line for line in found.lines() if line.startswith("thresholds fire")]
    # With the fallback to the likeliest class HOLD's threshold is asked before it.
    assert ("HOLD >= 0.30" in line) == (fallback == "argmax" and enabled)
    assert "SHORT >= 0.60" in line
    assert "LONG >= 0.555" in line
    assert (said.rpartition(", else ")[2] in line) == enabled


def finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(finite(item) for item in value.values())
    if isinstance(value, list):
        return all(finite(item) for item in value)
    return value is None or (
        type(value) in (int, float, str, bool)
        and (not isinstance(value, float) or math.isfinite(value))
    )


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        (LABELS, PROBABILITIES),
        (LABELS, PROBABILITIES.astype(np.float32)),
        (codes(H), np.array([[0.0, 1.0, 0.0]])),
        (codes(S, S), np.array([[0.0, 0.0, 1.0]] * 2)),
        (LABELS.astype(np.int64), PROBABILITIES),
    ],
    ids=["hand made", "single precision", "one row", "all wrong", "int64"],
)
def test_the_figures_are_plain_json_without_nan(
    labels: np.ndarray[Any, Any], probabilities: np.ndarray[Any, Any]
) -> None:
    found = evaluate(labels, probabilities, CONSERVATIVE)
    content = found.to_dict()
    assert finite(content)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    for field in ("argmax", "thresholded"):
        assert set(content[field]) == set(vars(found.argmax))
    assert set(content) == set(vars(found))


@given(case=cases())
def test_so_are_those_of_a_comparison(case: Case) -> None:
    content = compared(case).to_dict()
    assert finite(content)
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_a_model_is_told_from_its_baselines() -> None:
    """Probabilities that know the side of a third of the rows are better; without them not."""
    case = random_case(1, 3000)
    random = np.random.default_rng(2)
    knows = random.random(len(case.labels)) < 1 / 3
    told = np.where(knows[:, None], np.eye(3)[case.labels] * 0.6, 0) + 0.2
    known = replace(case, probabilities=(told / told.sum(axis=1, keepdims=True)).astype("float32"))
    text = "\n".join(compared(known).lines())
    assert re.search(r"better than the [a-z ]+ by \+\d+\.\d+% \[\+\d", text), text
    assert "blocks of 2 h" in text
    assert "temperature 0." in text
    unknown = "\n".join(compared(case).lines())
    assert "not distinguishable from the " in unknown, unknown
    opposite = replace(case, probabilities=known.probabilities[:, [2, 0, 1]])
    raw = compared(opposite).forecast.skill["raw"]["prior"]
    assert raw.total.sign == -1
    few = compared(replace(case, seconds=case.seconds // 10**6)).lines()
    assert "too few candles to tell it from the " in few[-1]


def test_a_temperature_that_is_given_is_kept_and_used() -> None:
    case = random_case(3, 500)
    own = compared(case)
    given = compared(case, temperature=2.5)
    assert own.forecast.temperature != given.forecast.temperature == 2.5
    assert own.forecast.losses["tempered"] != given.forecast.losses["tempered"]
    for name in ("raw", "prior-corrected", "volatility", "prior"):
        assert own.forecast.losses[name] == given.forecast.losses[name]


@given(case=cases(), seed=st.integers(0, 2**31))
def test_evaluated_labels_move_no_baseline(case: Case, seed: int) -> None:
    others = np.random.default_rng(seed).permutation(case.labels)
    one, other = compared(case), compared(replace(case, labels=others))
    for name, figures in one.forecast.baselines.items():
        assert figures.predicted == other.forecast.baselines[name].predicted


def test_every_mode_stands_beside_argmax_with_the_configured_fallback() -> None:
    thresholds = Thresholds(0.9, 0.9, 0.9, fallback="argmax")
    found = evaluate(LABELS, PROBABILITIES, thresholds)
    assert found.thresholded == found.argmax
    assert set(found.modes) == set(MODE_THRESHOLDS)
    for name, mode in MODE_THRESHOLDS.items():
        decisions = decide(PROBABILITIES, replace(mode, fallback="argmax"))
        assert found.modes[name].decisions == DecisionFigures.from_decisions(LABELS, decisions)


def test_reading_the_plain_form_changes_no_evaluation() -> None:
    found = evaluation()
    found.to_dict().clear()
    assert found == evaluation()


def test_the_lines_show_how_often_each_threshold_fires_and_is_right() -> None:
    text = "\n".join(evaluation().lines())
    assert "validation on 4 candles" in text
    for name in ("SHORT", "LONG"):
        assert f"{name} >= " in text
    assert "25.00%" in text
    assert "(highest 0.800)" in text
    assert "Trading F1" in text
    assert all("\n" not in line for line in evaluation().lines())


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        (codes(), np.zeros((0, 3))),
        (codes(S, H), np.zeros((3, 3))),
        (codes(S, H), np.zeros((2, 2))),
        (codes(S, H), np.zeros(2)),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_its_shapes(
    labels: np.ndarray[Any, Any], probabilities: np.ndarray[Any, Any]
) -> None:
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        evaluate(labels, probabilities, CONSERVATIVE)
