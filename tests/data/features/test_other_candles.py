"""Features of other pairs and timeframes are known where their candle is there and was traded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.features.other_candles import OtherCandles, RowGrid
from tests.makers.impossible import planted
from tests.makers.markets import START, random_candles

GRID = RowGrid(candle_seconds=60, window_size=60, max_flat_candles=20)
ROWS = 400
SECONDS = utc_seconds(pd.Series(pd.date_range(START, periods=ROWS, freq="min")))


def other(
    minutes: int, *, flat: tuple[int, int] | None = None, gone: slice | None = None
) -> pd.DataFrame:
    """Candles of some minutes from START on, as many as the rows take."""
    candles = random_candles(ROWS // minutes + 1, 3, flat=[flat] if flat else [])
    candles["date"] = START + pd.to_timedelta(minutes * np.arange(len(candles)), unit="min")
    return candles if gone is None else candles.drop(index=candles.index[gone])


def unknown(candles: pd.DataFrame, minutes: int, grid: RowGrid = GRID) -> np.ndarray:
    frame = candles.reset_index(drop=True)
    found = OtherCandles.from_frame(frame, "ETH/USDT:USDT", f"{minutes}m", 60 * minutes, grid)
    return np.flatnonzero(found.unknown_rows(SECONDS))


@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_only_rows_before_the_first_candle_has_closed_are_unknown(minutes: int) -> None:
    assert unknown(other(minutes), minutes).tolist() == list(range(minutes - 1))


@pytest.mark.parametrize("minutes", [1, 5])
def test_a_candle_that_is_not_there_is_unknown_until_the_next_has_closed(minutes: int) -> None:
    found = unknown(other(minutes, gone=slice(20, 22)), minutes)
    first = 20 * minutes + minutes - 1
    assert found[found >= minutes].tolist() == list(range(first, first + 2 * minutes))


@pytest.mark.parametrize("minutes", [1, 5])
def test_rows_after_the_last_candle_are_unknown(minutes: int) -> None:
    found = unknown(other(minutes, gone=slice(40, None)), minutes)
    first = 40 * minutes + minutes - 1
    assert found[found >= minutes].tolist() == list(range(first, ROWS))


@pytest.mark.parametrize(("minutes", "allowed"), [(1, 20), (5, 4), (60, 0)])
def test_an_outage_is_as_long_in_rows_as_for_the_pair_itself(minutes: int, allowed: int) -> None:
    shortest = other(minutes, flat=(3, allowed)) if allowed else other(minutes)
    assert unknown(shortest, minutes).tolist() == list(range(minutes - 1))
    found = unknown(other(minutes, flat=(3, allowed + 1)), minutes)
    first = (3 + allowed) * minutes + minutes - 1
    assert found[found >= minutes - 1].tolist() == list(range(first, first + minutes))


def test_an_outage_as_long_as_a_window_is_allowed_where_it_is_for_the_pair_itself() -> None:
    assert not len(unknown(other(1, flat=(100, 250)), 1, RowGrid(60, 60, 60)))


def test_an_impossible_candle_and_the_one_after_it_are_unknown() -> None:
    found = unknown(planted(other(5), {20: "prices of -5"}), 5)
    assert found[found >= 5].tolist() == list(range(104, 114))


def test_features_are_told_by_the_end_of_their_name() -> None:
    candles = OtherCandles.from_frame(other(5), "ETH/USDT:USDT", "5m", 300, GRID)
    assert candles.made("%-high_change_gen_ETH/USDTUSDT_5m")
    assert not candles.made("%-high_change_gen_ETH/USDTUSDT_15m")
    assert not candles.made("%-high_change_gen_XETH/USDTUSDT_5m")
    assert not len(unknown(other(5)[:0], 5)) - ROWS
