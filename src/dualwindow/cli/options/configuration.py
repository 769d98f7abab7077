"""Configuration of a command: layers of files, environment and flags, and a table of settings."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from dualwindow.cli.options.flags import (
    SettingFlag,
    add_flags,
    add_timerange_flags,
    add_trade_flags,
)
from dualwindow.errors import SettingsError
from dualwindow.runtime.machine import Machine
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.freqai_options import group_problems
from dualwindow.settings.checks.shapes import group_at, path_problems, shape_problems
from dualwindow.settings.freqai import auto_configures
from dualwindow.settings.layers.environment import environment_layers
from dualwindow.settings.layers.files import Layer, LayeredConfig, read_layers
from dualwindow.settings.layers.places import TRAINING_GROUP
from dualwindow.settings.layers.presets import preset_layers
from dualwindow.settings.root_settings import ROOT_KEY, RootSettings

#: freqtrade's own default.
USERDIR: Final = Path("user_data")
#: Read when no configuration is named, as freqtrade does.
CONFIG: Final = Path("config.json")
#: Flags with a place of their own in the configuration, by the name of their parsed value.
_PLACES: Final = {
    "pair": ("exchange", "pair_whitelist"),
    "userdir": ("user_data_dir",),
    "datadir": ("datadir",),
    "date_from": (ROOT_KEY, "train_from"),
    "date_to": (ROOT_KEY, "train_to"),
    "fee": (ROOT_KEY, "evaluation_fee"),
    "slippage": (ROOT_KEY, "evaluation_slippage"),
    "no_funding": (ROOT_KEY, "evaluation_funding"),
    "auto": (ROOT_KEY, "auto_configure"),
}
#: Titles of the columns.
HEADS: Final = ("setting", "value", "from")
DEFAULT: Final = "default"
#: Name of the layer of sizes that were chosen for the machine.
AUTO: Final = "auto_configure"
#: Setting to FreqAI's own name for the same thing.
_TWINS: Final = {"validation_fraction": ("freqai", "data_split_parameters", "test_size")}


def add_userdir(parser: argparse.ArgumentParser) -> None:
    """Add `--userdir`, whose default `userdir_of` finds."""
    parser.add_argument(
        "--userdir",
        type=Path,
        metavar="DIR",
        help=f"freqtrade's user folder (default: the configuration's user_data_dir, or {USERDIR})",
    )


def userdir_of(options: argparse.Namespace, content: Mapping[str, Any]) -> Path:
    """The user folder of `--userdir`, else of a configuration, else freqtrade's default.

    What can be no path in a configuration is a problem of its own.
    """
    configured = content.get("user_data_dir")
    named: Path | None = options.userdir
    return named or (USERDIR if path_problems("", configured) else Path(str(configured)))


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `--config`, as freqtrade has it."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        action="append",
        metavar="FILE",
        help="freqtrade configuration; may be repeated, a later file overrides an earlier one "
        f"(default: {CONFIG}, if it exists)",
    )


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of files and folders, which `layered_config` reads."""
    add_config(parser)
    parser.add_argument(
        "--preset", metavar="NAME", help="name from `dualwindow presets`, or a settings file"
    )
    # No default: it would override the configuration's folder.
    parser.add_argument("--userdir", metavar="DIR", help="freqtrade's user folder")
    parser.add_argument("--datadir", metavar="DIR", help="folder of the exchange's candles")


def add_run_flags(
    parser: argparse.ArgumentParser,
    flags: tuple[SettingFlag, ...],
    pairs: str = "the configuration's pair_whitelist",
) -> None:
    """Add the flags of files, pairs, dates, settings and the costs of a trade.

    Without `--pair` a run is of what `pairs` describes.
    """
    add_config_flags(parser)
    add_timerange_flags(parser, pairs)
    add_flags(parser, flags)
    add_trade_flags(parser)


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Add `--verbose`, which shows all tables of figures in place of one."""
    parser.add_argument(
        "--verbose", action="store_true", help="show all figures, not only those that matter"
    )


def config_files(options: argparse.Namespace) -> list[Path]:
    """The configuration files that were named, or freqtrade's default one if it exists."""
    named: list[Path] | None = options.config
    return [path for path in (CONFIG,) if path.is_file()] if named is None else named


def data_folder(userdir: Path) -> Path:
    """Folder where freqtrade keeps candles, with a subfolder for every exchange."""
    return userdir / "data"


def layered_config(
    options: argparse.Namespace,
    flags: tuple[SettingFlag, ...],
    *,
    below: Sequence[Layer] = (),
    above: Sequence[Layer] = (),
) -> LayeredConfig:
    """Files, overridden by preset, environment, sizes for this machine, and flags in this order.

    Everything overrides the layers `below`, and those `above` override everything.

    Raises:
        SettingsError: when a file or the preset does not exist or cannot be read, or a value that
            is read of them is of another kind.
    """
    configured = [*below, *configured_layers(config_files(options), options.preset)]
    given = [*flag_layers(options, flags), *above]
    content = LayeredConfig([*configured, *given]).content
    if problems := [*shape_problems(content), *group_problems(content.get("freqai"))]:
        raise SettingsError(problems, "the configuration")
    return LayeredConfig([*configured, *machine_layers([*configured, *given]), *given])


def machine_layers(layers: Sequence[Layer]) -> list[Layer]:
    """A layer of process and chunk sizes for this machine, if the `layers` ask for one."""
    content = LayeredConfig(layers).content
    if not auto_configures(content):
        return []
    # Bad values are refused later, with all others.
    training = TrainingConfig.check(group_at(content, ".".join(TRAINING_GROUP))).config
    sizes = asdict(training.sizes_for(Machine.detect()))
    return [Layer(AUTO, _nested(TRAINING_GROUP, sizes))]


def configured_layers(
    files: Sequence[Path], preset: str | None = None, *, as_freqtrade: bool = False
) -> list[Layer]:
    """Everything that counts without a flag: files, a preset, freqtrade's environment variables.

    The environment overrides the preset, which is a file for freqtrade too. Files are read as
    `read_layers` does.

    Raises:
        SettingsError: when a file or the preset does not exist or cannot be read.
    """
    below = read_layers(files, as_freqtrade=as_freqtrade)
    return [*below, *preset_layers(preset), *environment_layers()]


def flag_layers(options: argparse.Namespace, flags: tuple[SettingFlag, ...]) -> list[Layer]:
    """A layer for every flag that was given."""
    layers = []
    for name, path in _PLACES.items():
        value = getattr(options, name, None)
        if value is not None:
            layers.append(Layer(f"--{name.replace('_', '-')}", _nested(path, value)))
    for flag in flags:
        value = getattr(options, flag.destination, None)
        if value is None or value is False:
            continue
        values = {**flag.also, flag.setting: False if flag.turns_off else value}
        layers.append(Layer(flag.flag, _nested(TRAINING_GROUP, values)))
    return layers


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A configuration that holds a value at a path."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def setting_rows(
    merged: LayeredConfig, root: RootSettings, training: TrainingConfig
) -> Iterator[tuple[str, str, str]]:
    """A row for every setting; `training` may be lowered to what a machine has."""
    for name, value in root.model_dump(mode="json").items():
        yield value_row(merged, f"{ROOT_KEY}.{name}", value)
    for name, value in training.to_dict().items():
        yield name, json.dumps(value), _origin(merged, name, value)


def value_row(merged: LayeredConfig, path: str, value: Any) -> tuple[str, str, str]:
    """A row for one value of plain JSON types, at a path of keys with dots between them."""
    return path, json.dumps(value), merged.origin(*path.split(".")) or DEFAULT


def _origin(merged: LayeredConfig, name: str, value: Any) -> str:
    """Layer that a training setting's value comes from."""
    layer = merged.origin(*TRAINING_GROUP, name)
    if layer is not None:
        freqai, parameters = TRAINING_GROUP
        given = merged.content[freqai][parameters][name]
        # Only whole numbers are ever lowered.
        lowered = isinstance(given, int) and given != value
        return f"{layer} ({given}, lowered to what this machine has)" if lowered else layer
    twin = _TWINS.get(name)
    layer = None if twin is None else merged.origin(*twin)
    return DEFAULT if twin is None or layer is None else f"{layer} ({twin[-1]})"
