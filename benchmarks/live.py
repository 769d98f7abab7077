"""How soon a running bot decides: a real `freqtrade trade`, by the clock on the wall.

`python -m benchmarks.live` runs it alone. The bot trades 20 synthetic futures pairs in a dry run
against the demo exchange, with the network and the averages of config.json. It trains its own
models first, one epoch on a few days each, because how good they are changes nothing here.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.live_bot import Candle, Look, Plan
from benchmarks.results import Result, at_most, compared, report, table
from benchmarks.stopwatch import require_called
from demo import faketime
from demo.config import exchange_overlay
from demo.datadir import write_candles
from demo.market import MarketSpec, make_market
from demo.market_file import write_markets
from demo.running import REPOSITORY, exchange_time, running_exchange
from demo.stopping import end

COINS: Final = (
    "BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "LINK", "DOT",
    "AVAX", "TRX", "BCH", "ETC", "UNI", "ATOM", "FIL", "NEAR", "APT", "ARB",
)  # fmt: skip
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


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        pairs: that the bot trades.
        plan: candles to see.
        speed: of the bot's clock; with another one than 1 the figures show nothing.
        train_days: of every model.
        periods: candles of the moving averages.
        network: settings of the model besides those of config.json.
    """

    pairs: int = len(COINS)
    plan: Plan = Plan()  # noqa: RUF009 - it is frozen
    speed: float = 1.0
    train_days: int = 10
    periods: tuple[int, ...] = (1440, 43_200)
    network: tuple[tuple[str, Any], ...] = ()

    @property
    def history_days(self) -> int:
        """FreqAI loads one and a half times the longest average, and training comes after."""
        return self.train_days + math.ceil(1.5 * max(self.periods) / 1440) + 1


FULL: Final = Scale()
#: Real time where libfaketime is not installed, and then some two minutes.
SMALL: Final = Scale(
    2,
    Plan(1, 1),
    speed=30.0 if faketime.library() else 1.0,
    train_days=3,
    periods=(30, 240),
    network=(("lstm_units", [8]), ("dense_units", [8]), ("feature_set", "base")),
)


def deciding(scale: Scale) -> list[Result]:
    """The delay of all decisions, what it is made of, and what a training adds to it."""
    with tempfile.TemporaryDirectory(prefix="dualwindow-live-") as folder:
        return rows_of(watch_bot(Path(folder), scale))


def watch_bot(userdir: Path, scale: Scale) -> list[Candle]:
    """Run the bot in a user folder until it has seen the candles of a plan.

    Raises:
        RuntimeError: with the end of its log, when it did not see them; or when a stage's function
            was never called.
    """
    plan = scale.plan
    now = datetime.now(UTC).replace(microsecond=0)
    markets = ["--market", str(_make_markets(userdir, scale, now))]
    if scale.speed != 1.0:
        markets += ["--now", now.isoformat(), "--speed", f"{scale.speed:g}"]
    seen, log = userdir / "seen.json", userdir / "log.txt"
    with running_exchange(markets) as port, log.open("w") as output:
        faked = {} if scale.speed == 1.0 else faketime.environment(exchange_time(port), scale.speed)
        configs = [REPOSITORY / "config.json", _write_overlay(userdir, scale, port)]
        command = ["trade", "--userdir", str(userdir), "--freqaimodel", "DualWindowLSTM"]
        command += [part for config in configs for part in ("-c", str(config))]
        own = [sys.executable, "-m", "benchmarks.live_bot", json.dumps(asdict(plan)), str(seen)]
        with subprocess.Popen(
            [*own, *command], cwd=REPOSITORY, stdout=output, stderr=output, process_group=0,
            env={**os.environ, **faked, "TZ": "UTC"},
        ) as bot:  # fmt: skip
            try:
                bot.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            finally:
                end(bot, STOP_SECONDS)
    found = json.loads(seen.read_text(encoding="utf-8")) if seen.exists() else {"candles": []}
    candles = candles_of(found["candles"])
    if len(candles) < plan.idle + plan.training:
        raise RuntimeError(f"the bot saw {len(candles)} candles:\n{log.read_text()[-4000:]}")
    require_called(found["uncalled"])
    return candles


def candles_of(written: Sequence[dict[str, Any]]) -> list[Candle]:
    """Candles that `live_bot` wrote."""
    return [
        Candle(**{**candle, "looks": [Look(**look) for look in candle["looks"]]})
        for candle in written
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


def _make_markets(userdir: Path, scale: Scale, now: datetime) -> Path:
    """A market for each pair: its past as candle files, the whole of it as the exchange's file."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight - timedelta(days=scale.history_days)
    markets = {
        f"{coin}/USDT:USDT": MarketSpec(seed=seed, days=scale.history_days + 2, start=start)
        for seed, coin in enumerate(COINS[: scale.pairs])
    }
    for pair, spec in markets.items():
        candles = make_market(spec).candles
        past = candles[candles["date"] < now - timedelta(minutes=2)]
        write_candles(userdir / "data" / "binance", pair, past)
    path = userdir / "market.json"
    write_markets(path, markets)
    return path


def _write_overlay(userdir: Path, scale: Scale, port: int) -> Path:
    overlay: dict[str, Any] = exchange_overlay(port)
    overlay["exchange"]["pair_whitelist"] = [f"{coin}/USDT:USDT" for coin in COINS[: scale.pairs]]
    # Milliseconds of the bot's clock.
    overlay["exchange"]["ccxt_config"]["timeout"] = int(10_000 * scale.speed)
    overlay["db_url"] = f"sqlite:///{userdir / 'trades.sqlite'}"
    overlay["freqai"] = {
        "identifier": "live",
        "train_period_days": scale.train_days,
        "feature_parameters": {"indicator_periods_candles": list(scale.periods)},
        "model_training_parameters": {"epochs": 1, **dict(scale.network)},
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
    plan = Plan(options.idle, options.training, options.epochs)
    results = deciding(Scale(options.pairs, plan))
    minutes = round((time.monotonic() - started) / 60, 1)
    print(table(report(results, {"minutes": minutes})))


if __name__ == "__main__":
    main()
