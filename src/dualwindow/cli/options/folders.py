"""Where the command line keeps its files and finds freqtrade's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

#: freqtrade's own default.
USERDIR: Final = Path("user_data")

#: Read when no configuration is named, as freqtrade does.
CONFIG: Final = Path("config.json")


def add_userdir(parser: argparse.ArgumentParser) -> None:
    """Add `--userdir`, which every command that looks for files has."""
    parser.add_argument(
        "--userdir",
        type=Path,
        default=USERDIR,
        metavar="DIR",
        help="freqtrade's user folder (default: %(default)s)",
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `--config`, as freqtrade has it."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        action="append",
        metavar="FILE",
        help=f"freqtrade configuration; later ones overlay earlier ones (default: {CONFIG}, where "
        "there is one)",
    )


def config_files(options: argparse.Namespace) -> list[Path]:
    """The configuration files that were named, or freqtrade's default one if it is there."""
    named: list[Path] | None = options.config
    return [path for path in (CONFIG,) if path.is_file()] if named is None else named


def data_folder(userdir: Path) -> Path:
    """Where freqtrade keeps candles, a folder an exchange."""
    return userdir / "data"
