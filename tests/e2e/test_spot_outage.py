"""Spot candles with an outage: 72 candles without volume, then 80 missing minutes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.makers.freqtrade import SMALL, Run, freqtrade, merged, user_folder
from tests.makers.trade_agreement import assert_the_same_trades

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("spot")]

#: Averages short enough for an outage eight days after the first candle.
OVERLAY = merged(
    SMALL,
    {
        "timerange": "20230323-20230326",
        "freqai": {
            "train_period_days": 3,
            "backtest_period_days": 1,
            "feature_parameters": {"indicator_periods_candles": [60, 1440]},
        },
    },
)
WINDOW, MAX_FLAT = 180, 30


@pytest.fixture(scope="module")
def backtest(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Run:
    userdir = user_folder(
        tmp_path_factory.mktemp("spot"), shared_data / "binance-spot-2023-03-16_2023-05-05-gap80"
    )
    run = freqtrade(userdir, OVERLAY, configs=("config.json", "config.spot.json"))
    assert run.status == 0, run.output[-3000:]
    return run


@pytest.mark.parametrize("base", ["BTC", "ETH"])
def test_only_windows_over_the_outage_have_no_prediction(
    base: str, backtest: Run, shared_data: Path
) -> None:
    predictions = backtest.predictions(base)
    dates = pd.DatetimeIndex(pd.to_datetime(predictions["date"], utc=True))
    assert (
        dates == pd.date_range("2023-03-23", "2023-03-26", freq="min", inclusive="left", tz="UTC")
    ).all()
    folder = shared_data / "binance-spot-2023-03-16_2023-05-05-gap80"
    recorded = pd.read_feather(folder / f"{base}_USDT-1m.feather").set_index("date")
    traded = recorded["volume"].reindex(dates).fillna(0.0).to_numpy() > 0
    # The slow version: the longest run of candles without a trade within the window's own rows.
    quiet = pd.Series(~traded)
    run_length = quiet.groupby((~quiet).cumsum()).cumsum()
    expected = [
        int(longest_run_in_window(run_length.to_numpy(), row) <= MAX_FLAT)
        for row in range(len(quiet))
    ]
    assert sum(expected) < len(expected)
    np.testing.assert_array_equal(predictions["do_predict"], expected)


def longest_run_in_window(run_length: np.ndarray, row: int) -> int:
    """Longest run inside the window that ends at `row`; a run is cut at the window's first row."""
    first = max(row - WINDOW + 1, 0)
    inside = np.minimum(run_length[first : row + 1], np.arange(1, row - first + 2))
    return int(inside.max())


def test_spot_goes_long_only_and_nothing_is_entered_in_the_outage(backtest: Run) -> None:
    trades = backtest.trades()
    assert len(trades) > 0
    assert not trades["is_short"].any()
    opened = pd.to_datetime(trades["open_date"], utc=True)
    # Nothing was traded from 11:28 to 13:59. A window may hold MAX_FLAT such candles, so 11:57 is
    # the last to predict before and 16:29 the first after; each is filled a minute later.
    inside = opened[opened.between("2023-03-24 11:59Z", "2023-03-24 16:29Z")]
    assert inside.empty, list(inside)


@pytest.mark.parametrize("pair", ["BTC/USDT", "ETH/USDT"])
def test_the_trades_are_those_that_are_evaluated(pair: str, backtest: Run) -> None:
    assert_the_same_trades(backtest, OVERLAY, pair)


def test_nothing_failed_quietly(backtest: Run) -> None:
    assert "raised exception" not in backtest.output
