"""`dualwindow config`: the settings and where they come from, what is wrong with them, a schema."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from dualwindow.cli.config_check import CheckedConfig, check_config
from dualwindow.cli.folders import CONFIG, add_config, config_files
from dualwindow.cli.main import OK
from dualwindow.cli.tables import print_table
from dualwindow.config_files import Layer, LayeredConfig, read_config_file, read_layers
from dualwindow.cores import read_cores
from dualwindow.errors import DataError, SettingsError
from dualwindow.files import write_json
from dualwindow.presets import find_preset
from dualwindow.root_settings import ROOT_KEY
from dualwindow.settings import TrainingConfig

_TRAINING: Final = ("freqai", "model_training_parameters")
#: Settings that FreqAI has a name of its own for.
_TWINS: Final = {"validation_fraction": ("freqai", "data_split_parameters", "test_size")}
_DEFAULT: Final = "default"
#: The dialect that pydantic writes.
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `dualwindow config`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="show every setting and where its value comes from",
        description="Show every setting and where its value comes from: a preset beats the "
        "configuration files, and those beat the defaults. `dualwindow train --print-config` shows "
        "flags too.",
    )
    add_config(show)
    show.add_argument(
        "--preset", metavar="NAME", help="laid over the files; see dualwindow presets"
    )
    show.set_defaults(act=_show)
    validate = actions.add_parser(
        "validate",
        help="report everything that is wrong with configuration files",
        description="Check configuration files as the bot does when it starts, later ones laid "
        "over earlier ones. The exit status is 0 when they are valid and 1 when they are not.",
    )
    validate.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help=f"default: {CONFIG} of this folder"
    )
    validate.set_defaults(act=_validate)
    schema = actions.add_parser(
        "schema",
        help="write the JSON schema of freqai.model_training_parameters",
        description="Write the JSON schema of freqai.model_training_parameters, for editors.",
    )
    schema.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")
    schema.set_defaults(act=_schema)


def run(options: argparse.Namespace) -> int:
    """Do what was asked for.

    Raises:
        DualWindowError: when a file cannot be read or written, or settings are wrong.
    """
    status: int = options.act(options)
    return status


def training_schema() -> dict[str, Any]:
    """The JSON schema of `TrainingConfig`."""
    return {"$schema": _DIALECT, **TrainingConfig.model_json_schema()}


def _show(options: argparse.Namespace) -> int:
    layers = read_layers(config_files(options))
    if options.preset is not None:
        path = find_preset(options.preset)
        layers.append(Layer(f"preset {path.stem}", read_config_file(path)))
    merged = LayeredConfig(layers)
    checked = _require_valid(merged, "the configuration")
    print_table(_rows(merged, checked), heads=("setting", "value", "from"))
    return OK


def _rows(merged: LayeredConfig, checked: CheckedConfig) -> Iterator[tuple[str, str, str]]:
    """Name, value and origin of every setting."""
    root = {} if checked.root is None else checked.root.model_dump(mode="json")
    training = {} if checked.settings is None else checked.settings.training.to_dict()
    for name, value in root.items():
        origin = merged.origin(ROOT_KEY, name) or _DEFAULT
        yield f"{ROOT_KEY}.{name}", json.dumps(value), origin
    for name, value in training.items():
        yield name, json.dumps(value), _origin(merged, name, value)


def _origin(merged: LayeredConfig, name: str, value: Any) -> str:
    """Where the value of a training setting comes from."""
    found = merged.origin(*_TRAINING, name)
    if found is not None:
        given = merged.content[_TRAINING[0]][_TRAINING[1]][name]
        # This happens to whole numbers alone.
        lowered = isinstance(given, int) and given != value
        return f"{found} ({given}, lowered to what this machine has)" if lowered else found
    twin = _TWINS.get(name)
    found = None if twin is None else merged.origin(*twin)
    return _DEFAULT if twin is None or found is None else f"{found} ({twin[-1]})"


def _schema(options: argparse.Namespace) -> int:
    if options.output is None:
        print(json.dumps(training_schema(), indent=2))
        return OK
    try:
        write_json(options.output, training_schema())
    except OSError as error:
        raise DataError(f"--output {options.output} cannot be written: {error.strerror}") from error
    print(f"written: {options.output}")
    return OK


def _validate(options: argparse.Namespace) -> int:
    files = options.files or [CONFIG]
    named = " with ".join(str(path) for path in files)
    checked = _require_valid(LayeredConfig(read_layers(files)), named)
    for warning in checked.warnings:
        print(f"warning: {warning}")
    print(f"valid: {named}")
    return OK


def _require_valid(merged: LayeredConfig, named: str) -> CheckedConfig:
    """Check a configuration.

    Raises:
        SettingsError: with every problem.
    """
    checked = check_config(merged.content, cores=read_cores().usable)
    if checked.problems:
        raise SettingsError(checked.problems, named)
    return checked
