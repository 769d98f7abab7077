"""Every look at a model's candles is noted, and different thresholds on the same ones count."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from dualwindow.backtest.figures import AfterFees
from dualwindow.columns import LONG
from dualwindow.confidence import Thresholds
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.evaluation.evidence.day_clusters import DayEstimate
from dualwindow.evaluation.evidence.verdict import Evidence
from dualwindow.models.identifier.looks import LOOKS_NAME, Look, choices_of, looks_at, note_look
from tests.makers.reports import earned

DAY = 86_400
BALANCED = DecisionRule(Thresholds(0.5, 0.4, 0.5), {}, "none")


def look(
    first: int = 0, days: int = 10, rule: DecisionRule = BALANCED, model: str | None = "a"
) -> Look:
    return Look.of(rule, (first * DAY, (first + days) * DAY - 1), "evaluate", model)


def choices(folder: Path, *noted: Look) -> list[str]:
    return [choices_of(note_look(folder, each)) for each in noted][-1]


@pytest.mark.parametrize(
    "other",
    [
        DecisionRule(Thresholds(0.5, 0.4, 0.501), {}, "none"),
        DecisionRule(Thresholds(0.5, 0.4, 0.5), {}, "prior"),
        DecisionRule(Thresholds(0.5, 0.4, 0.5), {LONG: 0.01}, "none"),
        DecisionRule(Thresholds(0.5, 0.4, 0.5, fallback="argmax"), {}, "none"),
        DecisionRule(Thresholds(0.5, 0.4, 0.5, enabled=False), {}, "none"),
        DecisionRule(Thresholds(0.50001, 0.4, 0.5), {}, "none"),
    ],
)
def test_other_thresholds_are_another_choice_and_the_same_ones_are_none(
    other: DecisionRule, tmp_path: Path
) -> None:
    assert choices(tmp_path, look(), look(), look(3, 4)) == [BALANCED.summary()]
    assert choices(tmp_path, look(rule=other)) == [BALANCED.summary(), other.summary()]
    assert len(choices(tmp_path, look())) == 2


def test_the_threshold_of_hold_counts_where_it_decides_alone(tmp_path: Path) -> None:
    unused = DecisionRule(Thresholds(0.5, 0.3, 0.5), {}, "none")
    assert len(choices(tmp_path, look(), look(rule=unused))) == 1
    used = [
        replace(rule, thresholds=replace(rule.thresholds, fallback="argmax"))
        for rule in (BALANCED, unused)
    ]
    assert len(choices(tmp_path, *(look(rule=rule, first=50) for rule in used))) == 2


@pytest.mark.parametrize(("first", "counted"), [(-10, 1), (-9, 2), (5, 2), (9, 2), (10, 1)])
def test_looks_at_the_same_candles_count_and_at_others_do_not(
    first: int, counted: int, tmp_path: Path
) -> None:
    other = DecisionRule(Thresholds(0.7, 0.4, 0.7), {}, "none")
    assert len(choices(tmp_path, look(), look(first=first, rule=other))) == counted


def test_another_model_in_the_folder_starts_from_none(tmp_path: Path) -> None:
    other = DecisionRule(Thresholds(0.7, 0.4, 0.7), {}, "none")
    assert len(choices(tmp_path, look(), look(rule=other, model="b"))) == 1
    assert len(choices(tmp_path, look(rule=other, model=None))) == 1


def test_a_note_that_was_cut_off_takes_no_other_along(tmp_path: Path) -> None:
    note_look(tmp_path, look())
    path = tmp_path / LOOKS_NAME
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole + whole[:end] + b"\n[1]\n{}\n\xff\n")
        assert looks_at(tmp_path, (0, DAY), "a")[0] == look_of(whole)
        assert len(choices_of(looks_at(tmp_path, (0, DAY), "a"))) == 1


def look_of(line: bytes) -> Look:
    content = json.loads(line)
    return Look(**{**content, "limits": tuple(content["limits"])})


def test_the_same_look_is_noted_once(tmp_path: Path) -> None:
    for _ in range(5):
        note_look(tmp_path, look())
    assert len((tmp_path / LOOKS_NAME).read_bytes().splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_told_and_counts_this_look(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        looks = note_look(tmp_path / "missing", look())
    assert choices_of(looks) == [BALANCED.summary()]
    assert "is not noted in" in caplog.text


def with_error(error: float) -> AfterFees:
    profit, edge = (DayEstimate(mean, error, 19.0, 20) for mean in (0.03, 0.02))
    return replace(earned(0.01, 0.05), evidence=Evidence.of(profit, edge, 500))


@pytest.mark.parametrize("count", [2, 3, 30])
def test_intervals_of_chosen_thresholds_are_wider_with_every_choice(count: int) -> None:
    one = with_error(0.0095)
    assert one.outcome == "edge found"
    many = one.of_choices(count)
    assert many.sides is not None
    assert one.sides is not None
    for before, after in (
        (one.sides.model.mean_pct, many.sides.model.mean_pct),
        (one.sides.edge_pct, many.sides.edge_pct),
    ):
        assert after.low is not None
        assert before.low is not None
        assert after.low < before.low
        assert after.value == before.value
    assert many.sides.always_long == one.sides.always_long
    assert f"looked at with {count} choices of thresholds" in many.lines()[-1]
    assert many.of_choices(count) == many
    assert one.of_choices(1) is one


def test_an_edge_that_rests_on_choosing_is_none() -> None:
    assert with_error(0.0095).of_choices(20).outcome == "not enough data to tell"
