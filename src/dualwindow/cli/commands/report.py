"""`dualwindow report`: the figures of a training or a backtest as a page and as JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from dualwindow.cli.display.console import console_of
from dualwindow.cli.options.configuration import add_config_flags

#: Shown at the end of the help.
EXAMPLE: Final = "dualwindow report user_data/models/dualwindow"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `report`."""
    parser.description = (
        "Write a page that shows how good a model is: one HTML file that needs no network, and the "
        "same figures as JSON. `dualwindow train` writes one at its end. The predictions of a "
        "backtest are compared with the candles that freqtrade has downloaded, by the thresholds, "
        "fees and dates of that backtest unless -c or --preset name another configuration."
    )
    parser.add_argument(
        "folder",
        type=Path,
        help="folder that `dualwindow train` has written, or FreqAI's folder of an identifier, "
        "such as user_data/models/dualwindow",
    )
    add_config_flags(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the files (default: the folder of the model or backtest)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the report and print its verdict.

    Raises:
        DualWindowError: when there are no figures, or the files cannot be written.
    """
    # Importing these takes seconds, which the help must not.
    from dualwindow.cli.evaluate.walk_forward import (  # noqa: PLC0415
        evaluate_backtest,
        is_backtest,
        print_basis,
    )
    from dualwindow.report.build import gather, write_report  # noqa: PLC0415

    walk = evaluate_backtest(options, options.folder, ()) if is_backtest(options.folder) else None
    report = gather(options.folder, walk=walk)
    page, figures = write_report(report, options.output or options.folder)
    console = console_of(sys.stdout)
    console.print(report.verdict.text, markup=False, highlight=False)
    if walk is not None:
        print_basis(console, walk)
    for name, path in (("report", page), ("its figures", figures)):
        console.print(f"{name}: {path}", markup=False, soft_wrap=True)
    return 0
