from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.confidence import MODE_THRESHOLDS, Thresholds, decide
from dualwindow.evaluation import DecisionFigures, Evaluation, evaluate, trading_f1

S, H, L = SHORT, HOLD, LONG
CONSERVATIVE = MODE_THRESHOLDS["conservative"]


def codes(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int8)


# --- figures of decisions ------------------------------------------------------------------------


def test_figures_of_a_case_made_by_hand() -> None:
    labels = codes(S, S, S, S, H, H, H, L, L, L)
    decisions = codes(S, S, H, L, H, H, S, L, H, H)
    figures = DecisionFigures.of(labels, decisions)
    assert figures.accuracy == pytest.approx(5 / 10)
    assert figures.precision == pytest.approx({"SHORT": 2 / 3, "HOLD": 2 / 5, "LONG": 1 / 2})
    assert figures.recall == pytest.approx({"SHORT": 2 / 4, "HOLD": 2 / 3, "LONG": 1 / 3})
    assert figures.f1 == pytest.approx({"SHORT": 4 / 7, "HOLD": 1 / 2, "LONG": 2 / 5})
    assert figures.trading_f1 == pytest.approx((4 / 7 + 2 / 5) / 2)
    # Rows are what happened, columns are what was said.
    assert figures.confusion == [[2, 1, 1], [1, 2, 0], [0, 2, 1]]
    assert figures.predicted == {"SHORT": 3, "HOLD": 5, "LONG": 2}
    assert figures.coverage == pytest.approx(5 / 10)


def test_a_side_that_is_neither_there_nor_said_counts_as_nothing() -> None:
    figures = DecisionFigures.of(codes(H, H, S), codes(H, H, S))
    assert figures.accuracy == 1.0
    assert figures.trading_f1 == 0.5
    assert figures.precision["LONG"] == figures.recall["LONG"] == figures.f1["LONG"] == 0.0


def test_saying_nothing_earns_nothing() -> None:
    figures = DecisionFigures.of(codes(S, H, L), codes(H, H, H))
    assert figures.trading_f1 == 0.0
    assert figures.coverage == 0.0
    assert figures.accuracy == pytest.approx(1 / 3)


def test_trading_f1_leaves_hold_out() -> None:
    labels, right_on_hold = codes(S, L, *[H] * 98), codes(H, H, *[H] * 98)
    assert trading_f1(labels, right_on_hold) == 0.0
    assert trading_f1(labels, labels) == 1.0


# --- evaluation ----------------------------------------------------------------------------------

LABELS = codes(S, H, L, L)
PROBABILITIES = np.array(
    [[0.80, 0.10, 0.10], [0.40, 0.35, 0.25], [0.10, 0.20, 0.70], [0.15, 0.25, 0.60]]
)


def evaluation() -> Evaluation:
    return evaluate(LABELS, PROBABILITIES, CONSERVATIVE)


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
    assert found.thresholded == DecisionFigures.of(labels, decisions)
    # A side cannot be said more often than its threshold was reached.
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


def finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(finite(item) for item in value.values())
    if isinstance(value, list):
        return all(finite(item) for item in value)
    return type(value) in (int, float, str) and (
        not isinstance(value, float) or math.isfinite(value)
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


def test_reading_the_plain_form_changes_no_evaluation() -> None:
    found = evaluation()
    found.to_dict().clear()
    assert found == evaluation()


def test_the_lines_say_how_often_each_threshold_fires_and_what_is_said() -> None:
    text = "\n".join(evaluation().lines())
    assert "validation on 4 candles" in text
    for name in CLASS_NAMES:
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
