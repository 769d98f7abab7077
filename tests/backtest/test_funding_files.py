"""Funding from freqtrade's files: the right ones, and the days without payments are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.backtest.missing_funding import missing_payments
from dualwindow.backtest.price_files import read_trade_candles
from dualwindow.backtest.prices import Funding
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.timerange import DateRange
from tests.makers.markets import START, random_candles

PAIR = "BTC/USDT:USDT"
DAYS = 4
HOUR = 3600


def source_of(folder: Path, candles: pd.DataFrame, timerange: DateRange) -> CandleSource:
    path = folder / "BTC_USDT_USDT-1m-futures.feather"
    candles.to_feather(path)
    return CandleSource(PAIR, path, timerange)


def payments(candles: pd.DataFrame, hours: int = 8) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rates in equal steps, and marks of every hour near the candles, of all candles."""
    dates = pd.date_range(START, periods=DAYS * 24 // hours, freq=f"{hours}h", unit="ms")
    rates = pd.DataFrame({"date": dates, "funding_rate": 1e-4 * (1 + np.arange(len(dates)))})
    full = candles[candles["date"].dt.minute == 0]
    marks = pd.DataFrame({"date": full["date"], "open": full["open"] * 1.001})
    return rates, marks.reset_index(drop=True)


def store(folder: Path, timeframe: str, rates: Any, marks: Any, form: str = "feather") -> None:
    for name, content in (("funding_rate", rates), ("mark", marks)):
        path = folder / f"BTC_USDT_USDT-{timeframe}-{name}.{form}"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            getattr(content.reset_index(drop=True), f"to_{form}")(path)


@pytest.fixture(scope="module")
def candles() -> pd.DataFrame:
    return random_candles(DAYS * 1440)


def read(
    folder: Path, candles: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> tuple[Funding | None, list[str]]:
    source = source_of(folder, candles, DateRange())
    funding = read_trade_candles(source).funding
    return funding, [record.getMessage() for record in caplog.records]


def dates_of(funding: Funding | None) -> list[int]:
    return [] if funding is None else funding.seconds.tolist()


#: What is done to rates and marks, which of the 12 payments are left, and the days that are named.
LACKING: dict[str, tuple[Callable[[Any, Any], Any], list[int], str]] = {
    "ends early": (lambda rates, marks: (rates[:5], marks), list(range(5)), "01-02 to 2025-01-04"),
    "begins late": (
        lambda rates, marks: (rates[7:], marks),
        list(range(7, 12)),
        "2025-01-01 to 2025-01-03",
    ),
    "marks end early": (
        lambda rates, marks: (rates, marks[:20]),
        [0, 1, 2],
        "2025-01-02 to 2025-01-04",
    ),
    "a hole": (lambda rates, marks: (rates.drop([4, 5]), marks), [0, 1, 2, 3, *range(6, 12)], "02"),
    "marks have a hole": (
        lambda rates, marks: (rates, marks.drop(8)),
        [0, *range(2, 12)],
        "of 2025-01-01 UTC",
    ),
    "an unknown rate": (
        lambda rates, marks: (
            rates.assign(funding_rate=rates["funding_rate"].mask(rates.index == 9)),
            marks,
        ),
        [*range(9), 10, 11],
        "of 2025-01-04 UTC",
    ),
    "two holes": (
        lambda rates, marks: (rates.drop([1, 10]), marks),
        [0, *range(2, 10), 11],
        "of 2025-01-01, 2025-01-04 UTC",
    ),
    "of another year": (
        lambda rates, marks: (rates.assign(date=rates["date"] - pd.Timedelta(days=365)), marks),
        [],
        "2025-01-01 to 2025-01-04",
    ),
    "no rate": (lambda rates, marks: (rates[:0], marks), [], "no funding rates"),
    "no mark": (lambda rates, marks: (rates, marks[:0]), [], "no mark prices"),
}


@pytest.mark.parametrize("kind", LACKING)
def test_one_warning_names_the_days_without_funding(
    kind: str, tmp_path: Path, candles: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    spoil, left, named = LACKING[kind]
    rates, marks = payments(candles)
    store(tmp_path, "1h", *spoil(rates, marks))
    funding, (line,) = read(tmp_path, candles, caplog)
    assert dates_of(funding) == utc_seconds(rates["date"])[left].tolist()
    assert named in line
    assert line.startswith(f"{PAIR}: ")
    assert "figures after fees are without them" in line


@pytest.mark.parametrize("hours", [1, 2, 4, 8])
def test_whole_funding_is_read_in_silence(
    hours: int, tmp_path: Path, candles: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    rates, marks = payments(candles, hours)
    store(tmp_path, "1h", rates, marks)
    funding, lines = read(tmp_path, candles, caplog)
    assert lines == []
    assert dates_of(funding) == utc_seconds(rates["date"]).tolist()


@pytest.mark.parametrize("other", [("8h", "feather"), ("1h", "parquet"), ("8h", "parquet")])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda rates, marks: (rates[:0], marks[:0]),
        lambda _rates, _marks: (b"", b""),
        lambda _rates, marks: (b"no feather", marks),
        lambda rates, _marks: (rates, b"no feather"),
        lambda rates, marks: (rates[:4], marks),
        lambda rates, marks: (rates[5:], marks[:50]),
        lambda rates, marks: (rates.assign(funding_rate=np.nan), marks),
        lambda rates, marks: (rates.assign(funding_rate=1e9), marks),
        lambda rates, marks: (rates, marks.assign(open=marks["open"] * 1e9)),
        lambda rates, marks: (rates.astype({"funding_rate": str}), marks),
        lambda rates, marks: (rates.assign(date=rates["date"] - pd.Timedelta(days=365)), marks),
    ],
)
def test_a_file_that_is_no_use_hides_no_other(
    spoil: Callable[[Any, Any], Any],
    other: tuple[str, str],
    tmp_path: Path,
    candles: pd.DataFrame,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rates, marks = payments(candles)
    store(tmp_path, "1h", *spoil(rates, marks))
    store(tmp_path, other[0], rates, marks, other[1])
    funding, lines = read(tmp_path, candles, caplog)
    assert lines == []
    expected = Funding.from_frames(rates, marks)
    assert dates_of(funding) == expected.seconds.tolist()
    assert funding is not None
    np.testing.assert_array_equal(funding.per_unit, expected.per_unit)


def test_the_preferred_file_counts_where_both_have_a_payment(
    tmp_path: Path, candles: pd.DataFrame
) -> None:
    rates, marks = payments(candles)
    store(tmp_path, "1h", rates[:6], marks)
    store(tmp_path, "8h", rates.assign(funding_rate=-0.01), marks)
    funding = read_trade_candles(source_of(tmp_path, candles, DateRange())).funding
    assert funding is not None
    np.testing.assert_array_equal(np.sign(funding.per_unit), [1.0] * 6 + [-1.0] * 6)


def test_days_outside_of_the_period_are_not_missed(
    tmp_path: Path, candles: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    rates, marks = payments(candles)
    store(tmp_path, "1h", rates[3:9], marks)
    first = int(START.timestamp())
    period = DateRange(first + 24 * HOUR, first + 72 * HOUR)
    read_trade_candles(source_of(tmp_path, candles, period))
    assert caplog.records == []


@pytest.mark.parametrize("factor", [1e9, 1e-9, 100.0, 3.0, 0.3])
def test_marks_of_another_market_are_left_out_and_named(
    factor: float, tmp_path: Path, candles: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    rates, marks = payments(candles)
    store(tmp_path, "1h", rates, marks.assign(open=marks["open"] * factor))
    funding, (line,) = read(tmp_path, candles, caplog)
    assert dates_of(funding) == []
    assert f"{DAYS * 24} of {DAYS * 24} mark prices more than 2 times" in line
    assert "1h-mark.feather" in line


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.7])
def test_marks_near_the_candles_count(
    factor: float, tmp_path: Path, candles: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    rates, marks = payments(candles)
    store(tmp_path, "1h", rates, marks.assign(open=marks["open"] * factor))
    funding, lines = read(tmp_path, candles, caplog)
    assert len(dates_of(funding)) == len(rates)
    assert lines == []


@given(
    step=st.sampled_from([1, 2, 4, 8]),
    lost=st.sets(st.integers(0, 29), max_size=3),
    begin=st.integers(-10, 10),
    end=st.integers(-10, 10),
)
def test_what_was_taken_out_is_missing_and_nothing_else(
    step: int, lost: set[int], begin: int, end: int
) -> None:
    whole = 10**6 * HOUR + np.arange(30) * step * HOUR
    first, last = int(whole[0]) + begin * 600, int(whole[-1]) + end * 600
    kept = np.delete(whole, sorted(lost))
    wanted = whole[sorted(lost)]
    wanted = wanted[(wanted >= first) & (wanted <= last)]
    # Between begin and end less than a step lies beyond the 30 payments for steps of 2 hours on.
    found = missing_payments(kept, kept, first, last)
    found = found[(found >= whole[0]) & (found <= whole[-1])]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("steps", [(8, 4), (4, 8), (8, 1), (1, 8)])
def test_another_step_from_a_day_on_is_no_hole(steps: tuple[int, int]) -> None:
    hours = np.cumsum([0, *[steps[0]] * 20, *[steps[1]] * 20])
    assert len(missing_payments(hours * HOUR, hours * HOUR, 0, int(hours[-1]) * HOUR)) == 0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_payments_have_a_step_too(count: int) -> None:
    paid = np.arange(count) * 8 * HOUR
    missing = missing_payments(paid, paid, 0, 40 * HOUR)
    np.testing.assert_array_equal(missing, np.arange(count, 6) * 8 * HOUR)
