from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.columns import CANDLE_COLUMNS
from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.features.candle_arrays import CandleArrays, read_candles
from dualwindow.data.features.other_candles import OtherCandles, RowGrid
from dualwindow.data.features.windows import valid_windows
from dualwindow.errors import DataError
from dualwindow.settings import TrainingConfig
from tests.makers.markets import random_candles

PAIR, TIMEFRAME = "BTC/USDT:USDT", "1m"
COLUMNS = ["%-close_change_gen_BTC/USDTUSDT_1m", "%-high_change_gen_BTC/USDTUSDT_1m", "%-hour"]


def frame(rows: int = 20, seed: int = 0) -> pd.DataFrame:
    candles = random_candles(rows, seed, flat=[(5, 3)])
    values = np.random.default_rng(seed).normal(size=(rows, 3))
    candles[COLUMNS] = values
    return candles


def arrays(rows: int = 20, seed: int = 0) -> CandleArrays:
    return read_candles(frame(rows, seed), COLUMNS, PAIR, TIMEFRAME)


def part(candles: CandleArrays, first: int, last: int) -> CandleArrays:
    return CandleArrays(
        candles.names,
        candles.seconds[first:last],
        candles.features[first:last],
        candles.flat[first:last],
    )


def assert_equal(found: CandleArrays, wanted: CandleArrays) -> None:
    assert found.names == wanted.names
    np.testing.assert_array_equal(found.seconds, wanted.seconds)
    np.testing.assert_array_equal(found.features, wanted.features)
    np.testing.assert_array_equal(found.flat, wanted.flat)


# --- reading -------------------------------------------------------------------------------------


def test_the_features_are_the_columns_in_the_order_asked_for() -> None:
    content = frame()
    for columns in (COLUMNS, COLUMNS[::-1]):
        candles = read_candles(content, columns, PAIR, TIMEFRAME)
        wanted = content[columns].to_numpy().astype(np.float32)
        np.testing.assert_array_equal(candles.features, wanted)
    assert candles.names == ("hour", "high_change", "close_change")


def test_the_arrays_are_what_the_stream_takes() -> None:
    candles = arrays()
    assert candles.features.dtype == np.float32
    assert candles.features.flags.c_contiguous
    assert candles.features.shape == (20, 3)
    assert candles.seconds.dtype == np.int64
    assert len(candles) == 20


def test_dates_and_outages_come_along() -> None:
    content = frame()
    candles = read_candles(content, COLUMNS, PAIR, TIMEFRAME)
    np.testing.assert_array_equal(candles.seconds, utc_seconds(content["date"]))
    np.testing.assert_array_equal(candles.flat, flat_candles(content))
    assert candles.flat.sum() == 3


def test_missing_values_stay_missing_whatever_the_column_holds() -> None:
    content = frame()
    content.loc[3, COLUMNS[0]] = math.nan
    content[COLUMNS[1]] = content[COLUMNS[1]].astype("Float64")
    content.loc[4, COLUMNS[1]] = pd.NA
    content[COLUMNS[2]] = np.arange(20)
    candles = read_candles(content, COLUMNS, PAIR, TIMEFRAME)
    assert np.argwhere(np.isnan(candles.features)).tolist() == [[3, 0], [4, 1]]
    assert candles.features[:, 2].tolist() == list(range(20))


def test_reading_leaves_the_frame_as_it_was() -> None:
    content = frame()
    before = content.copy()
    read_candles(content, COLUMNS, PAIR, TIMEFRAME)
    pd.testing.assert_frame_equal(content, before)


def test_the_arrays_do_not_change_when_the_frame_does() -> None:
    content = frame()
    candles = read_candles(content, COLUMNS[:1], PAIR, TIMEFRAME)
    first = candles.features[0, 0]
    content.loc[0, COLUMNS[0]] = 77.0
    assert candles.features[0, 0] == first


def test_the_index_of_the_frame_means_nothing() -> None:
    content = frame()
    content.index = pd.RangeIndex(100, 120)[::-1]
    assert_equal(read_candles(content, COLUMNS, PAIR, TIMEFRAME), arrays())


def test_no_candles_can_be_read() -> None:
    candles = read_candles(frame()[:0], COLUMNS, PAIR, TIMEFRAME)
    assert candles.features.shape == (0, 3)
    assert len(candles) == 0


@pytest.mark.parametrize("column", CANDLE_COLUMNS)
def test_a_missing_candle_column_is_refused_by_name(column: str) -> None:
    with pytest.raises(DataError, match=rf"BTC/USDT:USDT.*no column {column}"):
        read_candles(frame().drop(columns=column), COLUMNS, PAIR, TIMEFRAME)


def test_all_missing_columns_are_named_together() -> None:
    with pytest.raises(DataError, match="open, volume"):
        read_candles(frame().drop(columns=["volume", "open"]), COLUMNS, PAIR, TIMEFRAME)


def test_two_features_of_one_name_are_refused() -> None:
    content = frame()
    content["%-close_change"] = 1.0
    with pytest.raises(DataError, match=r"both called close_change"):
        read_candles(content, [*COLUMNS, "%-close_change"], PAIR, TIMEFRAME)


@pytest.mark.parametrize(("order", "at"), [([0, 1, 3, 2], 2), ([0, 1, 1, 2], 1), ([3, 2, 1, 0], 2)])
def test_candles_out_of_order_or_doubled_are_refused_with_their_date(
    order: list[int], at: int
) -> None:
    content = frame()
    date = re.escape(str(content["date"][at]))
    with pytest.raises(DataError, match=f"BTC/USDT:USDT.*{date}"):
        read_candles(content.iloc[order], COLUMNS, PAIR, TIMEFRAME)


def test_a_gap_is_no_error_the_windows_decide() -> None:
    candles = read_candles(frame().drop(index=[9, 10]), COLUMNS, PAIR, TIMEFRAME)
    assert len(candles) == 18


# --- tail and context ----------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 7, 20, 21, 1000])
def test_the_tail_is_the_newest_rows(rows: int) -> None:
    candles = arrays()
    assert_equal(candles.tail(rows), part(candles, max(20 - rows, 0), 20))


def test_the_tail_holds_on_to_nothing_else() -> None:
    candles = arrays()
    tail = candles.tail(4)
    for array in (tail.seconds, tail.features, tail.flat):
        assert array.base is None
        assert not any(
            np.shares_memory(array, whole)
            for whole in (candles.seconds, candles.features, candles.flat)
        )
    assert tail.features.flags.c_contiguous


@given(data=st.data())
def test_context_is_put_in_front_of_what_follows_without_doubling_a_candle(
    data: st.DataObject,
) -> None:
    whole = arrays(20)
    start = data.draw(st.integers(0, 19), label="start of the slice")
    end = data.draw(st.integers(start + 1, 20), label="end of the slice")
    first = data.draw(st.integers(0, start), label="start of the context")
    last = data.draw(st.integers(start, 20), label="end of the context")
    # Whether the context ends right before the slice or reaches into it, or even over its end:
    joined = part(whole, start, end).after(part(whole, first, last))
    assert_equal(joined, part(whole, first, end))


def test_the_newer_candles_win_where_both_have_them() -> None:
    whole, other = arrays(20, seed=0), arrays(20, seed=1)
    joined = part(whole, 10, 20).after(part(other, 0, 15))
    np.testing.assert_array_equal(joined.features[10:], whole.features[10:])
    np.testing.assert_array_equal(joined.features[:10], other.features[:10])


def test_context_of_long_ago_leaves_a_gap_that_no_window_spans() -> None:
    whole = arrays(60)
    config = TrainingConfig(window_size=5)
    joined = part(whole, 40, 60).after(part(whole, 0, 20))
    assert len(joined) == 40
    assert np.flatnonzero(~joined.valid_windows(config)).tolist() == [*range(4), *range(20, 24)]


def test_context_that_is_not_older_adds_nothing() -> None:
    whole = arrays(20)
    assert_equal(part(whole, 0, 10).after(part(whole, 10, 20)), part(whole, 0, 10))
    assert_equal(part(whole, 5, 10).after(part(whole, 0, 0)), part(whole, 5, 10))


def test_windows_are_judged_by_the_one_function() -> None:
    candles = arrays(60)
    candles.features[40, 1] = math.nan
    config = TrainingConfig(window_size=8, max_flat_candles=2)
    wanted = valid_windows(
        candles.features, candles.seconds, candles.flat, window_size=8, max_flat_candles=2
    )
    np.testing.assert_array_equal(candles.valid_windows(config), wanted)
    assert not candles.valid_windows(config, candle_seconds=300).any()


@pytest.mark.parametrize("name", [PAIR, "ETH/USDT:USDT"])
def test_a_pair_that_is_a_correlated_one_of_others_keeps_its_own_candles(name: str) -> None:
    """Its features depend on its own rules, whichever pairs were looked at before it."""
    content = frame(60)
    content.loc[20:50, ["open", "high", "low", "close"]] = content["close"].iloc[19]
    content.loc[20:50, "volume"] = 0.0
    column = f"%-close_change_gen_{name.replace(':', '')}_1m"
    content[column] = 1.0
    grid = RowGrid(candle_seconds=60, window_size=40, max_flat_candles=5)
    other = OtherCandles.from_frame(content, name, "1m", 60, grid)
    found = read_candles(content, [column], PAIR, TIMEFRAME, [other])
    assert np.isfinite(found.features).all() == (name == PAIR)
