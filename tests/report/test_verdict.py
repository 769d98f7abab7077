from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dualwindow.backtest.figures import AfterFees
from dualwindow.evaluation.evidence.day_clusters import DayEstimate
from dualwindow.evaluation.evidence.verdict import Evidence
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
    assert (verdict.outcome == "edge found") is found
    assert "would not have traded" in verdict_of(knows, replace(earned(), sides=None)).text


def estimated(mean: float, error: float = 0.02) -> AfterFees:
    """Figures of trades on forty days with this mean profit a trade, percent."""
    profit, edge = (DayEstimate(value, error, 39.0, 40) for value in (mean, mean + 0.1))
    return replace(earned(), evidence=Evidence.of(profit, edge, 800))


@pytest.mark.parametrize("direction", [UP, AROUND, DOWN])
@pytest.mark.parametrize(
    ("mean", "outcome"),
    [
        (0.1, "edge found"),
        (-0.1, "no edge worth the fees"),
        (0.01, "not enough data to tell"),
    ],
)
def test_what_trades_earned_decides_between_three_verdicts(
    mean: float, outcome: str, direction: tuple[float, float, float]
) -> None:
    """A model trades few candles, so that its skill over all of them does not decide."""
    verdict = verdict_of([one(total=AROUND, direction=direction)], estimated(mean))
    assert verdict.outcome == outcome
    assert verdict.sentences[0].startswith(outcome.capitalize())
    assert verdict.found is (outcome == "edge found")
    assert (verdict.sentences[-1] == "Do not trade this.") is not verdict.found
    # The total is not better than the baselines here.
    assert ("rests on the candles that it traded" in verdict.text) is verdict.found
    assert ("would settle it" in verdict.text) is (outcome == "not enough data to tell")
    assert "four times in five" in verdict.text
    assert not PROMISES.search(verdict.text)


def test_without_profits_there_is_not_enough_to_tell() -> None:
    verdict = verdict_of([one(total=UP, direction=UP)])
    assert verdict.outcome == "not enough data to tell"
    assert verdict.sentences[0] == "Not enough data to tell: no profits after fees are known."


@pytest.mark.parametrize(
    ("totals", "directions", "found"),
    [
        ([UP, UP, UP, AROUND], [UP, UP, UP, DOWN], True),
        # Half of them are not most of them, whichever figure it is.
        ([UP, UP, AROUND, AROUND], [UP, UP, UP, UP], False),
        ([UP, UP, DOWN, DOWN], [UP, UP, UP, UP], False),
        ([UP, UP, UP, UP], [UP, UP, AROUND, AROUND], False),
        ([AROUND] * 4, [AROUND] * 4, False),
        ([UP, UP], [UP, UP], True),
    ],
)
def test_most_retrainings_must_know_both_the_candles_and_their_direction(
    totals: list[tuple[float, float, float]],
    directions: list[tuple[float, float, float]],
    found: bool,
) -> None:
    windows = [
        one(total=total, direction=direction)
        for total, direction in zip(totals, directions, strict=True)
    ]
    verdict = verdict_of(windows)
    count, better, worse = len(totals), totals.count(UP), totals.count(DOWN)
    assert (
        f"{count} retrainings, evaluated on candles that they were not trained on: better than the "
        f"strongest baseline in {better}, worse in {worse}, not distinguishable from it in "
        f"{count - better - worse}."
    ) in verdict.text
    assert (
        f"Direction was better than chance in {directions.count(UP)} and worse in "
        f"{directions.count(DOWN)}; by luck alone about {count * 0.025:.1f} of {count}"
    ) in verdict.text
    assert verdict.found is found
    assert (verdict.sentences[-1] == "Do not trade this.") is not found
    evaluation = windows[0].evaluation
    assert evaluation is not None
    covered = 100 * evaluation.thresholded.coverage
    assert f"they predict SHORT or LONG on {covered:.1f} % of the candles" in verdict.text
    # The last sentence alone tells whether to look on.
    assert ("Do not trade this." in verdict.text) is not found


def test_candles_that_the_model_had_seen_are_told_where_there_are_any() -> None:
    left_out = "candles were left out: the pretrained model had seen them"
    seen, unseen = (window(evaluated(), hindsight=count) for count in (50, 0))
    assert f"50 {left_out}" in verdict_of([seen]).text
    assert "left out" not in verdict_of([unseen]).text
