"""Funding is freqtrade's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.exchange import Exchange
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.backtest.prices import Funding

START = pd.Timestamp("2025-06-01", tz="UTC")


def every(hours: int, count: int) -> pd.DatetimeIndex:
    return pd.date_range(START, periods=count, freq=f"{hours}h")


def frames(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Payments every eight hours, mark prices every hour, one payment without a mark."""
    random = np.random.default_rng(seed)
    rates = pd.DataFrame({"date": every(8, 12), "open": random.normal(0, 1e-4, 12)})
    marks = pd.DataFrame({"date": every(1, 96), "open": random.uniform(90, 110, 96)})
    return rates, marks.drop(index=16)


minutes = st.integers(-100, 6000)


@given(seed=st.integers(0, 9), entered=minutes, held=st.integers(0, 3000), is_short=st.booleans())
def test_payments_are_those_of_freqtrade(
    seed: int, entered: int, held: int, is_short: bool
) -> None:
    # Whole hours abound, because there a payment is at the very moment.
    entered, held = (entered // 60 * 60, held // 60 * 60) if seed % 2 else (entered, held)
    rates, marks = frames(seed)
    at = (START + timedelta(minutes=entered), START + timedelta(minutes=entered + held))
    combined = Exchange.combine_funding_and_mark(rates, marks)
    received = Exchange.calculate_funding_fees(Exchange, combined, 1.0, is_short, *at)
    seconds = [np.array([int(moment.timestamp())]) for moment in at]
    (paid,) = Funding.from_frames(rates, marks).paid(*seconds)
    assert paid == pytest.approx(received if is_short else -received, abs=1e-12)


def test_the_newer_name_of_the_rates_is_read_too() -> None:
    rates, marks = frames()
    renamed = rates.rename(columns={"open": "funding_rate"})
    np.testing.assert_array_equal(
        Funding.from_frames(renamed, marks).per_unit, Funding.from_frames(rates, marks).per_unit
    )


def test_real_files_are_joined(shared_data: Path) -> None:
    stem = shared_data / "binance-futures-2025-05-04_2025-06-24" / "futures" / "BTC_USDT_USDT-1h"
    rates, marks = (pd.read_feather(f"{stem}-{name}.feather") for name in ("funding_rate", "mark"))
    funding = Funding.from_frames(rates, marks)
    assert len(funding.seconds) == len(rates)
    assert (np.diff(funding.seconds) == 8 * 3600).all()
    # Some ten dollars a coin at most.
    assert 0.1 < abs(funding.per_unit).max() < 100


def test_without_a_payment_nothing_is_paid() -> None:
    nothing = Funding(np.empty(0, np.int64), np.empty(0))
    assert nothing.paid(np.array([0]), np.array([9])).tolist() == [0.0]
