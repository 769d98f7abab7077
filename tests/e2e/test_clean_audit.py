"""A dry run without trouble decides and trades as the backtest of its candles and models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.makers.dry_run import STOPPED, DryRun, Replay, market, require_faketime
from tests.makers.freqtrade import REPOSITORY, user_folder

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("clean audit")]

PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
START = "2025-06-13T12:00"
#: Slow enough for an order to be made, and filled, in the candle after its decision.
SPEED = 10.0
#: Minutes after both pairs have a model.
MINUTES = 14
#: Barriers of config.json, which a bot that looks every few seconds does not miss, and thresholds
#: that are reached at once.
OVERLAY: dict[str, Any] = {
    "freqai": {
        "live_retrain_hours": 24,
        "expiration_hours": 48,
        "model_training_parameters": {
            "long_tp_pct": 0.01,
            "long_sl_pct": 0.005,
            "short_tp_pct": 0.01,
            "short_sl_pct": 0.005,
            "confidence_threshold_short": 0.3,
            "confidence_threshold_long": 0.3,
        },
    }
}


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> dict[str, Any]:
    require_faketime()
    recorded = user_folder(
        tmp_path_factory.mktemp("recorded"), shared_data / "binance-futures-2025-05-04_2025-06-24"
    )
    datadir, userdir = recorded / "data" / "binance", tmp_path_factory.mktemp("clean")
    clock = Replay(START, SPEED)
    with market(datadir, clock) as port, DryRun(userdir, port, clock, OVERLAY) as bot:
        bot.wait_for_log("Done training", times=len(PAIRS), seconds=300)
        end = clock.now() + pd.Timedelta(minutes=MINUTES)
        bot.wait_for(lambda: clock.now() >= end, 300)
        assert bot.terminate() == STOPPED
    arguments = [str(bot.models), "--json", "--datadir", str(datadir)]
    arguments += ["-c", "config.json", "-c", str(userdir / "overlay.json")]
    done = subprocess.run(
        [sys.executable, "-m", "dualwindow", "audit", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def test_every_decision_and_every_trade_is_the_backtests(audit: dict[str, Any]) -> None:
    assert audit["differences"] == []
    assert audit["parity"] == audit["decision_parity"] == audit["trade_parity"] == 1.0


def test_there_was_something_to_compare(audit: dict[str, Any]) -> None:
    assert audit["candles"] >= len(PAIRS) * (MINUTES - 5)
    assert audit["trades"] >= 1
