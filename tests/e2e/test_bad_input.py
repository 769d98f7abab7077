"""What bad input gets: a message that names what, where and what to do, and nothing cached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.makers.freqtrade import SMALL, Run, freqtrade, merged, user_folder

pytestmark = pytest.mark.e2e

OVERLAY = merged(SMALL, {"timerange": "20250613-20250614"})


@pytest.fixture
def userdir(tmp_path: Path, shared_data: Path) -> Path:
    futures = shared_data / "binance-futures-2025-05-04_2025-06-24"
    return user_folder(tmp_path, futures, ["BTC_*"])


def backtest(userdir: Path, changes: dict[str, Any]) -> Run:
    pairs = {"exchange": {"pair_whitelist": ["BTC/USDT:USDT"]}}
    return freqtrade(userdir, merged(merged(OVERLAY, pairs), changes))


def test_all_problems_of_a_configuration_come_in_one_message_at_the_start(userdir: Path) -> None:
    run = backtest(
        userdir,
        {
            "exchange": {"pair_whitelist": ["BTC/USDT:USDT", "BTC/USDC:USDC"]},
            "freqai": {
                "conv_width": 7,
                "feature_parameters": {"shuffle_after_split": True, "DI_threshold": 0.9},
                "model_training_parameters": {
                    "window_sise": 180,
                    "confidence_threshold_long": 1.5,
                    "long_tp_pct": 0,
                },
            },
        },
    )
    assert run.status == 2
    assert "Traceback" not in run.output
    for part in (
        "'window_sise' is not a setting; did you mean 'window_size'?",
        "confidence_threshold_long 1.5: input should be less than or equal to 1",
        "long_tp_pct 0: input should be greater than 0",
        "shuffle_after_split True",
        "DI_threshold 0.9",
        "BTC/USDT:USDT and BTC/USDC:USDC",
    ):
        assert part in run.output
    assert not run.models().exists()


def test_too_little_history_ends_the_backtest_and_leaves_nothing_cached(userdir: Path) -> None:
    # The 43,200-candle average needs 30 days before training; the candles begin on May 4.
    run = backtest(userdir, {"timerange": "20250513-20250514"})
    assert run.status == 2
    assert "BTC/USDT:USDT: its 1m candles begin at 2025-05-04 15:33" in run.output
    assert "the training from 2025-05-06 to 2025-05-13 needs them from 2025-04-06 on" in run.output
    assert "download an earlier start" in run.output
    assert "Starting training" not in run.output
    assert not list(run.models().rglob("*_prediction.feather"))
    assert not list(run.models().rglob("*_model.zip"))
    again = backtest(userdir, {"timerange": "20250513-20250514"})
    assert again.status == 2


def test_half_of_the_history_is_refused_not_trained_on(userdir: Path) -> None:
    # Three of the seven training days have no 30-day average yet.
    run = backtest(userdir, {"timerange": "20250607-20250608"})
    assert run.status == 2
    assert "BTC/USDT:USDT: its 1m candles begin at 2025-05-04 15:33" in run.output
    assert "the training from 2025-05-31 to 2025-06-07 needs them from 2025-05-01 on" in run.output
    assert "Starting training" not in run.output


def test_a_training_without_a_side_says_which_barrier_to_change(userdir: Path) -> None:
    far = {"long_tp_pct": 0.5, "short_tp_pct": 0.5}
    run = backtest(userdir, {"freqai": {"model_training_parameters": far}})
    assert run.status == 2
    assert "no SHORT and no LONG" in run.output
    assert "lower the take profits" in run.output


def test_a_pair_without_candles_is_named_with_the_command_that_downloads_them(
    userdir: Path,
) -> None:
    run = backtest(userdir, {"exchange": {"pair_whitelist": ["BTC/USDT:USDT", "ETH/USDT:USDT"]}})
    assert run.status == 2
    assert f"no candles for ETH/USDT:USDT 1m in {userdir / 'data' / 'binance'}" in run.output
    assert "download-data --pairs ETH/USDT:USDT --timeframes 1m" in run.output


def test_a_timeframe_without_candles_is_named(userdir: Path) -> None:
    timeframes = {"feature_parameters": {"include_timeframes": ["1m", "5m"]}}
    run = backtest(userdir, {"freqai": timeframes})
    assert run.status == 2
    assert "no candles for BTC/USDT:USDT 5m" in run.output


def test_models_of_another_class_are_not_taken_over(userdir: Path) -> None:
    (userdir / "models" / "small" / "sub-train-BTC_1749772800").mkdir(parents=True)
    run = backtest(userdir, {})
    assert run.status == 2
    assert "models that DualWindowLSTM did not make" in run.output


def test_a_pair_that_ends_in_the_range_is_refused_before_a_training_or_left_out(
    userdir: Path, shared_data: Path
) -> None:
    folder = "binance-futures-2025-05-04_2025-06-24/futures"
    candles = pd.read_feather(shared_data / folder / "ETH_USDT_USDT-1m-futures.feather")
    ends = candles[candles["date"] < "2025-06-13 09:00"].reset_index(drop=True)
    target = userdir / "data" / "binance" / "futures" / "ETH_USDT_USDT-1m-futures.feather"
    ends.to_feather(target)
    pairs = {"exchange": {"pair_whitelist": ["BTC/USDT:USDT", "ETH/USDT:USDT"]}}
    quick = {
        "timerange": "20250612-20250615",
        "freqai": {
            "train_period_days": 3,
            "backtest_period_days": 1,
            "feature_parameters": {"indicator_periods_candles": [30, 240]},
            "model_training_parameters": {"epochs": 1, "lstm_units": [8], "dense_units": [8]},
        },
    }
    run = backtest(userdir, merged(pairs, quick))
    assert run.status == 2
    assert "ETH/USDT:USDT: its 1m candles end at 2025-06-13 08:59" in run.output
    assert "Starting training" not in run.output
    left_out = {"dualwindow": {"leave_out_untrainable_pairs": True}}
    run = backtest(userdir, merged(merged(pairs, quick), left_out))
    assert run.status == 0
    assert run.output.count("ETH/USDT:USDT is left out") == 1
    assert "Done training BTC/USDT:USDT" in run.output
    assert set(run.trades()["pair"]) <= {"BTC/USDT:USDT"}
