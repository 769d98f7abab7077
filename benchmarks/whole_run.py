"""Where the time of a whole `freqtrade backtesting` run goes."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from freqtrade.main import main

from benchmarks.measure import in_process
from benchmarks.results import Result, at_most
from benchmarks.stopwatch import Stopwatch, require_called
from demo.config import exchange_overlay
from demo.datadir import write_candles
from demo.market import MarketSpec, make_market
from demo.running import REPOSITORY, running_exchange
from demo.two_markets import OVERLAY, PAIR, SPEC
from dualwindow.bot import history
from dualwindow.data.datasets import dataset
from dualwindow.data.features import base as features
from dualwindow.data.features import candle_arrays as candles
from dualwindow.data.features import windows
from dualwindow.models import trained_model
from dualwindow.training import train as training
from dualwindow.training.start import network

STAGES: Final = ("preparation", "training", "prediction")
#: In place of the demo's 166 days and six epochs.
QUICK_SPEC: Final = MarketSpec(seed=1, days=6)
QUICK: Final[dict[str, Any]] = {
    "timerange": "20250105-20250106",
    "freqai": {
        "train_period_days": 3,
        "feature_parameters": {"indicator_periods_candles": [30, 240]},
        "model_training_parameters": {
            "epochs": 1,
            "lstm_units": [8],
            "dense_units": [8],
            "feature_set": "base",
        },
    },
}


def _watch(stopwatch: Stopwatch) -> None:
    """Count the package's functions before freqtrade loads the adapters that import them."""
    for stage, owner, name in (
        ("preparation", features, "change_features"),
        ("preparation", history, "features_with_history"),
        ("preparation", windows, "label_frame"),
        ("preparation", candles, "read_candles"),
        ("preparation", training, "split_for_training"),
        ("preparation", network, "robust_scaling"),
        ("training", training, "train_dataset"),
        ("prediction", trained_model.TrainedModel, "predict"),
    ):
        stopwatch.watch(stage, owner, name)
    from_candles = stopwatch.timed("preparation", dataset.Dataset.from_candles)
    dataset.Dataset.from_candles = from_candles  # type: ignore[method-assign]


def backtest(folder: str, quick: bool) -> dict[str, Any]:
    """In a fresh process: run the backtest of the demo's first market, or a small one.

    Returns:
        `seconds` of every stage and in all; `uncalled`, watched functions that nothing called.
    """
    stopwatch = Stopwatch(STAGES)
    _watch(stopwatch)
    userdir = Path(folder)
    candles = make_market(QUICK_SPEC if quick else SPEC).candles
    write_candles(userdir / "data" / "binance", PAIR, candles)
    with running_exchange(["--datadir", str(userdir / "data" / "binance")]) as port:
        content = exchange_overlay(port) | (QUICK if quick else {})
        overlay = userdir / "exchange.json"
        overlay.write_text(json.dumps(content), encoding="utf-8")
        configs = [str(REPOSITORY / "config.json"), str(OVERLAY), str(overlay)]
        arguments = ["backtesting", "--userdir", folder, "--freqaimodel", "DualWindowLSTM"]
        for config in configs:
            arguments += ["-c", config]
        started = time.perf_counter()
        try:
            main(arguments)
        except SystemExit as end:
            if end.code:
                raise
        whole = time.perf_counter() - started
    if not list((userdir / "backtest_results").glob("*.zip")):
        raise RuntimeError("the backtest did not finish")
    sys.stdout.write("\n")
    freqtrade = whole - sum(stopwatch.seconds.values())
    return {
        "seconds": {"freqtrade": freqtrade, **stopwatch.seconds, "all": whole},
        "uncalled": stopwatch.uncalled(),
    }


def split_of_a_backtest(*, quick: bool) -> Iterator[Result]:
    """The demo's backtest, stage by stage.

    Raises:
        RuntimeError: when a stage's function is never called, so that another's time would count.
    """
    with tempfile.TemporaryDirectory(prefix="dualwindow-backtest-") as folder:
        found = in_process("benchmarks.whole_run:backtest", folder, quick).value
    require_called(found["uncalled"])
    seconds = found["seconds"]
    what = "`freqtrade backtesting` of the demo" + (", a day" if quick else "")
    for stage in ("all", "freqtrade", *STAGES):
        note = f"{seconds[stage] / seconds['all']:.0%}"
        yield at_most(f"{what}: {stage}", seconds[stage], "s", None, note)
