"""`dualwindow evaluate`: a model's figures on candles that it was not trained on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from dualwindow.cli.options.configuration import add_run_flags, add_verbose
from dualwindow.cli.options.flags import EVALUATION_FLAGS, MIN_TRADES
from dualwindow.errors import SettingsError

#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow evaluate user_data/models/june
dualwindow evaluate user_data/models/dualwindow --date-from 2026-09-01"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `evaluate`."""
    parser.description = (
        "Measure a model's decisions on labelled candles, by thresholds and by argmax. Windows, "
        "labels and features are the model's. The date range begins after its training unless "
        "--date-from is given. A backtest is measured as it traded, unless -c or --preset name "
        "another configuration, or flags other values."
    )
    parser.add_argument(
        "model",
        type=Path,
        help="folder that `dualwindow train` has written, or FreqAI's folder of an identifier "
        "after a backtest, whose saved predictions are compared with the actual labels",
    )
    add_run_flags(parser, EVALUATION_FLAGS, pairs="the model's pairs")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="also write the figures to this file, as JSON"
    )
    add_verbose(parser)
    parser.add_argument(
        "--suggest-thresholds",
        action="store_true",
        help="choose the thresholds of SHORT and LONG on the model's validation candles by the "
        "mean profit of a trade after fees, and show their profit on its untouched tail",
    )
    parser.add_argument(
        "--importance",
        action="store_true",
        help="also measure what the model loses, in log loss and edge, without each feature and "
        "each part of the window; kept beside the model for its report",
    )
    parser.add_argument(
        "--min-trades",
        type=int,
        metavar="TRADES",
        help="with --suggest-thresholds: fewest trades on the validation candles of all pairs. "
        f"Default {MIN_TRADES}.",
    )


def run(options: argparse.Namespace) -> int:
    """Evaluate a model, suggest its thresholds, or evaluate a backtest.

    The status is 0, or 128 and the number of the signal that stopped it.

    Raises:
        DualWindowError: when the model or the candles cannot be used.
    """
    # Importing torch takes seconds, which the help must not.
    from dualwindow.cli.evaluate.walk_forward import is_backtest, run_walk  # noqa: PLC0415

    if is_backtest(options.model):
        return run_walk(options)
    if options.suggest_thresholds:
        if options.importance:
            raise SettingsError(
                ["--importance does not go with --suggest-thresholds; run one after the other"],
                "the command",
            )
        from dualwindow.cli.evaluate.thresholds import run_suggestion  # noqa: PLC0415

        return run_suggestion(options)
    if options.min_trades is not None:
        raise SettingsError(
            [f"--min-trades {options.min_trades} belongs to --suggest-thresholds; add that"],
            "the command",
        )
    from dualwindow.cli.evaluate.job import run_evaluation  # noqa: PLC0415

    return run_evaluation(options)
