from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dualwindow.report.schema import TrainedWindow
from dualwindow.report.verdict import verdict_of
from tests.makers.reports import earned, evaluated, window, with_skill

UP, AROUND, DOWN = (0.03, 0.01, 0.05), (0.01, -0.01, 0.03), (-0.03, -0.05, -0.01)
PROMISES = re.compile(
    r"will (earn|profit|make)|guarantee|worth trading|(?<!not )safe", re.IGNORECASE
)


def one(**parts: tuple[float, float, float] | None) -> TrainedWindow:
    return window(with_skill(evaluated(), **{"calm": AROUND, **parts}))


@pytest.mark.parametrize(
    ("total", "direction", "words", "found"),
    [
        (
            UP,
            UP,
            ("Better than the", "by 3.00 %", "+1.00 % to +5.00 %", "better than chance"),
            True,
        ),
        (UP, AROUND, ("Better than", "direction is not distinguishable from chance"), False),
        (AROUND, UP, ("Not distinguishable from the", "better than chance"), False),
        (DOWN, DOWN, ("Worse than the", "by 3.00 %", "worse than chance"), False),
        (UP, None, ("no candle had one",), False),
    ],
)
def test_the_verdict_says_what_the_intervals_say(
    total: tuple[float, float, float],
    direction: tuple[float, float, float] | None,
    words: tuple[str, ...],
    found: bool,
) -> None:
    verdict = verdict_of([one(total=total, direction=direction)])
    for word in words:
        assert word in verdict.text
    assert verdict.found is found
    assert ("Do not trade this." in verdict.text) is not found
    assert not PROMISES.search(verdict.text)


def test_few_blocks_give_no_interval_and_nothing_found() -> None:
    verdict = verdict_of([window(evaluated(rows=8))])
    assert "too few candles" in verdict.text
    assert "unknown" not in verdict.text
    assert not verdict.found


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([], "no figures of a model"),
        ([window(None, hindsight=50)], "no candle that the model had not seen"),
        ([window(evaluated(compared=False))], "no baselines"),
    ],
)
def test_what_was_not_judged_is_not_traded(windows: list[TrainedWindow], words: str) -> None:
    verdict = verdict_of(windows)
    assert words in verdict.text
    assert verdict.sentences[-1] == "Do not trade this."
    assert not verdict.found


@pytest.mark.parametrize(("good", "found"), [(0, False), (2, False), (3, True), (4, True)])
def test_retrainings_are_counted_and_most_of_them_must_know_direction(
    good: int, found: bool
) -> None:
    windows = [one(total=UP, direction=UP) for _ in range(good)]
    windows += [one(total=UP, direction=DOWN) for _ in range(4 - good)]
    verdict = verdict_of(windows)
    assert f"Direction was better than chance in {good} and worse in {4 - good}" in verdict.text
    assert verdict.found is found


def test_sides_are_told_beside_how_often_they_come() -> None:
    evaluation = evaluated()
    above = evaluation.meaning["LONG"].above
    assert above is not None
    real = evaluation.real["LONG"] / evaluation.rows
    text = verdict_of([window(evaluation)]).text
    assert f"LONG is right in {above:.1%} (it occurred on {real:.1%}".replace("%", " %") in text
    assert "chose the best epoch" in text
    assert "chose" not in verdict_of([window(evaluation, evaluated_on="tail")]).text


@pytest.mark.parametrize(("low", "found"), [(0.01, True), (-0.01, False), (None, False)])
def test_what_does_not_pay_its_fees_for_sure_is_not_traded(low: float | None, found: bool) -> None:
    knows = [one(total=UP, direction=UP)]
    verdict = verdict_of(knows, earned(low, None if low is None else 0.05))
    assert "After fees its 100 trades made +0.030 %" in verdict.text
    assert verdict.found is found
    assert ("Do not trade this." in verdict.text) is not found
    assert not verdict_of([one(total=UP, direction=AROUND)], earned()).found
    assert "would not have traded" in verdict_of(knows, replace(earned(), sides=None)).text
