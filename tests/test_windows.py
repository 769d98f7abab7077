from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from numpy.typing import NDArray

from dualwindow.columns import UNKNOWN
from dualwindow.features import change_features
from dualwindow.labels import label_candles
from dualwindow.settings import TrainingConfig
from dualwindow.windows import (
    flat_candles,
    known_futures,
    label_frame,
    utc_seconds,
    valid_windows,
)
from tests.markets import candle_frames, random_candles

Rows = dict[str, Any]  # features (N, F), seconds (N,), flat (N,)


# --- slow, obviously right versions ------------------------------------------------------------


def longest_run(flags: list[bool]) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


def consecutive(seconds: list[int], step: int) -> bool:
    return seconds == list(range(seconds[0], seconds[0] + step * len(seconds), step))


def slow_window(rows: Rows, row: int, size: int, most_flat: int, step: int) -> bool:
    if row + 1 < size:
        return False
    own = slice(row + 1 - size, row + 1)
    complete = all(
        math.isfinite(value) for line in rows["features"][own].tolist() for value in line
    )
    in_time = consecutive(rows["seconds"][own].tolist(), step)
    return complete and in_time and longest_run(rows["flat"][own].tolist()) <= most_flat


def slow_future(rows: Rows, row: int, size: int, most_flat: int, step: int) -> bool:
    ahead = slice(row + 1, row + 1 + size)
    seconds = rows["seconds"][ahead].tolist()
    if len(seconds) < size or not consecutive([int(rows["seconds"][row]), *seconds], step):
        return False
    return longest_run(rows["flat"][ahead].tolist()) <= most_flat


def windows_of(rows: Rows, size: int, most_flat: int, step: int = 60) -> NDArray[np.bool_]:
    return valid_windows(
        rows["features"],
        rows["seconds"],
        rows["flat"],
        window_size=size,
        max_flat_candles=most_flat,
        candle_seconds=step,
    )


def futures_of(rows: Rows, size: int, most_flat: int, step: int = 60) -> NDArray[np.bool_]:
    return known_futures(
        rows["seconds"],
        rows["flat"],
        future_window=size,
        max_flat_candles=most_flat,
        candle_seconds=step,
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


# --- windows -------------------------------------------------------------------------------------


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


# --- futures -------------------------------------------------------------------------------------


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


# --- flat candles --------------------------------------------------------------------------------


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


# --- labels of a frame -------------------------------------------------------------------------

CONFIG = TrainingConfig(future_window=6, max_flat_candles=2)


def slow_label_frame(candles: pd.DataFrame, config: TrainingConfig) -> list[int]:
    rows = {"seconds": utc_seconds(candles["date"]), "flat": flat_candles(candles)}
    labels = label_candles(
        candles["high"],
        candles["low"],
        candles["close"],
        future_window=config.future_window,
        long_tp_pct=config.long_tp_pct,
        long_sl_pct=config.long_sl_pct,
        short_tp_pct=config.short_tp_pct,
        short_sl_pct=config.short_sl_pct,
        rule=config.label_rule,
    )
    size, most_flat = config.future_window, config.max_flat_candles
    return [
        int(labels[row]) if slow_future(rows, row, size, most_flat, 60) else UNKNOWN
        for row in range(len(candles))
    ]


@given(
    candles=candle_frames(gaps=True),
    changes=st.fixed_dictionaries(
        {
            "future_window": st.integers(1, 10),
            "max_flat_candles": st.integers(0, 4),
            "label_rule": st.sampled_from(["hybrid", "first_touch"]),
            "long_tp_pct": st.sampled_from([0.01, 0.02]),
            "long_sl_pct": st.sampled_from([0.005, 0.03]),
            "short_tp_pct": st.sampled_from([0.01, 0.02]),
            "short_sl_pct": st.sampled_from([0.005, 0.03]),
        }
    ),
)
@settings(max_examples=200)
def test_the_labels_of_a_frame_are_known_where_the_future_is(
    candles: pd.DataFrame, changes: dict[str, Any]
) -> None:
    config = TrainingConfig.from_parameters(changes)
    labels, _ = label_frame(candles, config)
    assert labels.dtype == np.int8
    assert labels.tolist() == slow_label_frame(candles, config)


def test_a_missing_minute_makes_the_labels_before_it_unknown() -> None:
    whole, _ = label_frame(random_candles(60), CONFIG)
    candles = random_candles(60, missing=[(30, 1)])
    labels, _ = label_frame(candles, CONFIG)
    unknown = np.flatnonzero(labels == UNKNOWN).tolist()
    # Row 30 of the shorter frame is minute 31: the futures of rows 24 to 29 hold the jump.
    assert unknown == [*range(24, 30), *range(53, 59)]
    assert (labels[30:53] == whole[31:54]).all()


def test_touching_both_barriers_is_counted_in_a_frame() -> None:
    config = TrainingConfig.from_parameters({**CONFIG.to_dict(), "label_rule": "first_touch"})
    candles = random_candles(30, volatility=1e-6)
    candles.loc[10, ["high", "low"]] = [102.0, 98.0]
    _, counts = label_frame(candles, config)
    assert (counts.long, counts.short) == (6, 6)
    assert label_frame(candles, CONFIG)[1].long == 0


def test_touches_in_a_future_that_is_not_known_are_not_counted() -> None:
    config = TrainingConfig.from_parameters({**CONFIG.to_dict(), "label_rule": "first_touch"})
    candles = random_candles(31, volatility=1e-6, missing=[(8, 1)])
    candles.loc[9, ["high", "low"]] = [102.0, 98.0]
    labels, counts = label_frame(candles, config)
    # Row 9 is minute 10. Of the six rows before it, those before the jump have no known future.
    assert (labels[3:9] == UNKNOWN).tolist() == [True] * 5 + [False]
    assert (counts.long, counts.short) == (1, 1)


# --- a real outage -------------------------------------------------------------------------------


def test_a_real_outage_invalidates_what_lies_near_it_and_nothing_else(
    btc_gap_filled: pd.DataFrame,
) -> None:
    config = TrainingConfig()
    first = int(np.flatnonzero(flat_candles(btc_gap_filled))[0])
    near = btc_gap_filled.iloc[first - 500 : first + 700].reset_index(drop=True)
    features = np.column_stack(list(change_features(near).values())).astype(np.float32)
    rows = {"features": features, "seconds": utc_seconds(near["date"]), "flat": flat_candles(near)}
    valid = windows_of(rows, config.window_size, config.max_flat_candles)
    wanted = [slow_window(rows, row, 180, 30, 60) for row in range(len(near))]
    assert valid.tolist() == wanted
    # In place 500 + 30 the 31st flat candle closes; the last windows that hold 31 end 149 later.
    bad = np.flatnonzero(~valid)
    assert bad.tolist() == [*range(180), *range(530, 500 + 152 - 31 + 180)]

    labels, _ = label_frame(near, config)
    assert labels.tolist() == slow_label_frame(near, config)
    unknown = np.flatnonzero(labels == UNKNOWN)
    assert unknown.tolist() == [*range(410, 621), *range(1080, 1200)]


def test_an_outage_that_was_not_filled_is_found_by_its_dates(btc_gap: pd.DataFrame) -> None:
    seconds = utc_seconds(btc_gap["date"])
    (jump,) = np.flatnonzero(np.diff(seconds) != 60) + 1
    near = btc_gap.iloc[jump - 400 : jump + 400].reset_index(drop=True)
    features = np.zeros((len(near), 1), np.float32)
    # Flat candles are allowed here, so that the dates alone decide.
    rows = {"features": features, "seconds": utc_seconds(near["date"]), "flat": flat_candles(near)}
    valid = windows_of(rows, 180, 10_000)
    assert np.flatnonzero(~valid).tolist() == [*range(179), *range(400, 579)]
    known = futures_of(rows, 120, 10_000)
    assert np.flatnonzero(~known).tolist() == [*range(280, 400), *range(680, 800)]


# --- dates ---------------------------------------------------------------------------------------

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
