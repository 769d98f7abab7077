"""Price steps are freqtrade's, found and rounded to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.btanalysis.historic_precision import get_tick_size_over_time
from freqtrade.exchange import ROUND_DOWN, ROUND_UP, price_to_precision
from freqtrade.exchange.exchange_utils import TICK_SIZE
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwindow.backtest.prices import nearest_tick, tick_at_or_above, tick_at_or_below, tick_sizes
from dualwindow.data.candles.frames import utc_seconds
from tests.makers.markets import PRICES, random_candles


def of_freqtrade(candles: pd.DataFrame) -> np.ndarray:
    steps = get_tick_size_over_time(candles.copy())
    return np.array([steps.asof(date) for date in candles["date"]])


def of_ours(candles: pd.DataFrame) -> np.ndarray:
    return tick_sizes(candles[PRICES].to_numpy(np.float64), utc_seconds(candles["date"]))


@given(
    decimals=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    price=st.sampled_from([1.7, 250.0, 104_000.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=20)
def test_the_step_is_that_of_the_months_most_decimals(
    decimals: list[int], price: float, seed: int
) -> None:
    # A candle every five days: six or so a month, and four months.
    candles = random_candles(24, seed, volatility=0.01, price=price)
    candles["date"] = pd.date_range("2025-01-03", periods=24, freq="5D", tz="UTC")
    for row, month in enumerate(candles["date"].dt.month):
        most = decimals[month % len(decimals)]
        candles.loc[row, PRICES] = candles.loc[row, PRICES].round(most - row % 2)
    wanted = of_freqtrade(candles)
    known = np.isfinite(wanted)  # a month of whole prices, where freqtrade asks the exchange
    np.testing.assert_allclose(of_ours(candles)[known], wanted[known], rtol=1e-12)
    assert (of_ours(candles)[~known] == 1.0).all()


def test_prices_with_all_their_digits_have_a_step_of_the_fourteenth() -> None:
    candles = random_candles(50, price=104_000.0)
    np.testing.assert_allclose(of_ours(candles), of_freqtrade(candles), rtol=1e-12)


def test_real_candles_have_the_exchanges_steps(btc_futures: pd.DataFrame) -> None:
    assert set(of_ours(btc_futures)) == {0.1}


def test_no_candles_have_no_steps() -> None:
    assert len(tick_sizes(np.empty((0, 4)), np.empty(0, np.int64))) == 0


ticks = st.sampled_from([1.0, 0.5, 0.1, 0.01, 0.0001, 1e-8])
prices = st.floats(1e-3, 2e5)
on_steps = st.integers(1, 10**6)


@given(tick=ticks, price=prices, step=on_steps, off_step=st.booleans())
def test_rounding_is_freqtrades(tick: float, price: float, step: int, off_step: bool) -> None:
    """Also a last bit beside a step, where freqtrade goes on to the next."""
    price = price if off_step else float(np.nextafter(step * tick, price))

    def freqtrades(**mode: int) -> float:
        return price_to_precision(price, tick, TICK_SIZE, **mode)

    assert nearest_tick(price, tick) == freqtrades()
    assert tick_at_or_above(price, tick) == pytest.approx(freqtrades(rounding_mode=ROUND_UP), 1e-15)
    assert tick_at_or_below(price, tick) == pytest.approx(
        freqtrades(rounding_mode=ROUND_DOWN), 1e-15
    )


def test_halfway_goes_up() -> None:
    assert nearest_tick(0.25, 0.1) == 0.3
    assert nearest_tick(np.float64(0.25), np.float64(0.1)) == 0.3


@pytest.mark.parametrize("rounded", [nearest_tick, tick_at_or_above, tick_at_or_below])
def test_without_a_step_a_price_stays(rounded: object) -> None:
    assert rounded(100.123456789, 0.0) == 100.123456789  # type: ignore[operator]


@pytest.mark.parametrize("rounded", [nearest_tick, tick_at_or_above, tick_at_or_below])
def test_a_price_beyond_every_step_stays(rounded: Callable[[float, float], float]) -> None:
    assert rounded(1e300, 1e-8) == 1e300
