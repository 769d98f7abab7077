"""`dualwindow contest`: networks beside baselines and rivals on the user's own candles."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from dualwindow.cli.options.configuration import add_run_flags
from dualwindow.cli.options.flags import CONTEST_FLAGS

#: Trainings of each network unless `--seeds` asks for more.
SEEDS: Final = 1
#: Shown at the end of the help.
EXAMPLE: Final = "dualwindow contest --pair BTC_USDT --date-from 2024-01-01 --days 90,365"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `contest`."""
    parser.description = (
        "Walk forward through the candles of one or more pairs: train on some days, evaluate on "
        "the days after them, move on. The configured network stands beside class prior, "
        "volatility table, logistic regression and LightGBM, on the same rows, in one league "
        "table. The date range is that of all windows together. A contest that was stopped goes "
        "on with the same command."
    )
    add_run_flags(parser, CONTEST_FLAGS)
    parser.add_argument(
        "--networks",
        metavar="NAMES",
        help="values of the setting `network`, with commas between them (default: the configured "
        "one)",
    )
    parser.add_argument(
        "--ensembles",
        metavar="NUMBERS",
        help="values of the setting `ensemble`, such as 1,2, for each of the networks (default: "
        "the configured one)",
    )
    parser.add_argument(
        "--days",
        metavar="DAYS",
        help="lengths of training, such as 30,90,365, which all evaluate on the same days "
        "(default: the configuration's train_period_days, or 90)",
    )
    parser.add_argument(
        "--step-days",
        type=int,
        metavar="DAYS",
        help="days that are evaluated after every training (default: a third of the shortest "
        "training, 28 at most)",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=SEEDS,
        metavar="NUMBER",
        help=f"trainings of each network, whose figures are averaged (default: {SEEDS})",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder of contest.json, contest.html and what is finished (default: "
        "user_data/dualwindow/contest)",
    )


def run(options: argparse.Namespace) -> int:
    """Run or continue a contest and show its league table.

    The status is 0, or 128 and the number of the signal that stopped it.

    Raises:
        DualWindowError: when an option is wrong or the candles cannot be used.
    """
    # Importing torch takes seconds, which the help must not.
    from dualwindow.cli.evaluate.contest import run_contest  # noqa: PLC0415
    from dualwindow.cli.evaluate.contest_request import ContestRequest  # noqa: PLC0415

    return run_contest(ContestRequest.from_options(options))
