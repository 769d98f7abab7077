"""Sums of blocks tell whether candles have changed, wherever both frames reach."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.data.candles.sums import CandleSums, SummedCandles, changes_text
from tests.makers.markets import random_candles

COUNT, BLOCK = 700, 3600
FRAME = random_candles(COUNT, seed=5)
#: Date of the first candle; blocks begin at full hours.
BEGIN = int(FRAME["date"].iloc[0].timestamp())
STOP = BEGIN + 60 * COUNT


def summed(frame: pd.DataFrame = FRAME) -> SummedCandles:
    return SummedCandles(frame, 60)


def whole(frame: pd.DataFrame = FRAME) -> CandleSums:
    return summed(frame).sums(BEGIN, STOP, BLOCK)


def blocks_of(row: int) -> list[tuple[int, int]]:
    """The block of a candle."""
    first = BEGIN + 60 * row
    edge = first // BLOCK * BLOCK
    return [(max(edge, BEGIN), min(edge + BLOCK, STOP))]


def test_candles_know_where_they_begin_and_end() -> None:
    assert (summed().begin, summed().stop) == (BEGIN, STOP)
    assert (summed(FRAME.head(0)).begin, summed(FRAME.head(0)).stop) == (0, 0)


@given(
    begin=st.integers(0, COUNT), rows=st.integers(0, COUNT), block=st.sampled_from([60, 300, BLOCK])
)
def test_blocks_lie_at_multiples_of_their_length_and_leave_nothing_out(
    begin: int, rows: int, block: int
) -> None:
    first, stop = BEGIN + 60 * begin, BEGIN + 60 * (begin + rows)
    sums = summed().sums(first, stop, block)
    blocks = list(sums.blocks())
    last = min(stop, STOP)
    assert [seconds for begin_, end, _ in blocks for seconds in range(begin_, end, 60)] == [
        *range(first, last, 60)
    ]
    assert all(end % block == 0 for _, end, _ in blocks[:-1])
    assert all(begin_ % block == 0 for begin_, _, _ in blocks[1:])
    assert all(0 < end - begin_ <= block for begin_, end, _ in blocks)
    assert {len(each) for _, _, each in blocks} <= {16}
    assert (sums.begin, sums.stop, sums.block) == (first, max(first, last), block)


def test_sums_reach_no_further_than_the_candles() -> None:
    sums = summed().sums(BEGIN - 7200, STOP + 7200, BLOCK)
    assert (sums.begin, sums.stop) == (BEGIN, STOP)
    assert sums == whole()
    none = summed().sums(STOP + 60, STOP + 120, BLOCK)
    assert (none.begin, none.stop, none.sums) == (STOP + 60, STOP + 60, "")
    assert list(none.blocks()) == []


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("row", [0, 59, 60, 300, COUNT - 1])
def test_a_changed_value_changes_its_block_and_no_other(column: str, row: int) -> None:
    frame = FRAME.copy()
    frame.loc[row, column] = np.nextafter(frame.loc[row, column], np.inf)
    assert summed(frame).changes(whole()) == blocks_of(row)
    assert summed().changes(whole(frame)) == blocks_of(row)


def test_a_missing_candle_is_a_change_and_a_minus_before_a_zero_is_none() -> None:
    frame = FRAME.drop(index=300).reset_index(drop=True)
    assert summed(frame).changes(whole()) == blocks_of(300)
    zero, minus = FRAME.copy(), FRAME.copy()
    zero.loc[300, "volume"], minus.loc[300, "volume"] = 0.0, -0.0
    assert summed(minus).changes(whole(zero)) == []


@pytest.mark.parametrize(("first", "end"), [(0, 650), (61, COUNT), (100, 500), (0, 1), (5, 5)])
def test_candles_that_are_no_longer_loaded_are_no_change(first: int, end: int) -> None:
    frame = FRAME.iloc[first:end].reset_index(drop=True)
    assert summed(frame).changes(whole()) == []
    if end - first > 200:
        frame.loc[120, "close"] += 1.0
        assert summed(frame).changes(whole()) == blocks_of(first + 120)


def test_a_block_that_is_loaded_to_its_last_candle_counts() -> None:
    changed = FRAME.assign(close=FRAME["close"] + 1.0)
    first = (BLOCK - BEGIN % BLOCK) % BLOCK // 60
    inside = changed.iloc[first : first + 60].reset_index(drop=True)
    assert summed(inside).changes(whole()) == blocks_of(first)
    assert summed(inside.iloc[1:].reset_index(drop=True)).changes(whole()) == []
    assert summed(inside.iloc[:-1]).changes(whole()) == []


def test_candles_of_another_length_end_later() -> None:
    frame = FRAME.assign(date=pd.date_range(FRAME["date"].iloc[0], periods=COUNT, freq="5min"))
    assert SummedCandles(frame, 300).stop == BEGIN + 300 * COUNT


def test_sums_come_back_from_json_as_they_were() -> None:
    content = json.loads(json.dumps(whole().to_dict()))
    assert set(content) == {"begin", "stop", "block", "sums"}
    assert CandleSums.from_dict(content) == whole()
    assert CandleSums.from_dict({**content, "begin": str(BEGIN)}) == whole()
    for name in content:
        with pytest.raises((KeyError, TypeError, ValueError)):
            CandleSums.from_dict({key: value for key, value in content.items() if key != name})
    with pytest.raises(ValueError, match="hour"):
        CandleSums.from_dict({**content, "block": "hour"})


def test_changes_are_told_by_series_from_the_first_to_the_last() -> None:
    first = {"BTC/USDT 1m": (1_700_000_040, 1_700_003_640), "ETH/USDT 1m": (60, 120)}
    second = {"BTC/USDT 1m": (1_699_990_020, 1_699_993_620)}
    assert changes_text([first, second]) == (
        "BTC/USDT 1m between 2023-11-14 19:27 and 2023-11-14 23:14 UTC, "
        "ETH/USDT 1m between 1970-01-01 00:01 and 1970-01-01 00:02 UTC"
    )
    assert changes_text([]) == ""
