"""Where the command line keeps its files and finds freqtrade's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

#: freqtrade's own default.
_USERDIR: Final = Path("user_data")


def add_userdir(parser: argparse.ArgumentParser) -> None:
    """Add `--userdir`, which every command that looks for files has."""
    parser.add_argument(
        "--userdir",
        type=Path,
        default=_USERDIR,
        metavar="DIR",
        help="freqtrade's user folder (default: %(default)s)",
    )
