"""`dualwindow train`: trains a model on candle files and writes its folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from dualwindow.cli.display.console import print_table
from dualwindow.cli.options.configuration import HEADS, add_run_flags, add_verbose
from dualwindow.cli.options.flags import CONFIDENCE_FLAGS, TRAINING_FLAGS
from dualwindow.cli.options.run_settings import RunSettings

#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow train --preset quick --pair BTC_USDT
dualwindow train -c config.json --date-from 2026-06-01 --output user_data/models/june"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `train`."""
    parser.description = (
        "Train one model on the candles of one or more pairs. A flag overrides freqtrade's "
        "environment variables (FREQTRADE__...), those override the preset, the preset overrides "
        "the configuration files, and those override the defaults."
    )
    add_run_flags(parser, (*TRAINING_FLAGS, *CONFIDENCE_FLAGS))
    parser.add_argument(
        "--auto",
        action="store_const",
        const=True,
        help="choose process and chunk sizes for this machine or container "
        "(dualwindow.auto_configure); the log has the choice and its reason",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="resume the newest unfinished training of this name, or the one in --output; without "
        "one, start from the beginning",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder of the model (default: user_data/models/dualwindow-<preset>-<pair>)",
    )
    add_verbose(parser)
    parser.add_argument(
        "--print-config",
        action="store_true",
        help="show every setting and where its value comes from, without a training",
    )


def run(options: argparse.Namespace) -> int:
    """Train, or only show the settings.

    The status is 0, or 128 and the number of the signal that stopped the training.

    Raises:
        DualWindowError: when no model can be trained.
    """
    settings = RunSettings.from_options(options, (*TRAINING_FLAGS, *CONFIDENCE_FLAGS))
    if options.print_config:
        print_table(settings.rows(), heads=HEADS)
        for warning in settings.warnings():
            print(f"warning: {warning}")
        return 0
    # Importing torch takes seconds, which the help and wrong settings must not.
    from dualwindow.cli.train.job import run_training  # noqa: PLC0415
    from dualwindow.cli.train.plan import TrainingRequest  # noqa: PLC0415

    request = TrainingRequest(
        settings, options.preset, options.output, options.resume, options.verbose
    )
    return run_training(request)
