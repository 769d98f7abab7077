"""The two markets of the demo, which differ in the planted drift alone, and their backtests."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from demo.datadir import write_candles
from demo.market import Market, MarketSpec, make_market
from demo.running import REPOSITORY
from demo.stopping import end
from dualwindow.cli.commands import report as report_command
from dualwindow.cli.evaluate.walk_forward import evaluate_backtest
from dualwindow.errors import ModelFileError
from dualwindow.model_selection.walk_forward import PairWalk
from dualwindow.models.model_files import EVALUATION_NAME
from dualwindow.report.build import gather, write_report
from dualwindow.report.schema import Report
from dualwindow.runtime.cores import read_cores

PAIR: Final = "BTC/USDT:USDT"
OVERLAY: Final = REPOSITORY / "demo" / "overlay.json"
#: 15 days that the averages look back, 90 to train on, 60 to trade. Who knows the drift earns some
#: 0.3 % a trade after fees; `docs/demo.md` has the figures of ten seeds.
SPEC: Final = MarketSpec(
    seed=1, start=datetime(2024, 12, 31, tzinfo=UTC), days=166, drift_strength=0.1
)
#: Of each market, by the time range and the `backtest_period_days` of the overlay.
TRAININGS: Final = 2
LOG_NAME: Final = "freqtrade.log"
TABLES_NAME: Final = "freqtrade.txt"
#: freqtrade, which is killed half a minute after it was asked to end, and its exchange.
_STOP_SECONDS: Final = 50.0
_LOOK_SECONDS: Final = 0.5
_SUMMARY: Final = "STRATEGY SUMMARY"


class UnfinishedError(RuntimeError):
    """A backtest that did not come to its end; the message names its log."""

    def __init__(self, log: Path, status: int) -> None:
        super().__init__(f"the backtest did not finish; the reason is at the end of {log}")
        self.log = log
        self.status = status or 1


@dataclass(frozen=True)
class DemoMarket:
    """One of the two markets.

    Attributes:
        name: of its folder and of `freqai.identifier`.
        title: for readers.
        spec: its parameters.
    """

    name: str
    title: str
    spec: MarketSpec

    @property
    def has_drift(self) -> bool:
        """Whether there is something to find."""
        return self.spec.drift_strength > 0.0


@dataclass(frozen=True)
class Backtested:
    """A market after its backtest.

    Attributes:
        market: that was traded.
        made: its candles with the sign of the drift.
        report: of the backtest.
        walk: its decisions and trades beside the candles.
        folder: freqtrade's user folder.
        page: path of the report.
    """

    market: DemoMarket
    made: Market
    report: Report
    walk: PairWalk
    folder: Path
    page: Path

    def table(self) -> str:
        """The summary of the strategy that freqtrade printed."""
        lines = (self.folder / TABLES_NAME).read_text(encoding="utf-8").splitlines()
        first = max(number for number, line in enumerate(lines) if _SUMMARY in line)
        last = next(n for n in range(first, len(lines)) if lines[n].startswith("└"))
        return "\n".join(lines[first : last + 1])


def two_markets(seed: int = SPEC.seed, spec: MarketSpec = SPEC) -> tuple[DemoMarket, DemoMarket]:
    """The market with the drift, and the same one without; all else is the same noise."""
    drifting = replace(spec, seed=seed)
    return (
        DemoMarket("with-drift", "with a drift", drifting),
        DemoMarket("without-drift", "without a drift", replace(drifting, drift_strength=0.0)),
    )


def make_candles(folder: Path, market: DemoMarket) -> Market:
    """Write a market's candles into a user folder."""
    made = make_market(market.spec)
    write_candles(folder / "data" / "binance", PAIR, made.candles)
    return made


def backtest_all(
    userdir: Path,
    markets: Sequence[DemoMarket],
    overlays: Sequence[Path] = (),
    say: Callable[[str], None] = lambda _: None,
) -> list[Backtested]:
    """Backtest markets beside each other, each in a user folder of its own, and write reports.

    Args:
        userdir: holds the user folders, named after the markets.
        markets: at least one.
        overlays: configurations above those of the demo.
        say: takes a line whenever a model has been trained.

    Raises:
        UnfinishedError: when a backtest fails. An interrupt, whatever raises it, ends all of them.
    """
    folders = {market.name: userdir / market.name for market in markets}
    made = {market.name: make_candles(folders[market.name], market) for market in markets}
    configs = [REPOSITORY / "config.json", OVERLAY, *overlays]
    cores = read_cores().usable // len(markets)
    width = shutil.get_terminal_size((120, 24)).columns
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(cores, 1))),
        "COLUMNS": str(width),
    }
    with ExitStack() as running:
        started = {
            market: _start(folders[market.name], market, configs, environment, running)
            for market in markets
        }
        _wait(started, folders, say)
    return [_reported(market, made[market.name], folders[market.name]) for market in markets]


def _start(
    folder: Path,
    market: DemoMarket,
    configs: Sequence[Path],
    environment: Mapping[str, str],
    running: ExitStack,
) -> subprocess.Popen[bytes]:
    """Start a backtest; the stack ends it, and closes what it writes to."""
    own = folder / "market.json"
    own.write_text(json.dumps({"freqai": {"identifier": market.name}}), encoding="utf-8")
    arguments = ["backtesting", "--freqaimodel", "DualWindowLSTM"]
    for config in (*configs, own):
        arguments += ["-c", str(config)]
    tables, log = (running.enter_context((folder / n).open("wb")) for n in (TABLES_NAME, LOG_NAME))
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.offline", "--userdir", str(folder), "--", *arguments],
        cwd=REPOSITORY,
        env=environment,
        stdout=tables,
        stderr=log,
        # Ctrl-C reaches the terminal's whole process group: freqtrade would be stopped twice.
        process_group=0,
    )
    running.callback(end, process, _STOP_SECONDS)
    return process


def _wait(
    started: Mapping[DemoMarket, subprocess.Popen[bytes]],
    folders: Mapping[str, Path],
    say: Callable[[str], None],
) -> None:
    """Wait for all backtests, and tell of every training that ends."""
    began, told = time.monotonic(), dict.fromkeys(folders, 0)
    open_ones = dict(started)
    while open_ones:
        time.sleep(_LOOK_SECONDS)
        for market, process in tuple(open_ones.items()):
            folder, status = folders[market.name], process.poll()
            trained = len(list(folder.glob(f"models/*/sub-train-*/{EVALUATION_NAME}")))
            for number in range(told[market.name], trained):
                say(
                    f"{time.monotonic() - began:5.0f} s  market {market.title}: "
                    f"training {number + 1} of {TRAININGS} is over"
                )
            told[market.name] = trained
            if status is None:
                continue
            # freqtrade ends some refusals with status 0, so only its result file shows success.
            if status or not list(folder.glob("backtest_results/backtest-result-*.zip")):
                raise UnfinishedError(folder / LOG_NAME, status)
            del open_ones[market]


def _reported(market: DemoMarket, made: Market, folder: Path) -> Backtested:
    """What `dualwindow report` makes of the folder of models, and the trades behind it."""
    models = folder / "models" / market.name
    parser = argparse.ArgumentParser()
    report_command.add_arguments(parser)
    facts = evaluate_backtest(parser.parse_args([str(models)]), models, ())
    if not facts.walks:
        raise ModelFileError("; ".join(facts.problems) or f"{models} holds no predictions")
    report = gather(models, walk=facts)
    page, _ = write_report(report, models)
    return Backtested(market, made, report, facts.walks[0], folder, page)
