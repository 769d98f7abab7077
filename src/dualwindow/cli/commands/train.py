"""`dualwindow train`: from candle files to a model folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from dualwindow.cli.display.tables import print_table
from dualwindow.cli.options.flags import (
    CONFIDENCE_FLAGS,
    TRAINING_FLAGS,
    add_config_flags,
    add_flags,
    add_timerange_flags,
    add_trade_flags,
)
from dualwindow.cli.options.run_settings import RunSettings
from dualwindow.cli.options.setting_rows import HEADS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `train`."""
    parser.description = (
        "Train one model on the candles of one pair or more. A flag beats the preset, the preset "
        "beats the configuration file, and that beats the defaults."
    )
    add_config_flags(parser)
    add_timerange_flags(parser)
    add_flags(parser, (*TRAINING_FLAGS, *CONFIDENCE_FLAGS))
    add_trade_flags(parser)
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the newest unfinished training of this name, or of --output; begins anew "
        "where there is none",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder of the model; user_data/models/dualwindow-<preset>-<pair> unless given",
    )
    parser.add_argument(
        "--print-config",
        action="store_true",
        help="only show every setting and where its value comes from",
    )


def run(options: argparse.Namespace) -> int:
    """Train, or only show the settings.

    Returns:
        0 when a model was written or the settings were shown, 128 and the signal's number when a
        signal stopped the training.

    Raises:
        DualWindowError: when there is no model in the end.
    """
    settings = RunSettings.from_options(options, (*TRAINING_FLAGS, *CONFIDENCE_FLAGS))
    if options.print_config:
        print_table(settings.rows(), heads=HEADS)
        return 0
    # Torch takes its time to be imported; help and wrong settings do not wait for it.
    from dualwindow.cli.train.job import run_training  # noqa: PLC0415
    from dualwindow.cli.train.plan import TrainingRequest  # noqa: PLC0415

    request = TrainingRequest(settings, options.preset, options.output, options.resume)
    return run_training(request)
