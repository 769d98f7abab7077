"""`dualwindow report`: the figures of a training or backtest as one page and as JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dualwindow.cli.options.flags import add_config_flags


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `report`."""
    parser.description = (
        "Make a page of how good a model is: one HTML file that needs no network, and the same "
        "figures as JSON. `dualwindow train` makes one at its end. Of a backtest, the predictions "
        "are held against the candles that freqtrade has downloaded."
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
        help="where the files go (default: the folder itself)",
    )


def run(options: argparse.Namespace) -> int:
    """Make the report and say its verdict.

    Returns:
        0.

    Raises:
        DualWindowError: when there are no figures, or the files cannot be written.
    """
    # Help does not wait for what the figures need.
    from dualwindow.cli.display.progress import console_of  # noqa: PLC0415
    from dualwindow.cli.evaluate.walk_settings import is_backtest, walk_facts, walked  # noqa: PLC0415
    from dualwindow.report.build import gather, write_report  # noqa: PLC0415

    walk = walk_facts(walked(options, options.folder, ())) if is_backtest(options.folder) else None
    report = gather(options.folder, walk=walk)
    page, figures = write_report(report, options.output or options.folder)
    console = console_of(sys.stdout)
    console.print(report.verdict.text, markup=False, highlight=False)
    for name, path in (("report", page), ("its figures", figures)):
        console.print(f"{name}: {path}", markup=False, soft_wrap=True)
    return 0
