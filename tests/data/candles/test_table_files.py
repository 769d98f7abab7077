"""Candles and funding are read in every format of freqtrade's, damaged ones never."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from freqtrade.constants import AVAILABLE_DATAHANDLERS
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType

from dualwindow.backtest.funding_files import read_funding
from dualwindow.backtest.price_files import read_candle_frame
from dualwindow.data.candles.sources import CandleSource, available_pairs, find_sources
from dualwindow.data.candles.table_files import SUFFIXES
from dualwindow.errors import DataError
from tests.makers.markets import random_candles

PAIR = "BTC/USDT:USDT"
FORMATS = sorted(SUFFIXES)


def store(folder: Path, frame: pd.DataFrame, form: str, kind: CandleType, timeframe: str) -> Path:
    """The file that freqtrade itself writes in one of its formats."""
    handler = get_datahandler(folder, form)
    handler.ohlcv_store(PAIR, timeframe, frame, kind)
    return handler._pair_data_filename(folder, PAIR, timeframe, kind)


def store_candles(folder: Path, form: str, rows: int = 300, seed: int = 1) -> CandleSource:
    frame = random_candles(rows, seed=seed, missing=[(50, 3)])
    return CandleSource(PAIR, store(folder, frame, form, CandleType.FUTURES, "1m"))


def store_funding(folder: Path, form: str, *, legacy: bool = False) -> list[Path]:
    dates = pd.date_range("2025-01-01", periods=4, freq="8h", tz="UTC", unit="ms")
    marks = random_candles(4, seed=2).assign(date=dates)
    rates = pd.DataFrame({"date": dates, "funding_rate": [1e-4, 2e-4, -1e-4, 3e-4]})
    paths = [
        store(folder, frame, form, kind, "1h")
        for frame, kind in ((rates, CandleType.FUNDING_RATE), (marks, CandleType.MARK))
    ]
    if legacy:
        # As freqtrade wrote it before it had columns of their own for rates.
        old = marks.assign(open=rates["funding_rate"])
        store(folder, old, form, CandleType.PREMIUMINDEX, "1h").rename(paths[0])
    return paths


def test_the_formats_are_freqtrades() -> None:
    assert set(SUFFIXES) == set(AVAILABLE_DATAHANDLERS)


@pytest.mark.parametrize("form", FORMATS)
def test_candles_are_those_that_freqtrade_loads(form: str, tmp_path: Path) -> None:
    source = store_candles(tmp_path, form)
    found = read_candle_frame(source)
    theirs = get_datahandler(tmp_path, form).ohlcv_load(PAIR, "1m", CandleType.FUTURES)
    assert found["date"].tolist() == theirs["date"].tolist()
    columns = ["open", "high", "low", "close", "volume"]
    pd.testing.assert_frame_equal(found[columns], theirs[columns], check_exact=True)
    assert find_sources(["BTC_USDT"], tmp_path, trading_mode="futures") == [source]
    assert [(there.pair, there.rows) for there in available_pairs(tmp_path)] == [(PAIR, 297)]


@pytest.mark.parametrize(("ours", "other"), list(itertools.permutations(FORMATS, 2)))
def test_of_two_formats_the_configured_one_counts(ours: str, other: str, tmp_path: Path) -> None:
    mine, theirs = (store_candles(tmp_path, form) for form in (ours, other))
    for form, expected in ((ours, mine), (other, theirs)):
        found = find_sources([PAIR], tmp_path, trading_mode="futures", data_format=form)
        assert found == [expected]
    assert len(available_pairs(tmp_path)) == 1


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(("form", "candles"), list(itertools.product(FORMATS, FORMATS)))
def test_funding_is_read_whatever_its_format(
    form: str, candles: str, legacy: bool, tmp_path: Path
) -> None:
    source = store_candles(tmp_path, candles, rows=60)
    store_funding(tmp_path, form, legacy=legacy)
    found = read_funding(source)
    assert found is not None
    marks = random_candles(4, seed=2)["open"].to_numpy()
    expected = np.array([1e-4, 2e-4, -1e-4, 3e-4]) * marks
    np.testing.assert_allclose(found.per_unit, expected, rtol=1e-9)


def values(column: str, make: Callable[[pd.Series], object]) -> Callable[[pd.DataFrame], object]:
    def apply(frame: pd.DataFrame) -> None:
        frame[column] = make(frame[column])

    return apply


WRONG = {
    "text": values("close", lambda own: own.map(lambda price: f"about {price}")),
    "list": values("open", lambda own: [[price] for price in own]),
    "category": values("high", lambda own: own.map("{}x".format).astype("category")),
    "truth": values("low", lambda own: own > 0),
    "bytes": values("volume", lambda own: [b"\xff\x00"] * len(own)),
    "text as date": values("date", lambda own: own.map(str)),
    "number as date": values("date", lambda own: np.arange(len(own))),
    "nothing as date": values("date", lambda own: [None] * len(own)),
    "no column": lambda frame: frame.pop("low"),
}


@pytest.mark.parametrize("form", ["feather", "parquet"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_column_that_holds_something_else_is_named(wrong: str, form: str, tmp_path: Path) -> None:
    frame = random_candles(50)
    WRONG[wrong](frame)
    path = tmp_path / f"BTC_USDT-1m{SUFFIXES[form]}"
    getattr(frame, f"to_{form}")(path)
    with pytest.raises(DataError, match=rf"BTC_USDT-1m\.{form}.*download the pair again"):
        read_candle_frame(CandleSource("BTC/USDT", path))


@pytest.mark.parametrize("form", ["feather", "parquet"])
@pytest.mark.parametrize("column", ["date", "close"])
def test_a_column_that_is_there_twice_is_named(column: str, form: str, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(random_candles(50), preserve_index=False)
    table = table.append_column(column, table[column])
    path = tmp_path / f"BTC_USDT-1m{SUFFIXES[form]}"
    write: Callable[[pa.Table, Path], None] = {
        "feather": pa.feather.write_feather,
        "parquet": pa.parquet.write_table,
    }[form]
    write(table, path)
    with pytest.raises(DataError, match=rf"BTC_USDT-1m\.{form}.*{column} twice; download the pair"):
        read_candle_frame(CandleSource("BTC/USDT", path))


@pytest.mark.parametrize(
    "content",
    [
        b"[]", b"{}", b"null", b"[[1, 2], [3, 4]]", b'{"a": [1]}', b"[1, 2, 3]", b'"text"', b"[[]]",
        b'[["a", 1, 1, 1, 1, 1]]', b'[[0, 1, 1, "x", 1, 1]]', b"[[0, 1, 1, [1], 1, 1]]",
        b"[[null, 1, 1, 1, 1, 1]]", b"[[1e300, 1, 1, 1, 1, 1]]", b"[[0, 1, 1, 1, 1, 1, 1]]",
        b"[[-1e18, 1, 1, 1, 1, 1]]", b"[[0, {}, 1, 1, 1, 1]]", b"[[0, 1, 1, 1, 1, 1", b"\xff\xfe",
    ],
)  # fmt: skip
def test_json_that_holds_something_else_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1m.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"BTC_USDT-1m\.json.*download the pair again"):
        read_candle_frame(CandleSource("BTC/USDT", path))


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """Cut off, or with a few bits flipped, often near one of the ends, where formats keep notes."""
    if random.random() < 0.25:
        return content[: int(random.integers(0, len(content)))]
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 4))):
        reach = len(changed) if random.random() < 0.4 else min(600, len(changed))
        at = int(random.integers(0, reach))
        at = at if random.random() < 0.5 else len(changed) - 1 - at
        changed[at] ^= 1 << int(random.integers(0, 8))
    return bytes(changed)


@pytest.mark.parametrize("form", FORMATS)
def test_whatever_is_damaged_is_an_error_that_names_the_file_or_a_candle(
    form: str, tmp_path: Path
) -> None:
    """A flipped bit may also leave a file that can be read: its prices are checked elsewhere."""
    source = store_candles(tmp_path, form)
    rates, marks = store_funding(tmp_path, form)
    whole = {path: path.read_bytes() for path in (source.path, rates, marks)}
    random = np.random.default_rng(30)
    refused = read = 0
    for _ in range(250):
        for path, content in whole.items():
            path.write_bytes(damaged(content, random))
        try:
            read_candle_frame(source)
        except DataError as error:
            refused += source.path.name in str(error) and "download" in str(error)
        else:
            read += 1
        available_pairs(tmp_path)
        read_funding(source)
    assert refused + read == 250
    assert refused > 80
