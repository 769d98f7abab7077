"""`dualwindow presets`: a table of the presets' settings, or the file of one preset."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from dualwindow.cli.display.console import print_table
from dualwindow.settings import TrainingConfig
from dualwindow.settings.layers.presets import find_preset, preset_files, preset_settings
from dualwindow.settings.root_settings import RootSettings

#: Shown at the end of the help.
EXAMPLE: Final = "dualwindow presets quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dualwindow presets`."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="print the file of this preset")


def run(options: argparse.Namespace) -> int:
    """Print the table, or the file.

    Raises:
        SettingsError: when the preset does not exist, or a file is no group of settings.
    """
    if options.name is not None:
        path = find_preset(options.name)
        preset_settings(path)
        sys.stdout.write(path.read_text(encoding="utf-8"))
        return 0
    files = preset_files()
    presets = {name: preset_settings(path) for name, path in files.items()}
    shortest_first = sorted(presets, key=lambda name: _epochs(presets[name]))
    names = [*RootSettings.model_fields, *TrainingConfig.model_fields]
    print_table(
        [
            [name, *(_shown(presets[preset].get(name)) for preset in shortest_first)]
            for name in names
            if any(name in settings for settings in presets.values())
        ],
        heads=["", *shortest_first],
    )
    folders = " and ".join(dict.fromkeys(str(path.parent) for path in files.values()))
    print(
        f"\nThe files are in {folders}. They override a configuration:\n"
        "  dualwindow train --preset quick --pair BTC_USDT\n"
        f"  freqtrade backtesting -c config.json -c {files[shortest_first[0]]}\n"
        "n_processes is lowered to the cores of this machine. Without train_to, the date range\n"
        "ends with the newest candle."
    )
    return 0


def _epochs(settings: dict[str, Any]) -> float:
    epochs = settings.get("epochs")
    return epochs if isinstance(epochs, int) else float("inf")


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
