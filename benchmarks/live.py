"""How soon a running bot decides: a real `freqtrade trade`, by the clock on the wall.

`python -m benchmarks.live` runs it alone. The bot trades 20 synthetic futures pairs in a dry run
against the demo exchange, with the network and the averages of config.json. It trains its own
models first, one epoch on a few days each, because how good they are changes nothing here.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.live_bot import Candle, Look, Plan
from benchmarks.results import Result, at_most, compared, report, table
from demo.config import exchange_overlay
from demo.datadir import write_candles
from demo.market import MarketSpec, make_market
from demo.market_file import write_markets
from demo.running import REPOSITORY, running_exchange
from demo.stopping import end

COINS: Final = (
    "BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "LINK", "DOT",
    "AVAX", "TRX", "BCH", "ETC", "UNI", "ATOM", "FIL", "NEAR", "APT", "ARB",
)  # fmt: skip
TRAIN_DAYS: Final = 10
#: What FreqAI loads for the longest average is one and a half times it, and training comes after.
HISTORY_DAYS: Final = TRAIN_DAYS + 46
#: What the table calls the stages of `live_bot`.
PARTS: Final = {
    "fetching": "fetching candles",
    "freqtrade": "freqtrade's and FreqAI's own work",
    "features": "our features and hooks",
    "model": "the model",
}
#: Longest that the whole run may take.
LIMIT_SECONDS: Final = 1500
STOP_SECONDS: Final = 30.0
#: Most that our part of one pair's candle may take, milliseconds.
GOAL_MS: Final = 100.0
#: A training may make the work on a candle at most so many times as long.
TIMES_LATER: Final = 1.5


def deciding(pairs: int, plan: Plan) -> list[Result]:
    """The delay of all decisions, what it is made of, and what a training adds to it."""
    with tempfile.TemporaryDirectory(prefix="dualwindow-live-") as folder:
        return rows_of(watch_bot(Path(folder), pairs, plan))


def watch_bot(userdir: Path, pairs: int, plan: Plan) -> list[Candle]:
    """Run the bot in a user folder until it has seen the candles of a plan.

    Raises:
        RuntimeError: with the end of its log, when it did not see them.
    """
    markets = _make_markets(userdir, pairs)
    seen, log = userdir / "seen.json", userdir / "log.txt"
    with running_exchange(["--market", str(markets)]) as port, log.open("w") as output:
        configs = [REPOSITORY / "config.json", _write_overlay(userdir, pairs, port)]
        command = ["trade", "--userdir", str(userdir), "--freqaimodel", "DualWindowLSTM"]
        command += [part for config in configs for part in ("-c", str(config))]
        own = [sys.executable, "-m", "benchmarks.live_bot", json.dumps(asdict(plan)), str(seen)]
        with subprocess.Popen(
            [*own, *command], cwd=REPOSITORY, stdout=output, stderr=output, process_group=0,
            env={**os.environ, "TZ": "UTC"},
        ) as bot:  # fmt: skip
            try:
                bot.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            finally:
                end(bot, STOP_SECONDS)
    candles = read_candles(seen) if seen.exists() else []
    if len(candles) < plan.idle + plan.training:
        raise RuntimeError(f"the bot saw {len(candles)} candles:\n{log.read_text()[-4000:]}")
    return candles


def read_candles(path: Path) -> list[Candle]:
    """What `live_bot` wrote."""
    return [
        Candle(**{**each, "looks": [Look(**look) for look in each["looks"]]})
        for each in json.loads(path.read_text(encoding="utf-8"))
    ]


def rows_of(candles: Sequence[Candle]) -> list[Result]:
    """Rows for the table; the parts are those of the candle whose delay is the median."""
    idle, training = (
        [candle for candle in candles if candle.phase == phase] for phase in ("idle", "training")
    )
    what = f"a live bot's decisions on {len(candles[0].looks)} pairs, from the candle's close"
    middle = sorted(idle, key=lambda candle: candle.delay)[(len(idle) - 1) // 2]
    parts = {
        "waiting for freqtrade's next loop": middle.waiting,
        **{PARTS[stage]: seconds for stage, seconds in middle.seconds.items()},
    }
    return [
        *_delays(what, idle),
        *(
            at_most(f"{what}: {part}", seconds, "s", None, f"{seconds / middle.delay:.0%}")
            for part, seconds in parts.items()
        ),
        *_ours(idle, ""),
        *_delays(f"{what}, during a training", training),
        *_ours(training, ", during a training"),
        compared(
            what.replace("the candle's close", "the loop's begin") + ", during a training",
            "without a training", (_worked(training), _worked(idle)), "s", goal=1 / TIMES_LATER,
            note=f"at most {TIMES_LATER} times as long; medians",
        ),
    ]  # fmt: skip


def _delays(what: str, candles: Sequence[Candle]) -> list[Result]:
    delays = [candle.delay for candle in candles]
    return [
        at_most(
            f"{what}: median", statistics.median(delays), "s", None, f"{len(delays)} candles"
        ),
        at_most(f"{what}: worst", max(delays), "s", None),
    ]  # fmt: skip


def _ours(candles: Sequence[Candle], when: str) -> list[Result]:
    seconds = [look.features + look.model for candle in candles for look in candle.looks]
    what = f"features and model of one pair's live candle{when}"
    return [
        at_most(f"{what}: median", statistics.median(seconds) * 1000, "ms", GOAL_MS),
        at_most(f"{what}: worst", max(seconds) * 1000, "ms", GOAL_MS, f"of {len(seconds)}"),
    ]


def _worked(candles: Sequence[Candle]) -> float:
    """Median seconds from the begin of the loop, whose moment no training changes."""
    return statistics.median(candle.delay - candle.waiting for candle in candles)


def _make_markets(userdir: Path, pairs: int) -> Path:
    """A market for each pair: its past as candle files, the whole of it as the exchange's file."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight - timedelta(days=HISTORY_DAYS)
    markets = {
        f"{coin}/USDT:USDT": MarketSpec(seed=seed, days=HISTORY_DAYS + 2, start=start)
        for seed, coin in enumerate(COINS[:pairs])
    }
    for pair, spec in markets.items():
        candles = make_market(spec).candles
        past = candles[candles["date"] < now - timedelta(minutes=2)]
        write_candles(userdir / "data" / "binance", pair, past)
    path = userdir / "market.json"
    write_markets(path, markets)
    return path


def _write_overlay(userdir: Path, pairs: int, port: int) -> Path:
    overlay: dict[str, Any] = exchange_overlay(port)
    overlay["exchange"]["pair_whitelist"] = [f"{coin}/USDT:USDT" for coin in COINS[:pairs]]
    overlay["db_url"] = f"sqlite:///{userdir / 'trades.sqlite'}"
    overlay["freqai"] = {
        "identifier": "live",
        "train_period_days": TRAIN_DAYS,
        "model_training_parameters": {"epochs": 1},
    }
    path = userdir / "overlay.json"
    path.write_text(json.dumps(overlay, indent=1), encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it alone and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--pairs", type=int, default=len(COINS))
    parser.add_argument("--idle", type=int, default=Plan.idle, help="candles without a training")
    parser.add_argument("--training", type=int, default=Plan.training, help="candles beside one")
    parser.add_argument("--epochs", type=int, default=Plan.epochs, help="of that training")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    results = deciding(options.pairs, Plan(options.idle, options.training, options.epochs))
    minutes = round((time.monotonic() - started) / 60, 1)
    print(table(report(results, {"minutes": minutes})))


if __name__ == "__main__":
    main()
