"""`dualwindow cache`: the disk space of prepared candles, and freeing it."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Final

from dualwindow.cli.display.console import print_table, size_text
from dualwindow.cli.options.configuration import (
    add_config,
    add_userdir,
    config_files,
    configured_layers,
    userdir_of,
)
from dualwindow.data.datasets.store import clear_stores, store_folder, store_sizes
from dualwindow.settings.layers.files import LayeredConfig

#: Shown at the end of the help.
EXAMPLE: Final = "dualwindow cache clear --userdir user_data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dualwindow cache`."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=("show", "clear"),
        default="show",
        help="clear deletes all prepared candles; the next training prepares its own again "
        "(default: %(default)s)",
    )
    add_config(parser)
    add_userdir(parser)


def run(options: argparse.Namespace) -> int:
    """Print the sizes of the stores, or delete them.

    Raises:
        DataError: naming a file that cannot be deleted.
        SettingsError: when a configuration file cannot be read.
    """
    layers = [] if options.userdir else configured_layers(config_files(options))
    folder = store_folder(userdir_of(options, LayeredConfig(layers).content))
    sizes = store_sizes(folder)
    if not sizes:
        print(f"{folder} holds no prepared candles.")
    elif options.action == "clear":
        freed = clear_stores(folder)
        print(f"{folder}: {size_text(freed)} freed.")
    else:
        print_table(
            [(path.name, size_text(size), _date(path), _kind(path)) for path, size in sizes.items()]
        )
        print(f"\n{folder}: {size_text(sum(sizes.values()))}; `dualwindow cache clear` deletes it.")
    return 0


def _date(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone().isoformat(" ", "minutes")


def _kind(path: Path) -> str:
    # A preparation writes under a hidden name beside the store, which stays if it is killed.
    return "unfinished" if path.name.startswith(".") else ""
