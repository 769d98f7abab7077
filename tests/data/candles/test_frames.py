"""Dates of any kind give the same seconds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dualwindow.data.candles.frames import utc_seconds

DATES = pd.date_range("2025-03-30 00:58", periods=5, freq="min", tz="UTC")
SECONDS = [1743296280 + 60 * row for row in range(5)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_of_any_unit_give_the_same_seconds(unit: str) -> None:
    found = utc_seconds(pd.Series(DATES.as_unit(unit)))
    assert found.dtype == np.int64
    assert found.tolist() == SECONDS


@pytest.mark.parametrize(
    "dates",
    [
        pd.Series(list(DATES), dtype=object),
        pd.Series([date.to_pydatetime() for date in DATES], dtype=object),
        pd.Series(DATES.tz_localize(None)),
        pd.Series(DATES.tz_convert("Europe/Berlin")),
        pd.Series(
            [date.as_unit(unit) for date, unit in zip(DATES, ["ms", "us"] * 3, strict=False)],
            dtype=object,
        ),
        pd.Series(DATES, index=[9, 8, 7, 6, 5]),
    ],
    ids=["objects", "datetimes", "naive", "other zone", "mixed units", "other index"],
)
def test_dates_of_any_kind_give_the_same_seconds(dates: pd.Series) -> None:
    assert utc_seconds(dates).tolist() == SECONDS


def test_no_dates_give_no_seconds() -> None:
    for dates in (pd.Series(DATES[:0]), pd.Series([], dtype=object)):
        assert utc_seconds(dates).tolist() == []
