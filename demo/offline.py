"""Run freqtrade against the demo exchange: `python -m demo.offline --userdir DIR -- backtesting`.

The exchange serves the candles of the user folder, so freqtrade needs no internet, and its files
and the exchange agree.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from demo.config import exchange_overlay
from demo.running import REPOSITORY, ExchangeStartError, running_exchange
from demo.stopping import end, interrupt_on_signals

STOP_SECONDS = 30.0
MEANWHILE_SECONDS = 2.0


def run_freqtrade(userdir: Path, arguments: Sequence[str]) -> int:
    """Run freqtrade beside the demo exchange, which serves the folder's own candles.

    Args:
        userdir: freqtrade's user folder; its `data/binance` is what the exchange serves.
        arguments: freqtrade's, without `--userdir`; `-c` of the exchange is added.

    Returns:
        freqtrade's exit status.

    """
    datadir = (userdir / "data" / "binance").resolve()
    with running_exchange(["--datadir", str(datadir)]) as port:
        return run_on_exchange(port, userdir, arguments)


def run_on_exchange(
    port: int,
    userdir: Path,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stop_seconds: float = STOP_SECONDS,
    meanwhile: Callable[[], None] = lambda: None,
) -> int:
    """Run freqtrade from the repository's root on a running demo exchange.

    Args:
        port: of the exchange.
        userdir: freqtrade's user folder; the exchange's config is written into it.
        arguments: freqtrade's, without `--userdir`; `-c` of the exchange is added.
        environment: variables that override those of this process.
        stop_seconds: how long freqtrade may take to end when this process is interrupted.
        meanwhile: called every other second while freqtrade runs.

    Returns:
        freqtrade's exit status. An interrupt, whatever raises it, ends freqtrade first.

    """
    overlay = userdir / "exchange.json"
    content = {**exchange_overlay(port), **own_strategy(userdir, arguments)}
    overlay.write_text(json.dumps(content, indent=2), encoding="utf-8")
    command, *rest = arguments
    full = [command, "--userdir", str(userdir), *rest, "-c", str(overlay)]
    with subprocess.Popen(
        [sys.executable, "-m", "freqtrade", *full],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        # Ctrl-C reaches the terminal's whole process group: freqtrade would be stopped twice.
        process_group=0,
    ) as bot:
        try:
            while True:
                try:
                    return bot.wait(MEANWHILE_SECONDS)
                except subprocess.TimeoutExpired:
                    meanwhile()
        finally:
            end(bot, stop_seconds)


def own_strategy(userdir: Path, arguments: Sequence[str]) -> dict[str, str]:
    """Give the user folder a copy of the strategy, and the configuration that takes it.

    freqtrade's hyperopt writes its result beside the strategy, where it would rule every other user
    folder. Empty where the arguments, or a configuration among them, name a path themselves.
    """
    files = [Path(value) for name, value in pairwise(arguments) if name in ("-c", "--config")]
    named = [REPOSITORY / file for file in files if (REPOSITORY / file).parent != REPOSITORY]
    if "--strategy-path" in arguments or any(_names_a_strategy_path(file) for file in named):
        return {}
    folder = userdir.resolve() / "strategies"
    folder.mkdir(parents=True, exist_ok=True)
    for source in (REPOSITORY / "strategies").glob("*.py"):
        shutil.copyfile(source, folder / source.name)
    return {"strategy_path": str(folder)}


def _names_a_strategy_path(file: Path) -> bool:
    return file.is_file() and '"strategy_path"' in file.read_text(encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return freqtrade's exit status, or 1 where no exchange starts."""
    parser = argparse.ArgumentParser(prog="python -m demo.offline", description=__doc__)
    parser.add_argument("--userdir", type=Path, required=True, help="freqtrade's user folder")
    parser.add_argument("freqtrade", nargs="+", help="freqtrade's own arguments, after --")
    options = parser.parse_args(arguments)
    interrupt_on_signals()
    try:
        return run_freqtrade(options.userdir, options.freqtrade)
    except ExchangeStartError:
        # The exchange has printed the cause: a folder without candles, or a damaged file.
        return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
