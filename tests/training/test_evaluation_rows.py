"""Which rows a training is evaluated on, and which give its temperature and quantiles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dualwindow.data.datasets.dataset import Selection
from dualwindow.data.datasets.split import Split
from dualwindow.models.portable import PortableModel
from dualwindow.training import evaluation_rows
from dualwindow.training.evaluation_rows import (
    EvaluationPredictions,
    EvaluationRows,
    Predicted,
)
from tests.makers.datasets import START, dataset_of
from tests.models.test_portable import ORIGIN

TRAIN, VALIDATION, TAIL = range(50), range(50, 80), range(80, 100)


def split_of(*, tail: bool, trained: bool = True) -> Split:
    dataset = dataset_of([0, 1, 2, 1] * 25)
    train = Selection(dataset, [TRAIN] if trained else [])
    validation = Selection(dataset, [VALIDATION] if tail else [range(50, 100)])
    return Split(train, validation, Selection(dataset, [TAIL] if tail else []), 0)


def seen_until(row: int) -> PortableModel:
    origin = replace(ORIGIN, until=(START + row) * 60, tail_from=None, pretrained_seen_until=None)
    model: Any = None
    return PortableModel(model, origin, "")


@pytest.mark.parametrize(
    ("tail", "trained", "seen", "expected"),
    [
        # Without a tail the validation rows serve for everything.
        (False, True, 0, {"evaluated": range(50, 100)}),
        (False, True, 70, {"evaluated": range(70, 100), "hindsight": 20}),
        (False, True, 100, {"quantiles": range(50, 100), "hindsight": 50}),
        (False, False, 70, {"evaluated": range(70, 100), "hindsight": 20}),
        (False, False, 100, {"hindsight": 50}),
        # With one they are kept apart, so that the tail has no say.
        (True, True, 0, {"evaluated": TAIL, "temperature": VALIDATION, "quantiles": VALIDATION}),
        (
            True,
            True,
            70,
            {"evaluated": TAIL, "temperature": range(70, 80), "quantiles": range(70, 80)},
        ),
        (True, True, 90, {"evaluated": range(90, 100), "quantiles": VALIDATION, "hindsight": 10}),
        (True, True, 100, {"quantiles": VALIDATION, "hindsight": 20}),
        (True, False, 70, {"evaluated": TAIL, "temperature": range(70, 80)}),
    ],
)
def test_rows_are_of_other_candles_than_those_seen(
    tail: bool, trained: bool, seen: int, expected: dict[str, Any]
) -> None:
    start = seen_until(seen) if seen else None
    found = vars(
        EvaluationRows.from_split(split_of(tail=tail, trained=trained), start, trades=True)
    )
    assert found.pop("hindsight") == expected.get("hindsight", 0)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        name: list(expected.get(name, []))
        for name in ("evaluated", "temperature", "quantiles", "traded")
    }


@pytest.mark.parametrize("trades", [True, False])
def test_of_too_many_rows_the_newest_are_traded(
    trades: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_rows, "EVALUATION_ROWS", 3)
    found = EvaluationRows.from_split(split_of(tail=True), None, trades=trades)
    assert found.evaluated.tolist() == [80, 90, 99]
    assert found.traded.tolist() == ([97, 98, 99] if trades else [])


def predicted(*rows: int) -> Predicted:
    return Predicted(np.array(rows, np.int64), np.full((len(rows), 3), 1 / 3, np.float32))


def test_a_purpose_without_rows_of_its_own_takes_others() -> None:
    one, two, none = predicted(1), predicted(2), predicted()
    of_one = EvaluationPredictions.from_parts(one, none, none, none)
    assert (of_one.temperature, of_one.quantiles, of_one.traded) == (one, one, one)
    assert not of_one.is_out_of_sample
    apart = EvaluationPredictions.from_parts(one, two, two, two)
    assert (apart.temperature, apart.quantiles, apart.traded) == (two, two, two)
    assert apart.is_out_of_sample
    nothing = EvaluationPredictions.from_parts(none, none, two, none)
    assert nothing.temperature is two
    assert not nothing.evaluated
