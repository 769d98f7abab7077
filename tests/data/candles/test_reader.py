"""Candle files, read piece by piece, are what freqtrade loads."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from freqtrade.data.converter import clean_ohlcv_dataframe, ohlcv_fill_up_missing_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualwindow.data.candles.feather import CandleBatch, FeatherFile
from dualwindow.data.candles.frames import flat_candles, utc_seconds
from dualwindow.data.candles.reader import CandleFile
from dualwindow.data.candles.timerange import DateRange
from dualwindow.errors import DataError
from tests.makers.markets import START, candle_frames, random_candles

COLUMNS = ("open", "high", "low", "close", "volume")
in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(path: Path, frame: pd.DataFrame, rows_a_batch: int = 65_536) -> Path:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(str(path), table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows_a_batch)
    return path


def joined(batches: list[CandleBatch]) -> CandleBatch:
    whole = batches[0]
    for batch in batches[1:]:
        whole = whole.followed_by(batch)
    return whole


def assert_is(found: CandleBatch, expected: pd.DataFrame) -> None:
    np.testing.assert_array_equal(found.seconds, utc_seconds(expected["date"]))
    for column in COLUMNS:
        np.testing.assert_array_equal(found[column], expected[column].to_numpy(np.float64))
    np.testing.assert_array_equal(found.flat, flat_candles(expected))


@given(
    frame=candle_frames(min_rows=1, gaps=True),
    rows_a_batch=st.integers(1, 50),
    pieces=st.lists(st.integers(1, 30), min_size=1, max_size=5),
)
@in_a_folder
def test_however_it_is_cut_a_file_is_what_freqtrade_makes_of_it(
    frame: pd.DataFrame, rows_a_batch: int, pieces: list[int], tmp_path: Path
) -> None:
    path = write(tmp_path / "candles.feather", frame, rows_a_batch)
    asked = itertools.cycle(pieces)
    file = CandleFile(path)
    batches = list(file.batches(lambda: next(asked)))
    assert max(map(len, batches)) <= max(pieces)
    expected = ohlcv_fill_up_missing_data(frame, "1m", "COIN/USDT")
    assert len(file) == len(expected)
    assert_is(joined(batches), expected)


@given(
    frame=candle_frames(min_rows=1, gaps=True),
    late=st.lists(st.integers(0, 400_000), min_size=60, max_size=60),
    timeframe=st.sampled_from(["1m", "5m"]),
    rows_a_batch=st.integers(1, 20),
)
@in_a_folder
def test_candles_between_two_minutes_are_put_where_freqtrade_puts_them(
    frame: pd.DataFrame, late: list[int], timeframe: str, rows_a_batch: int, tmp_path: Path
) -> None:
    """As Binance delivered them after its outage of February 2018, 14.789 seconds late."""
    seconds = 60 if timeframe == "1m" else 300
    minutes = ((frame["date"] - START) // pd.Timedelta(minutes=1)).to_numpy()
    shifts = np.resize(late, len(frame))
    # One in three lies on the grid.
    milliseconds = 1000 * seconds * minutes + np.where(shifts % 3, shifts, 0)
    later = np.maximum.accumulate(milliseconds)
    rows = np.concatenate([[True], milliseconds[1:] > later[:-1]])
    dates = START + pd.to_timedelta(milliseconds, unit="ms")
    frame = frame.assign(date=dates.as_unit("ms"))[rows]
    expected = clean_ohlcv_dataframe(
        frame, timeframe, "COIN/USDT", fill_missing=True, drop_incomplete=False
    )
    file = CandleFile(write(tmp_path / "c.feather", frame, rows_a_batch), seconds)
    assert (len(file), file.first) == (len(expected), utc_seconds(expected["date"])[0])
    assert_is(joined(list(file.batches(lambda: 7))), expected)


@given(
    frame=candle_frames(min_rows=1, gaps=True),
    rows_a_batch=st.integers(1, 20),
    split=st.integers(0, 40),
    first=st.none() | st.integers(-5, 100),
    stop=st.none() | st.integers(-5, 100),
    buffer=st.integers(0, 30),
)
@in_a_folder
def test_a_period_is_read_as_if_the_file_held_nothing_else(
    frame: pd.DataFrame,
    rows_a_batch: int,
    split: int,
    first: int | None,
    stop: int | None,
    buffer: int,
    tmp_path: Path,
) -> None:
    minutes = (frame["date"] - START).dt.total_seconds().to_numpy() / 60
    begin, end = (-np.inf if first is None else first), (np.inf if stop is None else stop)
    wanted = frame[(minutes >= begin - buffer) & (minutes < end)].reset_index(drop=True)
    # Two files, of which one may be empty.
    parts = [frame.iloc[:split], frame.iloc[split:]]
    paths = [write(tmp_path / f"{n}.feather", part, rows_a_batch) for n, part in enumerate(parts)]
    at = int(START.timestamp())
    timerange = DateRange(
        None if first is None else at + 60 * first, None if stop is None else at + 60 * stop
    )
    if not ((minutes >= begin) & (minutes < end)).any():
        with pytest.raises(DataError, match=r"0\.feather.*1\.feather holds no candle of"):
            CandleFile(paths, timerange=timerange, buffer_seconds=60 * buffer)
        return
    file = CandleFile(paths, timerange=timerange, buffer_seconds=60 * buffer)
    expected = ohlcv_fill_up_missing_data(wanted, "1m", "COIN/USDT")
    assert (len(file), file.first) == (len(expected), utc_seconds(expected["date"])[0])
    assert_is(joined(list(file.batches(lambda: 7))), expected)
    raw = joined(list(file.raw_batches()))
    np.testing.assert_array_equal(raw["close"], wanted["close"].to_numpy())


def test_batches_outside_a_period_are_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "c.feather", random_candles(1000), 100)
    unpacked: list[int] = []
    candles = FeatherFile.candles

    def noted(self: FeatherFile, numbers: Sequence[int]) -> Iterator[CandleBatch]:
        unpacked.extend(numbers)
        return candles(self, numbers)

    monkeypatch.setattr(FeatherFile, "candles", noted)
    at = int(START.timestamp())
    file = CandleFile(
        path, timerange=DateRange(at + 60 * 450, at + 60 * 600), buffer_seconds=60 * 120
    )
    assert sum(map(len, file.batches(lambda: 1000))) == 270
    assert unpacked == [3, 4, 5]


def test_faults_outside_a_period_do_not_matter(tmp_path: Path) -> None:
    frame = random_candles(1000)
    for row in (100, 900):
        frame.loc[row, "date"] = frame["date"][row - 1]
    path = write(tmp_path / "c.feather", frame)
    at = int(START.timestamp())
    file = CandleFile(
        path, timerange=DateRange(at + 60 * 300, at + 60 * 800), buffer_seconds=60 * 100
    )
    assert sum(map(len, file.batches(lambda: 1000))) == 600
    with pytest.raises(DataError, match="doubled"):
        list(CandleFile(path).batches(lambda: 1000))


def test_files_that_overlap_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a.feather", tmp_path / "b.feather"]
    for path in paths:
        write(path, random_candles(20))
    with pytest.raises(DataError, match=r"b\.feather: the candle of .* out of order"):
        list(CandleFile(paths).batches(lambda: 100))


def test_a_file_that_freqtrade_wrote_is_read(btc_gap: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1m.feather"
    btc_gap.to_feather(path, compression_level=9, compression="lz4")
    expected = ohlcv_fill_up_missing_data(btc_gap, "1m", "BTC/USDT")
    batches = list(CandleFile(path).batches(lambda: 65_536))
    assert len(batches) > 1
    assert_is(joined(batches), expected)


@pytest.mark.parametrize(
    ("name", "timeframe", "seconds"),
    [
        ("binance-spot-2023-03-16_2023-05-05-gap80", "1m", 60),
        # With 241 candles of February 2018 that begin 14.789 seconds before five minutes are over.
        ("binance-spot-5m-2017-08-17_2020-12-31", "5m", 300),
    ],
)
def test_real_files_are_what_freqtrade_loads(
    name: str, timeframe: str, seconds: int, shared_data: Path
) -> None:
    from freqtrade.data.history import load_pair_history

    folder = shared_data / name
    expected = load_pair_history("BTC/USDT", timeframe, folder, data_format="feather")
    file = CandleFile(folder / f"BTC_USDT-{timeframe}.feather", seconds)
    assert_is(joined(list(file.batches(lambda: 10_000))), expected)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_of_any_unit_are_read(unit: str, tmp_path: Path) -> None:
    frame = random_candles(30)
    frame["date"] = frame["date"].dt.as_unit(unit)
    (batch,) = CandleFile(write(tmp_path / "c.feather", frame)).batches(lambda: 100)
    assert_is(batch, frame)


def test_an_outage_of_years_comes_in_pieces(tmp_path: Path) -> None:
    frame = random_candles(20)
    frame.loc[10:, "date"] += pd.Timedelta(days=1000)
    file = CandleFile(write(tmp_path / "c.feather", frame))
    sizes = [len(batch) for batch in file.batches(lambda: 50_000)]
    assert max(sizes) == 50_000
    assert sum(sizes) == len(file) == 1000 * 1440 + 20


def test_a_batch_keeps_nothing_of_the_file_it_came_from(tmp_path: Path) -> None:
    (batch,) = CandleFile(write(tmp_path / "c.feather", random_candles(30))).batches(lambda: 100)
    part = batch.rows(5, 10)
    assert np.shares_memory(part["close"], batch["close"])
    assert not np.shares_memory(part.copy()["close"], batch["close"])


def frame_with(change: Callable[[pd.DataFrame], object]) -> pd.DataFrame:
    frame = random_candles(40)
    change(frame)
    return frame


def doubled(frame: pd.DataFrame) -> None:
    frame.loc[20, "date"] = frame["date"][19]


def backwards(frame: pd.DataFrame) -> None:
    frame.loc[20, "date"] = frame["date"][3]


def undated(frame: pd.DataFrame) -> None:
    frame.loc[20, "date"] = pd.NaT


@pytest.mark.parametrize("rows_a_batch", [7, 20, 1000])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (doubled, "doubled"),
        (backwards, "out of order"),
        (undated, "has no date"),
    ],
)
def test_candles_that_are_not_one_a_minute_are_refused(
    fault: Callable[[pd.DataFrame], object], said: str, rows_a_batch: int, tmp_path: Path
) -> None:
    path = write(tmp_path / "BTC.feather", frame_with(fault), rows_a_batch)
    with pytest.raises(DataError, match=rf"BTC\.feather.*{said}.*download the pair again"):
        list(CandleFile(path).batches(lambda: 10))


@pytest.mark.parametrize("damage", ["empty", "noise", "truncated", "text"])
def test_a_file_that_is_none_is_named(damage: str, tmp_path: Path) -> None:
    path = write(tmp_path / "BTC.feather", random_candles(5000), 1000)
    content = {
        "empty": b"",
        "noise": os.urandom(4000),
        "truncated": path.read_bytes()[:-200],
        "text": b"date,open\n",
    }[damage]
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"BTC\.feather.*download the pair again"):
        list(CandleFile(path).batches(lambda: 1000))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no candle file .*none\.feather.*download"):
        CandleFile(tmp_path / "none.feather")
    without = write(tmp_path / "a.feather", random_candles(9).drop(columns=["low", "volume"]))
    with pytest.raises(DataError, match=r"a\.feather has no column low, volume"):
        CandleFile(without)
    with pytest.raises(DataError, match=r"b\.feather holds no candle"):
        CandleFile(write(tmp_path / "b.feather", random_candles(9).iloc[:0]))
