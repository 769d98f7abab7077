"""`dualwindow report`: the figures of trainings, backtests and bots as a page and as JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dualwindow.cli.display.console import console_of
from dualwindow.cli.options.configuration import add_config_flags

if TYPE_CHECKING:
    from dualwindow.report.predictions import WalkFacts
    from dualwindow.report.schema import Report

#: Shown at the end of the help.
EXAMPLE: Final = "dualwindow report user_data/models/dualwindow"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `report`."""
    parser.description = (
        "Write a page that shows how good a model is: one HTML file that needs no network, and the "
        "same figures as JSON. `dualwindow train` writes one at its end. The predictions of a "
        "backtest are compared with the candles that freqtrade has downloaded, by the thresholds, "
        "fees and dates of that backtest unless -c or --preset name another configuration. Of "
        "several folders it writes one page that compares them (comparison.html)."
    )
    parser.add_argument(
        "folder",
        type=Path,
        nargs="+",
        help="folder that `dualwindow train` has written, or FreqAI's folder of an identifier, "
        "such as user_data/models/dualwindow",
    )
    add_config_flags(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the files (default: the folder of the model or backtest, the first one "
        "where there are several)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the report and print its verdict.

    Raises:
        DualWindowError: when there are no figures, or the files cannot be written.
    """
    # Importing these takes seconds, which the help must not.
    from dualwindow.cli.evaluate.walk_forward import print_basis  # noqa: PLC0415
    from dualwindow.report.build import write_report  # noqa: PLC0415
    from dualwindow.report.comparison import names_of, write_comparison  # noqa: PLC0415
    from dualwindow.report.headline import full_verdict  # noqa: PLC0415

    console = console_of(sys.stdout)
    folders = list(dict.fromkeys(options.folder))
    made = [_report(options, folder) for folder in folders]
    output = options.output or folders[0]
    if len(made) > 1:
        named = dict(zip(names_of([own for own, _ in made], folders), made, strict=True))
        page, figures = write_comparison({name: own for name, (own, _) in named.items()}, output)
        shown = [(f"{name}: ", *own) for name, own in named.items()]
    else:
        page, figures = write_report(made[0][0], output)
        shown = [("", *made[0])]
    for name, report, walk in shown:
        console.print(f"{name}{' '.join(full_verdict(report))}", markup=False, highlight=False)
        if walk is not None:
            print_basis(console, walk)
    for name, path in (("report", page), ("its figures", figures)):
        console.print(f"{name}: {path}", markup=False, soft_wrap=True)
    return 0


def _report(options: argparse.Namespace, folder: Path) -> tuple[Report, WalkFacts | None]:
    """The report of a folder, with a backtest's predictions on their candles."""
    from dualwindow.cli.evaluate.walk_forward import (  # noqa: PLC0415
        evaluate_backtest,
        is_backtest,
    )
    from dualwindow.report.build import gather  # noqa: PLC0415

    walk = evaluate_backtest(options, folder, ()) if is_backtest(folder) else None
    return gather(folder, walk=walk), walk
