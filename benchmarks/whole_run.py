"""Where the time of a whole `freqtrade backtesting` run goes."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from freqtrade.main import main

from benchmarks.measure import in_process
from benchmarks.results import Result, at_most
from benchmarks.stopwatch import Stopwatch
from demo.config import exchange_overlay
from demo.run import OVERLAY, make_markets
from demo.running import REPOSITORY, running_exchange
from dualwindow.data.datasets import dataset
from dualwindow.data.features import base as features
from dualwindow.data.features import candle_arrays as candles
from dualwindow.data.features import windows
from dualwindow.models import trained_model
from dualwindow.training import train as training
from dualwindow.training import trainer

STAGES = ("preparation", "training", "prediction")


def _watch(stopwatch: Stopwatch) -> None:
    """Count the package's functions before freqtrade loads the adapters that import them."""
    for stage, owner, name in (
        ("preparation", features, "change_features"),
        ("preparation", features, "moving_average_features"),
        ("preparation", windows, "label_frame"),
        ("preparation", candles, "read_candles"),
        ("preparation", training, "split_for_training"),
        ("preparation", trainer, "robust_scaling"),
        ("training", training, "train_dataset"),
        ("prediction", trained_model.TrainedModel, "predict"),
    ):
        stopwatch.watch(stage, owner, name)
    from_candles = stopwatch.timed("preparation", dataset.Dataset.from_candles)
    dataset.Dataset.from_candles = from_candles  # type: ignore[method-assign]


def backtest(folder: str) -> dict[str, float]:
    """In a fresh process: run the demo's backtest; seconds of every stage and in all."""
    stopwatch = Stopwatch(STAGES)
    _watch(stopwatch)
    userdir = Path(folder)
    make_markets(userdir)
    with running_exchange(["--datadir", str(userdir / "data" / "binance")]) as port:
        overlay = userdir / "exchange.json"
        overlay.write_text(json.dumps(exchange_overlay(port)), encoding="utf-8")
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
    return {"freqtrade": whole - sum(stopwatch.seconds.values()), **stopwatch.seconds, "all": whole}


def split_of_a_backtest() -> list[Result]:
    """The demo's backtest, stage by stage."""
    with tempfile.TemporaryDirectory(prefix="dualwindow-backtest-") as folder:
        seconds = in_process("benchmarks.whole_run:backtest", folder).value
    return [
        at_most(
            f"`freqtrade backtesting` of the demo: {stage}", seconds[stage], "s", None,
            f"{seconds[stage] / seconds['all']:.0%}",
        )
        for stage in ("all", "freqtrade", *STAGES)
    ]  # fmt: skip
