"""`dualwindow why`: which gate kept a candle from becoming a trade."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from dualwindow.cli.options.configuration import add_config_flags

#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow why BTC/USDT:USDT 2026-09-14T06:35
dualwindow why user_data/models/dualwindow --last 24h"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `why`."""
    parser.description = (
        "Look at one candle of a backtest or of a running bot gate by gate: candle, window, model, "
        "thresholds, positions, locks, money; and tell what would have had to differ for a trade. "
        "With --last, count candles by the gate that closed. Nothing is changed, so that a bot may "
        "run meanwhile."
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[FOLDER] PAIR TIME",
        help="FreqAI's folder of an identifier, such as user_data/models/dualwindow (default: that "
        "of the configuration); a pair; and the time at which the candle opens, such as "
        "2025-01-31T12:00 (UTC). With --last: the folder, a pair, both or neither",
    )
    parser.add_argument(
        "--last",
        metavar="TIME",
        help="count the candles of the last time, such as 24h, 90m or 7d, by the gate that closed",
    )
    parser.add_argument(
        "--of",
        choices=("backtest", "bot"),
        help="whose candle is meant, where a folder holds the predictions of both (default: the "
        "bot's where it looked at the candle)",
    )
    add_config_flags(parser)
    parser.add_argument(
        "--result",
        type=Path,
        metavar="FILE",
        help="freqtrade's result of the backtest (default: the newest of the identifier in "
        "user_data/backtest_results)",
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="the bot's log (default: the configuration's logfile, or user_data/logs/"
        "freqtrade.log, if it exists)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(options: argparse.Namespace) -> int:
    """Answer, on stdout.

    Raises:
        DualWindowError: when folder, pair, time or the files behind them cannot be used.
    """
    # Importing these takes seconds, which the help must not.
    from dualwindow.cli.evaluate.why import run_why  # noqa: PLC0415

    return run_why(options)
