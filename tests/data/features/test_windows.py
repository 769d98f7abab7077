"""Windows and futures are judged by their own rows, as the row-by-row version judges them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from dualwindow.data.candles.frames import flat_candles
from tests.makers.row_windows import (
    Rows,
    futures_of,
    longest_run,
    slow_future,
    slow_window,
    windows_of,
)


@st.composite
def row_tables(draw: DrawFn, max_rows: int = 40, step: int = 60) -> Rows:
    """Rows with jumps in time, flat runs and features that are no numbers."""
    steps = st.sampled_from([step] * 30 + [2 * step, 5 * step, step // 2])
    values = st.sampled_from([0.0] * 40 + [1.5, math.nan, math.inf, -math.inf])
    row = st.tuples(steps, st.sampled_from([True, False, False]), values, values)
    table = draw(st.lists(row, max_size=max_rows))
    if draw(st.booleans()):  # runs of flat rows around the limit, rarely met one by one
        first, count = draw(st.tuples(st.integers(0, max_rows), st.integers(0, 8)))
        table = [(s, first <= i < first + count, a, b) for i, (s, _, a, b) in enumerate(table)]
    return {
        "features": np.array([line[2:] for line in table], np.float32).reshape(-1, 2),
        "seconds": 1_700_000_000 + np.cumsum([line[0] for line in table], dtype=np.int64),
        "flat": np.array([line[1] for line in table], np.bool_),
    }


def cut(rows: Rows, first: int, last: int) -> Rows:
    return {name: np.ascontiguousarray(values[first:last]) for name, values in rows.items()}


# --- windows --------------------------------------------------------------------------------------


@given(rows=row_tables(), size=st.integers(2, 12), most_flat=st.integers(0, 9), step=st.just(60))
@settings(max_examples=300)
def test_valid_windows_equal_the_row_by_row_version(
    rows: Rows, size: int, most_flat: int, step: int
) -> None:
    wanted = [slow_window(rows, row, size, most_flat, step) for row in range(len(rows["flat"]))]
    assert windows_of(rows, size, most_flat, step).tolist() == wanted


@given(rows=row_tables(step=300), size=st.integers(2, 8))
def test_the_length_of_a_candle_is_respected(rows: Rows, size: int) -> None:
    wanted = [slow_window(rows, row, size, 3, 300) for row in range(len(rows["flat"]))]
    assert windows_of(rows, size, 3, 300).tolist() == wanted
    wanted = [slow_future(rows, row, size, 3, 300) for row in range(len(rows["flat"]))]
    assert futures_of(rows, size, 3, 300).tolist() == wanted


@given(rows=row_tables(), size=st.integers(2, 12), most_flat=st.integers(0, 9))
def test_a_window_is_judged_the_same_when_its_own_rows_are_all_there_is(
    rows: Rows, size: int, most_flat: int
) -> None:
    found = windows_of(rows, size, most_flat)
    for row in range(size - 1, len(found)):
        alone = cut(rows, row + 1 - size, row + 1)
        assert windows_of(alone, size, most_flat)[-1] == found[row]


@given(data=st.data(), rows=row_tables(), size=st.integers(2, 12), most_flat=st.integers(0, 9))
def test_rows_outside_a_window_never_decide_on_it(
    data: st.DataObject, rows: Rows, size: int, most_flat: int
) -> None:
    found = windows_of(rows, size, most_flat)
    if len(found) < size:
        assert not found.any()
        return
    row = data.draw(st.integers(size - 1, len(found) - 1))
    for outside in (slice(0, row + 1 - size), slice(row + 1, None)):
        changed = {name: values.copy() for name, values in rows.items()}
        changed["features"][outside] = data.draw(st.sampled_from([0.0, math.nan]))
        changed["flat"][outside] = data.draw(st.booleans())
        changed["seconds"][outside] += data.draw(st.sampled_from([0, -7200, 86_400]))
        assert windows_of(changed, size, most_flat)[row] == found[row]


def regular(count: int = 60) -> Rows:
    return {
        "features": np.zeros((count, 3), np.float32),
        "seconds": np.arange(count, dtype=np.int64) * 60,
        "flat": np.zeros(count, np.bool_),
    }


def test_without_a_hole_every_window_that_exists_is_valid() -> None:
    assert windows_of(regular(), 10, 3).tolist() == [False] * 9 + [True] * 51
    assert windows_of(regular(9), 10, 3).tolist() == [False] * 9
    assert windows_of(regular(0), 10, 3).tolist() == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", [0, 2])
def test_a_value_that_is_no_number_spoils_the_windows_that_hold_it_and_no_other(
    value: float, column: int
) -> None:
    rows = regular()
    rows["features"][30, column] = value
    spoiled = np.flatnonzero(~windows_of(rows, 10, 3)).tolist()
    assert spoiled == [*range(9), *range(30, 40)]


def test_a_jump_in_time_spoils_the_windows_that_lie_on_both_sides_of_it() -> None:
    rows = regular()
    rows["seconds"][30:] += 60
    spoiled = np.flatnonzero(~windows_of(rows, 10, 3)).tolist()
    # A window that begins with the first candle after the jump is whole.
    assert spoiled == [*range(9), *range(30, 39)]


@pytest.mark.parametrize("most_flat", [0, 1, 3, 9, 10, 50])
@pytest.mark.parametrize("run", [1, 3, 4, 9, 10, 15])
def test_a_flat_run_spoils_a_window_only_when_more_of_it_than_allowed_lies_inside(
    run: int, most_flat: int
) -> None:
    rows = regular()
    rows["flat"][30 : 30 + run] = True
    inside = [len({*range(30, 30 + run)} & {*range(row - 9, row + 1)}) for row in range(9, 60)]
    found = windows_of(rows, 10, most_flat)[9:]
    assert found.tolist() == [count <= most_flat for count in inside]


def test_two_runs_that_are_each_allowed_are_no_outage() -> None:
    rows = regular()
    rows["flat"][[30, 31, 32, 34, 35, 36]] = True
    assert windows_of(rows, 10, 3)[9:].all()
    assert not windows_of(rows, 10, 2)[9:].all()


@pytest.mark.parametrize("most_flat", [3, 4])
def test_an_outage_with_which_the_history_begins_counts_from_its_first_candle(
    most_flat: int,
) -> None:
    rows = regular(12)
    rows["flat"][:4] = True
    # Of the futures, that of the first row holds three of them.
    assert windows_of(rows, 6, most_flat)[5] == (most_flat == 4)
    assert futures_of(rows, 6, 3)[0]
    assert not futures_of(rows, 6, 2)[0]


# --- futures --------------------------------------------------------------------------------------


@given(rows=row_tables(), size=st.integers(1, 12), most_flat=st.integers(0, 9))
@settings(max_examples=300)
def test_known_futures_equal_the_row_by_row_version(rows: Rows, size: int, most_flat: int) -> None:
    wanted = [slow_future(rows, row, size, most_flat, 60) for row in range(len(rows["flat"]))]
    assert futures_of(rows, size, most_flat).tolist() == wanted


@given(data=st.data(), rows=row_tables(), size=st.integers(1, 12), most_flat=st.integers(0, 9))
def test_candles_outside_a_future_never_decide_on_it(
    data: st.DataObject, rows: Rows, size: int, most_flat: int
) -> None:
    found = futures_of(rows, size, most_flat)
    if len(found) <= size:
        assert not found.any()
        return
    row = data.draw(st.integers(0, len(found) - size - 1))
    changed = {name: values.copy() for name, values in rows.items()}
    for outside in (slice(0, row), slice(row + size + 1, None)):
        changed["seconds"][outside] += data.draw(st.sampled_from([-7200, 86_400]))
        changed["flat"][outside] = data.draw(st.booleans())
    changed["flat"][row] = data.draw(st.booleans())
    assert futures_of(changed, size, most_flat)[row] == found[row]


# --- flat candles ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "flat"),
    [
        ({}, True),
        ({"volume": 0.001}, False),
        ({"open": 99.0}, False),
        ({"high": 101.0}, False),
        ({"low": 99.0}, False),
        ({"close": 101.0}, False),
        ({"volume": math.nan}, False),
        ({"open": math.nan, "high": math.nan, "low": math.nan, "close": math.nan}, False),
    ],
)
def test_a_candle_is_flat_with_one_price_and_no_volume(
    change: dict[str, float], flat: bool
) -> None:
    candle = {"open": 100.0, "high": 100.0, "low": 100.0, "close": 100.0, "volume": 0.0}
    assert flat_candles(pd.DataFrame([candle | change])).tolist() == [flat]


def test_flat_candles_are_those_with_which_freqtrade_fills(
    btc_gap: pd.DataFrame, btc_gap_filled: pd.DataFrame
) -> None:
    filled = flat_candles(btc_gap_filled)
    added = ~btc_gap_filled["date"].isin(btc_gap["date"]).to_numpy()
    assert added.sum() == 80
    assert filled[added].all()
    assert filled.sum() == 152
    assert longest_run(filled.tolist()) == 152
