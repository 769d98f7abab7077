"""Run freqtrade against the demo exchange: `python -m demo.offline --userdir DIR -- backtesting`.

The exchange serves the candles of the user folder itself, so freqtrade needs no internet and sees
one market in its files and on the exchange.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from demo.config import exchange_overlay
from demo.running import REPOSITORY, running_exchange

STOP_SECONDS = 30.0


def run_freqtrade(userdir: Path, arguments: Sequence[str]) -> int:
    """Run freqtrade from the repository's root with the demo exchange at its side.

    Args:
        userdir: freqtrade's user folder; its `data/binance` is what the exchange serves.
        arguments: freqtrade's, without `--userdir`; `-c` of the exchange is added.

    Returns:
        freqtrade's exit status. An interrupt is handed on to freqtrade, which ends first.
    """
    datadir = (userdir / "data" / "binance").resolve()
    with running_exchange(["--datadir", str(datadir)]) as port:
        overlay = userdir / "exchange.json"
        overlay.write_text(json.dumps(exchange_overlay(port), indent=2), encoding="utf-8")
        command, *rest = arguments
        whole = [command, "--userdir", str(userdir), *rest, "-c", str(overlay)]
        with subprocess.Popen([sys.executable, "-m", "freqtrade", *whole], cwd=REPOSITORY) as bot:
            return _wait(bot)


def _wait(bot: subprocess.Popen[bytes]) -> int:
    """Wait for the bot; a SIGTERM or SIGINT to this process ends it first."""

    def hand_on(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, hand_on)
    try:
        return bot.wait()
    finally:
        signal.signal(signal.SIGTERM, previous)
        if bot.poll() is None:
            bot.terminate()
            try:
                bot.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                bot.kill()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return freqtrade's exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo.offline", description=__doc__)
    parser.add_argument("--userdir", type=Path, required=True, help="freqtrade's user folder")
    parser.add_argument("freqtrade", nargs="+", help="freqtrade's own arguments, after --")
    options = parser.parse_args(arguments)
    return run_freqtrade(options.userdir, options.freqtrade)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
