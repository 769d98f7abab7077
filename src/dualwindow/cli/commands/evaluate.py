"""`dualwindow evaluate`: how good a model is on candles that it has not seen."""

from __future__ import annotations

import argparse
from pathlib import Path

from dualwindow.cli.options.flags import (
    EVALUATION_FLAGS,
    MIN_TRADES,
    add_config_flags,
    add_flags,
    add_timerange_flags,
    add_trade_flags,
)
from dualwindow.errors import SettingsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `evaluate`."""
    parser.description = (
        "Measure a model on labelled candles, by argmax beside the thresholds. Windows, labels and "
        "features are the model's; the period begins after its training unless --date-from says "
        "otherwise."
    )
    parser.add_argument(
        "model",
        type=Path,
        help="folder that `dualwindow train` has written, or FreqAI's folder of an identifier "
        "after a backtest, whose saved predictions are then held against what happened",
    )
    add_config_flags(parser)
    add_timerange_flags(parser, pairs="The model's pairs")
    add_flags(parser, EVALUATION_FLAGS)
    add_trade_flags(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the figures there as JSON"
    )
    parser.add_argument(
        "--suggest-thresholds",
        action="store_true",
        help="choose the thresholds of SHORT and LONG on the model's validation candles, by what "
        "a trade earns after fees, and show what they earn on its untouched tail",
    )
    parser.add_argument(
        "--min-trades",
        type=int,
        metavar="TRADES",
        help="with --suggest-thresholds: fewest trades on validation, of all pairs together. "
        f"Default {MIN_TRADES}.",
    )


def run(options: argparse.Namespace) -> int:
    """Evaluate.

    Returns:
        0 when the figures were shown, 128 and the signal's number when a signal stopped it.

    Raises:
        DualWindowError: when the model or the candles cannot be used.
    """
    from dualwindow.cli.evaluate.walk_settings import is_backtest  # noqa: PLC0415

    if is_backtest(options.model):
        from dualwindow.cli.evaluate.walk_forward import run_walk  # noqa: PLC0415

        return run_walk(options)
    # Torch takes its time to be imported; help does not wait for it.
    if options.suggest_thresholds:
        from dualwindow.cli.evaluate.thresholds import run_suggestion  # noqa: PLC0415

        return run_suggestion(options)
    if options.min_trades is not None:
        raise SettingsError(
            [f"--min-trades {options.min_trades} belongs to --suggest-thresholds; add that"],
            "the command",
        )
    from dualwindow.cli.evaluate.job import run_evaluation  # noqa: PLC0415

    return run_evaluation(options)
