"""Which changes of candles make a model or a prediction again, by the record of its candles."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dualwindow.data.candles.sums import SummedCandles
from dualwindow.models.identifier.made_from import (
    Change,
    Comparison,
    FeatureRows,
    MadeFrom,
    compare,
    summed_rows,
)
from tests.makers.markets import random_candles

BASE, OTHER = "BTC/USDT 1m", "ETH/USDT 1m"
COUNT, BLOCK = 600, 3600
FRAME, OTHER_FRAME = random_candles(COUNT, seed=1), random_candles(COUNT, seed=2)
BEGIN = int(FRAME["date"].iloc[0].timestamp())
#: The own rows: from candle 240, a full hour, to 480.
FIRST, UNTIL = BEGIN + 240 * 60, BEGIN + 480 * 60
ROWS = FeatureRows("as they were", 3)


def candles(base: pd.DataFrame = FRAME, **others: pd.DataFrame) -> dict[str, SummedCandles]:
    frames = {BASE: base, **({OTHER: others["other"]} if others else {})}
    return {name: SummedCandles(frame, 60) for name, frame in frames.items()}


def made(rows: FeatureRows | None = ROWS, first: int = 0) -> MadeFrom:
    """Made from the candles from the row `first` on."""
    frames = {BASE: FRAME.iloc[first:], OTHER: OTHER_FRAME.iloc[first:]}
    series = {
        name: (SummedCandles(frame, 60).sums(0, UNTIL, BLOCK),) for name, frame in frames.items()
    }
    return MadeFrom(FIRST, UNTIL, series, rows)


def changed(row: int) -> pd.DataFrame:
    frame = FRAME.copy()
    frame.loc[row, "close"] *= 1.01
    return frame


def block(row: int) -> tuple[int, int]:
    begin = BEGIN + row * 60
    return max(begin // BLOCK * BLOCK, BEGIN), min(begin // BLOCK * BLOCK + BLOCK, UNTIL)


class Features:
    """Features of now; counts how often they are asked for."""

    def __init__(self, digest: str = ROWS.digest, unknown: int = ROWS.unknown) -> None:
        self.rows = FeatureRows(digest, unknown)
        self.asked: list[tuple[int, int]] = []

    def __call__(self, begin: int, stop: int) -> FeatureRows:
        self.asked.append((begin, stop))
        return self.rows


def test_the_same_candles_are_no_change_and_no_feature_is_made_to_know_it() -> None:
    features = Features("another", 0)
    found = compare(made(), candles(other=OTHER_FRAME), features)
    assert found == Comparison(Change.NONE, {})
    assert found.is_current
    assert features.asked == []


@pytest.mark.parametrize("row", [240, 300, 479])
@pytest.mark.parametrize("rows", [ROWS, None])
def test_a_changed_candle_of_the_own_rows_is_a_change_whatever_the_features_are(
    row: int, rows: FeatureRows | None
) -> None:
    features = Features()
    found = compare(made(rows), candles(changed(row)), features)
    assert found == Comparison(Change.CANDLES, {BASE: block(row)})
    assert not found.is_current
    assert features.asked == []


def test_candles_after_the_own_rows_do_not_matter() -> None:
    assert compare(made(), candles(changed(480)), Features()).change is Change.NONE


@pytest.mark.parametrize("row", [0, 100, 239])
def test_an_older_candle_matters_where_the_features_look_back_to_it(row: int) -> None:
    features = Features("another")
    found = compare(made(), candles(changed(row)), features)
    assert found == Comparison(Change.CANDLES, {BASE: block(row)})
    assert features.asked == [(FIRST, UNTIL)]
    found = compare(made(), candles(changed(row)), Features())
    assert found == Comparison(Change.NONE, {BASE: block(row)})
    assert found.is_current
    # Without the features it cannot be told.
    found = compare(made(None), candles(changed(row)), Features())
    assert found == Comparison(Change.CANDLES, {BASE: block(row)})


def test_the_stretch_of_a_change_holds_all_of_them_by_series() -> None:
    frame = changed(250)
    frame.loc[400, "low"] *= 0.99
    other = OTHER_FRAME.copy()
    other.loc[10, "volume"] += 1.0
    found = made().changes(candles(frame, other=other))
    assert found == {BASE: (block(250)[0], block(400)[1]), OTHER: block(10)}
    assert made().changes(candles(frame, other=other), since=FIRST) == {BASE: found[BASE]}
    # A block that ends with the own rows' begin is not theirs.
    assert made().changes(candles(other=other), since=block(10)[1]) == {}
    assert made().changes(candles(other=other), since=block(10)[1] - 1) == {OTHER: block(10)}


def test_a_series_that_is_not_loaded_now_is_no_change() -> None:
    assert made().changes({OTHER: SummedCandles(OTHER_FRAME, 60)}) == {}
    assert made().changes({}) == {}
    # The series after it is still compared.
    other = OTHER_FRAME.assign(close=1.0)
    assert made().changes({OTHER: SummedCandles(other, 60)}) == {OTHER: (BEGIN, UNTIL)}
    assert compare(made(), {}, Features()).change is Change.NONE


def test_fewer_candles_leave_what_was_made_from_more_current() -> None:
    features = Features("another", 0)
    found = compare(made(), candles(FRAME.iloc[60:].reset_index(drop=True)), features)
    assert found == Comparison(Change.LOADS_LESS, {})
    assert found.is_current
    assert features.asked == []


def test_fewer_candles_of_one_series_are_enough() -> None:
    now = candles(other=OTHER_FRAME.iloc[60:].reset_index(drop=True))
    assert compare(made(), now, Features()).change is Change.LOADS_LESS


@pytest.mark.parametrize(
    ("unknown", "change"), [(3, Change.NONE), (2, Change.OLDER_CANDLES), (4, Change.NONE)]
)
def test_older_candles_count_where_rows_are_known_by_them(unknown: int, change: Change) -> None:
    features = Features("another", unknown)
    found = compare(made(first=60), candles(), features)
    assert found == Comparison(change, {})
    assert found.is_current == (change is Change.NONE)
    assert features.asked == [(FIRST, UNTIL)]


def test_older_candles_of_one_series_are_enough() -> None:
    now = candles(FRAME.iloc[60:].reset_index(drop=True), other=OTHER_FRAME)
    assert compare(made(first=60), now, Features("", 0)).change is Change.OLDER_CANDLES


@pytest.mark.parametrize("rows", [None, FeatureRows("as they were", 0)])
def test_older_candles_are_no_change_where_no_row_lacked_them(rows: FeatureRows | None) -> None:
    features = Features("another", 0)
    assert compare(made(rows, first=60), candles(), features) == Comparison(Change.NONE, {})
    assert features.asked == []


@pytest.mark.parametrize("change", Change)
def test_only_the_same_or_more_candles_are_current(change: Change) -> None:
    current = change in (Change.NONE, Change.LOADS_LESS)
    assert Comparison(change, {}).is_current == current


def test_the_first_candle_of_a_series_is_that_of_its_earliest_part() -> None:
    summed = SummedCandles(FRAME, 60)
    parts = tuple(summed.sums(BEGIN + 60 * row, UNTIL, BLOCK) for row in (120, 60, 600))
    record = MadeFrom(FIRST, UNTIL, {BASE: parts, OTHER: (summed.sums(0, 0, BLOCK),)}, None)
    assert record.begin(BASE) == BEGIN + 3600
    # Neither of them holds a candle.
    assert record.begin(OTHER) is None
    assert record.begin("SOL/USDT 1m") is None


@pytest.mark.parametrize("rows", [ROWS, None])
def test_a_record_comes_back_from_json_as_it_was(rows: FeatureRows | None) -> None:
    content = json.loads(json.dumps(made(rows).to_dict()))
    assert set(content) == {"first", "until", "series", "rows"}
    assert content["rows"] == (None if rows is None else {"digest": "as they were", "unknown": 3})
    assert MadeFrom.from_dict(content) == made(rows)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("first"),
        lambda content: content.pop("until"),
        lambda content: content.pop("series"),
        lambda content: content.pop("rows"),
        lambda content: content.update(first="soon"),
        lambda content: content["rows"].pop("digest"),
        lambda content: content["rows"].pop("unknown"),
        lambda content: content["series"][BASE][0].pop("sums"),
    ],
)
def test_a_record_that_lacks_something_is_refused(change: Callable[[Any], object]) -> None:
    content = made().to_dict()
    change(content)
    with pytest.raises((KeyError, TypeError, ValueError)):
        MadeFrom.from_dict(content)


def test_numbers_of_a_record_are_read_as_numbers() -> None:
    content = made().to_dict()
    content = {**content, "first": str(FIRST), "until": float(UNTIL)}
    content["rows"] = {"digest": 7, "unknown": "3"}
    found = MadeFrom.from_dict(content)
    assert (found.first, found.until) == (FIRST, UNTIL)
    assert found.rows == FeatureRows("7", 3)


FEATURES = np.array([[0.1, -2.0], [3e-5, 40.0], [1.5, 1.0]], np.float32)


def test_features_differ_by_their_fourth_digit_and_not_by_their_last_bit() -> None:
    same = (FEATURES.view(np.uint32) ^ np.uint32(0x41)).view(np.float32)
    rows = summed_rows(FEATURES, 3)
    assert rows.unknown == 0
    assert len(rows.digest) == 32
    assert not np.array_equal(same, FEATURES)
    assert summed_rows(same, 3) == rows
    for place in np.ndindex(FEATURES.shape):
        other = FEATURES.copy()
        other[place] *= np.float32(1.0001)
        assert summed_rows(other, 3).digest != rows.digest


def test_rows_without_a_value_are_counted_and_are_all_the_same() -> None:
    for value in (np.nan, np.inf, -np.inf):
        features = FEATURES.copy()
        features[1, 0] = value
        assert summed_rows(features, 5).unknown == 3
        expected = FEATURES.copy()
        expected[1, 0] = np.nan
        assert summed_rows(features, 5) == summed_rows(expected, 5)
    assert summed_rows(FEATURES[:0], 4).unknown == 4
