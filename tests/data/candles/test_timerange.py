"""A period is what a user wrote, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.data.candles.feather import inside_timerange
from dualwindow.data.candles.timerange import EVERYTHING, DateRange, utc_text
from dualwindow.errors import SettingsError

NEWEST = int(datetime(2025, 8, 18, 18, 27, tzinfo=UTC).timestamp())


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]


def timerange(
    date_from: str | None = None, date_to: str | None = None, train_days: float | None = None
) -> DateRange:
    return DateRange.from_dates(date_from, date_to, train_days, newest=NEWEST)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2025-01-31", at(2025, 1, 31)),
        ("20250131", at(2025, 1, 31)),
        (" 2025-01-31 ", at(2025, 1, 31)),
        ("2025-01-31T12:30", at(2025, 1, 31, 12, 30)),
        ("2025-01-31 12:30:05", at(2025, 1, 31, 12, 30, 5)),
        ("2025-01-31T12:30Z", at(2025, 1, 31, 12, 30)),
        ("2025-01-31T12:30+02:00", at(2025, 1, 31, 10, 30)),
    ],
)
def test_dates_are_read_as_they_are_written(written: str, meant: int) -> None:
    assert timerange(date_from=written) == DateRange(meant, None)


def test_a_last_day_is_part_of_the_period_and_a_moment_is_its_end() -> None:
    assert timerange(date_to="2025-01-31").stop == at(2025, 2, 1)
    assert timerange(date_to="20241231").stop == at(2025, 1, 1)
    assert timerange(date_to="2025-01-31T12:30").stop == at(2025, 1, 31, 12, 30)
    assert timerange("2025-01-31", "2025-01-31") == DateRange(at(2025, 1, 31), at(2025, 2, 1))


def test_days_end_with_the_newest_candle_or_the_last_day() -> None:
    end = NEWEST + 60
    assert timerange(train_days=7) == DateRange(end - 7 * 86_400, end)
    assert timerange(train_days=0.5) == DateRange(end - 43_200, end)
    assert timerange(date_to="2025-01-31", train_days=7) == DateRange(
        at(2025, 1, 25), at(2025, 2, 1)
    )
    assert timerange() == EVERYTHING


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"date_from": "31.01.2025"}, ["--date-from '31.01.2025' is no date", "2025-01-31"]),
        ({"date_to": "2025-02-30"}, ["--date-to '2025-02-30' is no date"]),
        ({"date_from": "soon", "date_to": "later"}, ["'soon'", "'later'", "2 problems"]),
        ({"date_from": "2025-02-02", "date_to": "2025-02-01"}, ["2025-02-02", "earlier --date"]),
        ({"date_from": "2026-01-01"}, ["after the newest candle", "2025-08-18 18:28"]),
        ({"train_days": 0}, ["train_days 0 "]),
        ({"train_days": float("nan")}, ["train_days nan"]),
        ({"train_days": float("inf")}, ["train_days inf"]),
        ({"train_days": 7, "date_from": "2025-01-01"}, ["both say where", "leave one"]),
    ],
)
def test_what_cannot_be_is_refused(asked: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        timerange(**asked)
    assert all(each in str(caught.value) for each in said), str(caught.value)


bounds = st.none() | st.integers(-100, 100)


@given(first=bounds, stop=bounds, seconds=st.lists(st.integers(-120, 120), max_size=20))
def test_one_rule_says_which_candles_are_inside(
    first: int | None, stop: int | None, seconds: list[int]
) -> None:
    asked = DateRange(first, stop)
    inside = inside_timerange(np.array(seconds, dtype=np.int64), asked)
    assert inside.tolist() == [second in asked for second in seconds]
    wider = asked.begun_earlier(10)
    assert all(second in wider for second in seconds if second in asked)
    assert wider.stop == asked.stop


def test_a_period_is_readable() -> None:
    assert str(DateRange(at(2025, 1, 1), None)) == "2025-01-01 to the newest candle (UTC)"
    assert utc_text(at(2025, 1, 1, 12, 5)) == "2025-01-01 12:05"
    assert utc_text(at(2025, 1, 1, 12, 5, 7)) == "2025-01-01 12:05:07"


def test_a_period_may_begin_with_the_newest_candle_but_not_after_it() -> None:
    newest = 1_735_732_800
    timerange = DateRange.from_dates("2025-01-01T12:00", None, None, newest=newest)
    assert timerange == DateRange(newest, None)
    # The end of the newest candle is the first moment that has none.
    with pytest.raises(SettingsError, match="after the newest candle, whose end is"):
        DateRange.from_dates("2025-01-01T12:01", None, None, newest=newest)


def test_a_part_of_a_second_leaves_out_what_opened_before_it() -> None:
    second = 1_735_732_800
    timerange = DateRange.from_dates(
        "2025-01-01T12:00:00.5", "2025-01-02T12:00:00.5", None, newest=second * 2
    )
    assert second not in timerange
    assert second + 1 in timerange
    assert second + 86_400 in timerange
    assert second + 86_401 not in timerange
