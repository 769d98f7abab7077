"""`dualwindow install`: copies both adapters into a user folder, prints or writes settings."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from dualwindow.cli.options.configuration import CONFIG, add_config, configured_layers
from dualwindow.cli.options.here import problems_here
from dualwindow.cli.options.overlay import download_for, overlay_for
from dualwindow.errors import DualWindowError, SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import whole_file
from dualwindow.runtime.memory import training_memory
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.layers.files import Layer, LayeredConfig
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
#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow install --userdir user_data
dualwindow install --userdir user_data -c config.json --write-config user_data/dualwindow.json"""


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
        "--write-config",
        type=Path,
        metavar="FILE",
        help="also write what your configuration needs beside its own keys, into a file that a "
        "second -c names",
    )
    add_config(parser)
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace existing files that differ from the shipped ones",
    )


def run(options: argparse.Namespace) -> int:
    """Copy the adapters, and print or write what to add to the configuration.

    Raises:
        DualWindowError: when it is no user folder, another file is in the way, or the user's
            configuration cannot be read or has problems that the written file does not mend.
    """
    target: Path | None = options.write_config
    files = _users_files(options)
    _require_other_file(target, files)
    user = configured_layers(files, as_freqtrade=True)
    overlay = overlay_for(LayeredConfig(user).content)
    text = json.dumps(overlay, indent=2) + "\n"
    more = {} if target is None else {target: text.encode()}
    for path, changed in install_adapters(options.userdir, force=options.force, more=more).items():
        what = "written" if path == target else "installed"
        print(f"{what if changed else 'up to date'}: {path}")
    if target is None:
        print("\nAdd to your config.json, or let --write-config FILE write it into a file:\n")
        print(text, end="")
    names = [*(files or [CONFIG]), *more]
    merged = LayeredConfig([*user, Layer(str(target), overlay)]).content
    problems = _problems(merged, options.userdir) if files and target else ()
    _print_commands(options.userdir, names, overlay if problems or not files else merged)
    if problems:
        raise SettingsError(problems, " with ".join(map(str, names)))
    return 0


def _users_files(options: argparse.Namespace) -> list[Path]:
    """The user's own configuration: as named, else as found."""
    named: list[Path] | None = options.config
    # freqtrade's Docker set-up keeps it in the user folder.
    usual = (options.userdir / CONFIG, CONFIG)
    return named or [path for path in usual if path.is_file()][:1]


def _require_other_file(target: Path | None, files: Sequence[Path]) -> None:
    """Refuse to write over the user's own configuration, even by force.

    Raises:
        DualWindowError: naming it.
    """
    if target is not None and target.resolve() in [path.resolve() for path in files]:
        raise DualWindowError(
            f"--write-config {target} is your own configuration; name a new file, which a second "
            "-c then names"
        )


def _problems(content: Mapping[str, Any], userdir: Path) -> Sequence[str]:
    """What `dualwindow doctor` finds in a configuration."""
    checked = check_config(content, cores=read_cores().usable, memory=training_memory())
    if checked.settings is None:
        return checked.problems
    return problems_here(checked.settings, content, userdir)


def _print_commands(userdir: Path, files: Sequence[Path], content: Mapping[str, Any]) -> None:
    """Print the commands that come next, with configuration files whose content is valid."""
    where = " ".join(
        [f"--userdir {shlex.quote(str(userdir))}", *(f"-c {shlex.quote(str(p))}" for p in files)]
    )
    needed = download_for(content)
    timeframes = " ".join(needed.timeframes)
    dates = f" --timerange {content['timerange']}" if "timerange" in content else ""
    print(
        f"""
Then run freqtrade of this environment ({sys.prefix}). Candles from
{counted(needed.days, "day")} before the time range on, {needed.training:g} to train on and \
{needed.warm_up} for the averages before them:

  freqtrade download-data {where} --timeframes {timeframes} --timerange {needed.timerange or "..."}

A look at what a bot would refuse, a backtest, and the bot:

  dualwindow doctor {where}
  freqtrade backtesting {where}{dates}
  freqtrade trade {where}

With trading_mode spot, the strategy only goes long."""
    )


def install_adapters(
    userdir: Path, *, force: bool, more: Mapping[Path, bytes] | None = None
) -> Mapping[Path, bool]:
    """Copy the adapters and write `more` files, all or none; with `force` others are replaced.

    Returns:
        Path of every file to whether it was written; one that is up to date is not.

    Raises:
        DualWindowError: when `userdir` is no user folder, another file is in the way, or a file
            cannot be written.
    """
    _require_user_folder(userdir)
    contents = {
        userdir / folder / name: (shipped_path(folder) / name).read_bytes()
        for folder, name in _ADAPTERS
    } | dict(more or {})
    try:
        changed = {
            path: not path.is_file() or path.read_bytes() != content
            for path, content in contents.items()
        }
        in_the_way = [str(path) for path in contents if changed[path] and path.exists()]
        if in_the_way and not force:
            raise DualWindowError(
                f"{' and '.join(in_the_way)} differ from what is shipped, and nothing was "
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
