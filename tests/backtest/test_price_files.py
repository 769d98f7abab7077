"""Prices of a period, as freqtrade would hand them to a backtest."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.converter import ohlcv_fill_up_missing_data

from dualwindow.backtest.price_files import read_trade_candles
from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import EVERYTHING, DateRange
from tests.makers.markets import random_candles


def source_of(
    folder: Path, candles: pd.DataFrame, timerange: DateRange = EVERYTHING
) -> CandleSource:
    path = folder / "BTC_USDT_USDT-1m-futures.feather"
    candles.to_feather(path)
    return CandleSource("BTC/USDT:USDT", path, timerange)


def assert_same(found: TradeCandles, expected: TradeCandles) -> None:
    for name in ("seconds", "open", "high", "low", "tick"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_gaps_are_filled_as_freqtrade_fills_them(tmp_path: Path) -> None:
    candles = random_candles(500, missing=[(100, 7), (300, 1)])
    found = read_trade_candles(source_of(tmp_path, candles))
    assert_same(
        found, TradeCandles.from_frame(ohlcv_fill_up_missing_data(candles, "1m", "BTC/USDT"))
    )


def test_a_period_holds_its_own_candles_alone(tmp_path: Path) -> None:
    candles = random_candles(500)
    seconds = utc_seconds(candles["date"])
    timerange = DateRange(int(seconds[100]), int(seconds[200]))
    found = read_trade_candles(source_of(tmp_path, candles, timerange))
    assert_same(found, TradeCandles.from_frame(candles.iloc[100:200]))


@pytest.mark.parametrize("timeframe", ["1h", "8h"])
def test_funding_lies_beside_the_candles(tmp_path: Path, timeframe: str) -> None:
    candles = random_candles(1500)
    dates = candles["date"][::480].reset_index(drop=True)
    rates = pd.DataFrame({"date": dates, "funding_rate": [1e-4, 2e-4, -1e-4, 3e-4]})
    marks = pd.DataFrame({"date": dates, "open": [100.0, 101.0, 99.0, 100.0]})
    source = source_of(tmp_path, candles)
    for name, frame in (("funding_rate", rates), ("mark", marks)):
        frame.to_feather(tmp_path / f"BTC_USDT_USDT-{timeframe}-{name}.feather")
    found = read_trade_candles(source).funding
    expected = Funding.from_frames(rates, marks)
    assert found is not None
    np.testing.assert_array_equal(found.per_unit, expected.per_unit)
    assert read_trade_candles(source, funding=False).funding is None


@pytest.mark.parametrize("name", ["funding_rate", "mark"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300, -1e9, 60.0, 0.0, -5.0, np.nan])
def test_an_impossible_rate_or_mark_spoils_no_other_payment(
    name: str, value: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = source_of(tmp_path, random_candles(1500))
    rates, marks = funding_frames()
    frames = {"funding_rate": rates, "mark": marks}
    column = frames[name].columns[1]
    is_possible = np.isnan(value) or (0.0 < value < 100.0 if name == "mark" else value == 0.0)
    kept = [0, 1, 3] if np.isnan(value) or not is_possible else [0, 1, 2, 3]
    frames[name].loc[2, column] = value
    for kind, frame in frames.items():
        frame.to_feather(tmp_path / f"BTC_USDT_USDT-1h-{kind}.feather")
    found = read_trade_candles(source).funding
    assert found is not None
    np.testing.assert_array_equal(found.seconds, utc_seconds(rates["date"])[kept])
    times = utc_seconds(rates["date"])[[0, 3]]
    np.testing.assert_allclose(found.paid(times, times + 1), [0.01, 0.03])
    assert ("impossible rates or marks" in caplog.text) != is_possible


def test_a_payment_that_is_there_twice_is_paid_once() -> None:
    rates, marks = funding_frames()
    twice = Funding.from_frames(pd.concat([rates, rates]), pd.concat([marks, marks]))
    once = Funding.from_frames(rates, marks)
    np.testing.assert_array_equal(twice.seconds, once.seconds)
    np.testing.assert_array_equal(twice.per_unit, once.per_unit)


def funding_frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four rates and marks, eight hours apart."""
    dates = random_candles(1500)["date"][::480].reset_index(drop=True)
    rates = pd.DataFrame({"date": dates, "funding_rate": [1e-4, 2e-4, -1e-4, 3e-4]})
    return rates, pd.DataFrame({"date": dates, "open": [100.0, 101.0, 99.0, 100.0]})


@pytest.mark.parametrize("content", [None, b"no feather"])
def test_without_funding_the_figures_go_on_with_a_warning(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    source = source_of(tmp_path, random_candles(100))
    if content is not None:
        for name in ("funding_rate", "mark"):
            (tmp_path / f"BTC_USDT_USDT-1h-{name}.feather").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert read_trade_candles(source).funding is None
    assert "BTC/USDT:USDT" in caplog.text
