"""One headline for each verdict, and three figures that tell where their intervals lie."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest

from dualwindow.evaluation.evidence.verdict import EDGE, NO_EDGE, UNCLEAR, Outcome
from dualwindow.report.headline import HEADLINES, KeyFigure, headline_of
from dualwindow.report.html import gauges
from dualwindow.report.page import page_of
from dualwindow.report.verdict import verdict_of
from dualwindow.track.verdict import WORDS
from tests.makers.reports import earned, evaluated, window, with_skill
from tests.report.test_page import training


def test_every_verdict_has_a_headline_of_at_most_eight_words() -> None:
    assert {*get_args(Outcome), *WORDS.values()} <= set(HEADLINES)
    assert len(set(HEADLINES.values())) == len(HEADLINES)
    for text in HEADLINES.values():
        assert len(text.split()) <= 8


@pytest.mark.parametrize(
    ("interval", "outcome", "tone"),
    [
        ((0.01, 0.05), EDGE, "good"),
        ((-0.05, -0.01), NO_EDGE, "bad"),
        ((-1.0, 1.0), UNCLEAR, "unclear"),
    ],
)
def test_the_headline_is_that_of_the_verdict(
    interval: tuple[float, float], outcome: Outcome, tone: str
) -> None:
    fees = earned(*interval)
    skilled = with_skill(evaluated(), direction=(0.02, 0.01, 0.03), total=(0.01, 0.0, 0.02))
    report = training(window(skilled))
    verdict = verdict_of(report.windows, fees)
    report = replace(report, after_fees=fees, verdict=verdict)
    headline = headline_of(report)
    assert verdict.outcome == outcome
    assert (headline.text, headline.tone) == (HEADLINES[outcome], tone)
    direction, profit, edge = headline.figures
    assert (direction.value, direction.low, direction.high) == pytest.approx((2.0, 1.0, 3.0))
    assert (profit.low, profit.high) == interval
    assert edge.text == "+0.020 %"
    page = page_of(report)
    # The paragraph is folded below, whole.
    assert page.index(HEADLINES[outcome]) < page.index("<details>") < page.index("<strong>")
    assert page.count('class="range"') == 3


def test_of_several_trainings_direction_is_counted_and_not_averaged() -> None:
    good, bad = (
        with_skill(evaluated(), direction=(mean, mean - 0.01, mean + 0.01))
        for mean in (0.02, -0.02)
    )
    report = training(window(good), window(bad), window(bad))
    direction = headline_of(report).figures[0]
    assert direction.value is None
    assert direction.note == "better than chance in 1 of 3 trainings"


def test_without_figures_there_is_no_bar() -> None:
    headline = headline_of(training())
    assert [figure.text for figure in headline.figures] == ["unknown"] * 3
    assert 'class="bar"' not in gauges(headline)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.1, 0.3, "above 0"),
        (-0.3, -0.1, "below 0"),
        (-0.1, 0.1, "contains 0"),
        (None, None, "too few"),
    ],
)
def test_a_bar_spans_its_interval_on_an_axis_around_0(
    low: float | None, high: float | None, words: str
) -> None:
    value = 0.2 if low is None or high is None else (low + high) / 2
    figure = KeyFigure("edge", value, low, high, 3, "")
    assert words in figure.interval_text
    headline = replace(headline_of(training()), figures=(figure,) * 3)
    text = gauges(headline)
    dots = [float(each) for each in re.findall(r'dot" style="left:([\d.]+)%', text)]
    ranges = re.findall(r'range" style="left:([\d.]+)%;width:([\d.]+)%', text)
    assert len(dots) == 3
    assert len(ranges) == (0 if low is None else 3)
    assert (dots[0] > 50) == (value > 0)
    for left, width in ranges:
        assert 0 <= float(left) <= dots[0] <= float(left) + float(width) <= 100
        assert (float(left) > 50) == (low is not None and low > 0)
