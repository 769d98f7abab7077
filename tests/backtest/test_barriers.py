from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwindow.backtest.exits import (
    first_touch,
    stop_loss_price,
    take_profit_price,
    time_out_at,
)
from dualwindow.columns import HOLD, LONG, SHORT
from dualwindow.labels import label_candles
from dualwindow.settings import TrainingConfig

CONFIG = TrainingConfig(long_tp_pct=0.02, long_sl_pct=0.01, short_tp_pct=0.04, short_sl_pct=0.03)


def test_each_side_has_its_own_barriers() -> None:
    assert take_profit_price(100.0, is_short=False, config=CONFIG) == pytest.approx(102.0)
    assert stop_loss_price(100.0, is_short=False, config=CONFIG) == pytest.approx(99.0)
    assert take_profit_price(100.0, is_short=True, config=CONFIG) == pytest.approx(96.0)
    assert stop_loss_price(100.0, is_short=True, config=CONFIG) == pytest.approx(103.0)


fractions = st.floats(0.001, 0.4)


@given(
    fill=st.floats(1e-7, 1e6),
    config=st.builds(
        TrainingConfig,
        long_tp_pct=fractions,
        long_sl_pct=fractions,
        short_tp_pct=fractions,
        short_sl_pct=fractions,
        future_window=st.just(1),
    ),
    is_short=st.booleans(),
)
def test_the_exits_lie_on_the_labels_barriers_to_the_last_bit(
    fill: float, config: TrainingConfig, is_short: bool
) -> None:
    profit = take_profit_price(fill, is_short=is_short, config=config)
    stop = stop_loss_price(fill, is_short=is_short, config=config)
    inward = np.nextafter(stop, fill)  # not touched yet

    def label(toward_profit: float, toward_stop: float) -> int:
        low, high = sorted([toward_profit, toward_stop])
        barriers = {
            name: getattr(config, name)
            for name in ("long_tp_pct", "long_sl_pct", "short_tp_pct", "short_sl_pct")
        }
        # The other side is kept out of the way: its profit is far beyond reach.
        barriers["long_tp_pct" if is_short else "short_tp_pct"] = 0.99
        found = label_candles([fill, high], [fill, low], [fill, fill], future_window=1, **barriers)
        return int(found[0])

    won = SHORT if is_short else LONG
    assert label(profit, inward) == won
    assert label(np.nextafter(profit, fill), inward) == HOLD
    assert label(profit, stop) == HOLD


@given(
    filled=st.datetimes(datetime(2017, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    future=st.integers(1, 1440),
    candle_seconds=st.sampled_from([60, 300, 3600]),
)
def test_a_position_times_out_at_the_open_of_the_candle_after_its_future_window(
    filled: datetime, future: int, candle_seconds: int
) -> None:
    end = time_out_at(filled, TrainingConfig(future_window=future), candle_seconds)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    candle = timedelta(seconds=candle_seconds)
    first = (filled - epoch) // candle
    assert end == epoch + (first + future) * candle
    assert end.tzinfo is not None


def test_every_second_of_a_candle_times_out_alike() -> None:
    opened = datetime(2025, 6, 1, 12, 30, tzinfo=UTC)
    ends = {
        time_out_at(opened + timedelta(seconds=second), TrainingConfig(), 60)
        for second in (0, 0.000001, 1, 59, 59.999999)
    }
    assert ends == {datetime(2025, 6, 1, 14, 30, tzinfo=UTC)}
    later = time_out_at(opened + timedelta(seconds=60), TrainingConfig(), 60)
    assert later == datetime(2025, 6, 1, 14, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("is_short", "high", "low", "found"),
    [
        (False, 110.0, 100.0, (1, False)),
        (False, np.nextafter(110.0, 0), 100.0, (3, False)),
        (False, 100.0, 90.0, (1, True)),
        (False, 100.0, np.nextafter(90.0, 100), (3, False)),
        (False, 110.0, 90.0, (1, True)),
        (True, 100.0, 90.0, (1, False)),
        (True, 100.0, np.nextafter(90.0, 100), (3, False)),
        (True, 110.0, 100.0, (1, True)),
        (True, np.nextafter(110.0, 0), 100.0, (3, False)),
        (True, 110.0, 90.0, (1, True)),
    ],
)
def test_a_price_on_a_barrier_touches_it_and_the_float_before_it_does_not(
    is_short: bool, high: float, low: float, found: tuple[int, bool]
) -> None:
    highs, lows = np.array([100.0, high, 100.0]), np.array([100.0, low, 100.0])
    profit, loss = (90.0, 110.0) if is_short else (110.0, 90.0)
    assert found == first_touch(highs, lows, is_short=is_short, take_profit=profit, stop_loss=loss)
