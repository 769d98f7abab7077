"""`dualwindow audit`: where a dry run differs from a backtest of its candles and models."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from dualwindow.cli.options.configuration import add_config_flags

#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow audit -c config.json
dualwindow audit user_data/models/dualwindow BTC/USDT:USDT --last 24h"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `audit`."""
    parser.description = (
        "Predict the candles of a dry run again, from the candle files and the models that the bot "
        "left, and list every candle at which its decision or trade differs from that of a "
        "backtest, each with its cause. The last line is the share of candles that agree. "
        "Download the candles of the bot's time first; nothing is changed, so the bot may run."
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[FOLDER] [PAIR]",
        help="FreqAI's folder of the bot's identifier, such as user_data/models/dualwindow "
        "(default: that of the configuration), and a pair (default: all)",
    )
    parser.add_argument(
        "--last",
        metavar="TIME",
        help="the last time alone, such as 24h, 90m or 7d (default: the whole journal)",
    )
    add_config_flags(parser)
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="the bot's log, as in `dualwindow why`"
    )
    parser.add_argument(
        "--most",
        type=int,
        default=40,
        metavar="N",
        help="most differences that are listed (default: 40); JSON has all",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(options: argparse.Namespace) -> int:
    """Compare, and show the differences; always 0.

    Raises:
        DualWindowError: when journal, candles, models or strategy cannot be used.
    """
    # Importing these takes seconds, which the help must not.
    from dualwindow.cli.evaluate.audit import run_audit  # noqa: PLC0415

    return run_audit(options)
