from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from dualwindow.columns import CLASS_NAMES, HOLD, LONG, SHORT
from dualwindow.evaluation import DecisionFigures, trading_f1
from dualwindow.evaluation.classification import confusion_text
from tests.makers.evaluation_cases import Case, cases

S, H, L = SHORT, HOLD, LONG


def codes(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int8)


def test_figures_of_a_case_made_by_hand() -> None:
    labels = codes(S, S, S, S, H, H, H, L, L, L)
    decisions = codes(S, S, H, L, H, H, S, L, H, H)
    figures = DecisionFigures.from_decisions(labels, decisions)
    assert figures.accuracy == pytest.approx(5 / 10)
    assert figures.precision == pytest.approx({"SHORT": 2 / 3, "HOLD": 2 / 5, "LONG": 1 / 2})
    assert figures.recall == pytest.approx({"SHORT": 2 / 4, "HOLD": 2 / 3, "LONG": 1 / 3})
    assert figures.f1 == pytest.approx({"SHORT": 4 / 7, "HOLD": 1 / 2, "LONG": 2 / 5})
    assert figures.trading_f1 == pytest.approx((4 / 7 + 2 / 5) / 2)
    assert figures.macro_f1 == pytest.approx((4 / 7 + 1 / 2 + 2 / 5) / 3)
    # Rows are the actual classes, columns the predicted ones.
    assert figures.confusion == [[2, 1, 1], [1, 2, 0], [0, 2, 1]]
    assert figures.predicted == {"SHORT": 3, "HOLD": 5, "LONG": 2}
    assert figures.coverage == pytest.approx(5 / 10)


def test_a_side_neither_actual_nor_predicted_counts_as_nothing() -> None:
    figures = DecisionFigures.from_decisions(codes(H, H, S), codes(H, H, S))
    assert figures.accuracy == 1.0
    assert figures.trading_f1 == 0.5
    assert figures.precision["LONG"] == figures.recall["LONG"] == figures.f1["LONG"] == 0.0


def test_predicting_nothing_earns_nothing() -> None:
    figures = DecisionFigures.from_decisions(codes(S, H, L), codes(H, H, H))
    assert figures.trading_f1 == 0.0
    assert figures.coverage == 0.0
    assert figures.accuracy == pytest.approx(1 / 3)


def test_trading_f1_leaves_hold_out() -> None:
    labels, right_on_hold = codes(S, L, *[H] * 98), codes(H, H, *[H] * 98)
    assert trading_f1(labels, right_on_hold) == 0.0
    assert trading_f1(labels, labels) == 1.0


@given(case=cases())
def test_the_figures_are_those_of_scikit_learn(case: Case) -> None:
    labels, decisions = case.labels, case.probabilities.argmax(axis=1)
    found = DecisionFigures.from_decisions(labels, decisions)
    every: dict[str, Any] = {"labels": [S, H, L], "zero_division": 0}
    precision, recall, f1, _ = precision_recall_fscore_support(labels, decisions, **every)
    for figures, expected in ((found.precision, precision), (found.recall, recall), (found.f1, f1)):
        assert list(figures) == list(CLASS_NAMES)
        np.testing.assert_allclose(list(figures.values()), expected)
    assert found.accuracy == pytest.approx(accuracy_score(labels, decisions))
    assert found.confusion == confusion_matrix(labels, decisions, labels=[S, H, L]).tolist()
    assert found.macro_f1 == pytest.approx(f1_score(labels, decisions, average="macro", **every))
    sides: dict[str, Any] = {**every, "labels": [S, L]}
    expected = f1_score(labels, decisions, average="macro", **sides)
    assert found.trading_f1 == trading_f1(labels, decisions) == pytest.approx(expected)
    assert found.coverage == pytest.approx(np.mean(decisions != H))


def test_the_confusion_is_a_table_in_words() -> None:
    text = confusion_text([[2, 1, 1], [10, 12_345, 0], [0, 2, 1]])
    assert text.splitlines() == [
        "              predicted SHORT  predicted HOLD  predicted LONG",
        "actual SHORT                2               1               1",
        "actual HOLD                10          12,345               0",
        "actual LONG                 0               2               1",
    ]
