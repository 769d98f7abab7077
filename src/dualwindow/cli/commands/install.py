"""`dualwindow install`: copies both adapters into a freqtrade user folder and prints settings."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from dualwindow.errors import DualWindowError
from dualwindow.runtime.files import whole_file
from dualwindow.settings.layers.files import read_config_file
from dualwindow.settings.shipped import ShippedFolder, shipped_path

#: Shipped folder and name of the adapters; the user folder has subfolders of the same names.
_ADAPTERS: Final[tuple[tuple[ShippedFolder, str], ...]] = (
    ("freqaimodels", "DualWindowLSTM.py"),
    ("strategies", "DualWindowStrategy.py"),
)

#: Folders that `freqtrade create-userdir` makes; any of these shows that a folder is a user folder.
_USER_FOLDERS: Final = (
    "data",
    "strategies",
    "freqaimodels",
    "backtest_results",
    "hyperopts",
    "hyperopt_results",
    "models",
)
#: Keys that a configuration needs for this model, beyond those of any bot.
_CONFIG_KEYS: Final = (
    "timeframe",
    "strategy",
    "freqaimodel",
    # freqtrade requires the order book for futures.
    "entry_pricing",
    "exit_pricing",
    "dualwindow",
    "freqai",
)

#: Shown at the end of the help.
EXAMPLE: Final = "dualwindow install --userdir user_data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dualwindow install`."""
    parser.add_argument(
        "--userdir",
        required=True,
        type=Path,
        metavar="DIR",
        help="freqtrade's user folder, usually user_data",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace existing adapters that differ from the shipped ones",
    )


def run(options: argparse.Namespace) -> int:
    """Copy the adapters and print what to add to the configuration.

    Raises:
        DualWindowError: when it is no user folder, or another file is in the way.
    """
    for path, changed in install_adapters(options.userdir, force=options.force).items():
        print(f"{'installed' if changed else 'up to date'}: {path}")
    print("\nAdd to your config.json, or keep it in a file that a second -c names:\n")
    shipped = read_config_file(shipped_path("config.json"))
    print(json.dumps({key: shipped[key] for key in _CONFIG_KEYS}, indent=2))
    print(f"\nThen run freqtrade of this environment ({sys.prefix}):\n")
    for command in _commands(options.userdir, shipped["timerange"]):
        print(f"  {command}")
    print("\nWith trading_mode spot, the strategy only goes long.")
    return 0


def _commands(userdir: Path, timerange: str) -> list[str]:
    # freqtrade's Docker set-up keeps the configuration in the user folder.
    inside = userdir / "config.json"
    config = inside if inside.is_file() else Path("config.json")
    where = f"--userdir {shlex.quote(str(userdir))} -c {shlex.quote(str(config))}"
    return [f"freqtrade backtesting {where} --timerange {timerange}", f"freqtrade trade {where}"]


def install_adapters(userdir: Path, *, force: bool) -> Mapping[Path, bool]:
    """Copy the adapters, both or neither; with `force` files that differ are replaced.

    Returns:
        Path of every adapter to whether it was written; one that is up to date is not.

    Raises:
        DualWindowError: when `userdir` is no user folder, another file is in the way, or a file
            cannot be written.
    """
    _require_user_folder(userdir)
    contents = {
        userdir / folder / name: (shipped_path(folder) / name).read_bytes()
        for folder, name in _ADAPTERS
    }
    try:
        changed = {
            path: not path.is_file() or path.read_bytes() != content
            for path, content in contents.items()
        }
        in_the_way = [str(path) for path in contents if changed[path] and path.exists()]
        if in_the_way and not force:
            raise DualWindowError(
                f"{' and '.join(in_the_way)} differ from the shipped adapter, and nothing was "
                "changed; keep your version under another name, or replace it with --force"
            )
        with ExitStack() as stack:
            # The files are renamed into place when the block ends, after all have been written.
            for path, content in contents.items():
                if changed[path]:
                    path.parent.mkdir(exist_ok=True)
                    stack.enter_context(whole_file(path)).write(content)
    except OSError as error:
        raise DualWindowError(
            f"{error.filename} cannot be written ({error.strerror}); check who owns {userdir}"
        ) from error
    return changed


def _require_user_folder(folder: Path) -> None:
    if _is_user_folder(folder):
        return
    if _is_user_folder(folder / "user_data"):
        way_out = f"its user_data is: pass --userdir {folder / 'user_data'}"
    else:
        way_out = f"check the path, or make one: freqtrade create-userdir --userdir {folder}"
    what = "is no freqtrade user folder" if folder.is_dir() else "is not there"
    raise DualWindowError(f"--userdir {folder} {what}; {way_out}")


def _is_user_folder(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in _USER_FOLDERS)
