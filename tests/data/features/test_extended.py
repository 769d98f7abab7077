"""The second feature set: trailing volatility that forgets, and the time of day in UTC."""

from __future__ import annotations

import numpy as np
import pytest

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.features.extended import extended_features
from tests.makers.markets import random_candles
from tests.makers.slow_features import EXTENDED


def test_the_time_of_day_is_that_of_utc_whatever_the_dates_are() -> None:
    candles = random_candles(1441)
    found = extended_features(candles)
    assert found["time_of_day_sin"][[0, 360, 1080]].tolist() == [0.0, 1.0, -1.0]
    assert found["time_of_day_cos"][[0, 720, 1440]].tolist() == [1.0, -1.0, 1.0]
    dates = candles["date"]
    for other in (
        utc_seconds(dates),
        dates.dt.tz_convert("Asia/Tokyo"),
        dates.dt.as_unit("us"),
        dates.astype(object),
    ):
        again = extended_features({**candles, "date": other})
        for name in EXTENDED:
            assert again[name].tobytes() == found[name].tobytes()


@pytest.mark.parametrize("factor", [1e160, 1e300])
def test_a_price_beyond_all_measure_gives_a_hole_not_an_infinity(factor: float) -> None:
    candles = random_candles(100)
    candles.loc[40, "close"] *= factor
    volatility = extended_features(candles)["rms_change30"]
    assert np.isnan(volatility[40:70]).all()
    assert np.isfinite(volatility[71:]).all()


def test_an_earlier_storm_leaves_nothing_in_the_volatility_of_calm() -> None:
    candles = random_candles(200, volatility=0.2)
    candles.loc[100:, "close"] = 1.0
    assert extended_features(candles)["rms_change30"][130:].tolist() == [0.0] * 70
