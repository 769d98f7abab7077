"""`dualwindow config`: the settings and their origin, their problems, and their JSON schema."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from dualwindow.cli.display.console import print_table
from dualwindow.cli.options.configuration import (
    CONFIG,
    HEADS,
    add_config,
    config_files,
    setting_rows,
)
from dualwindow.errors import DataError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.files import write_json
from dualwindow.runtime.memory import training_memory
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.files import LayeredConfig, read_layers
from dualwindow.settings.freqai import FreqaiSettings
from dualwindow.settings.presets import preset_layers
from dualwindow.settings.root_settings import RootSettings

#: The version of JSON schema that pydantic writes.
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `dualwindow config`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="show every setting and where its value comes from",
        description="Show every setting and where its value comes from: a preset overrides the "
        "configuration files, which override the defaults. `dualwindow train --print-config` "
        "includes flags.",
    )
    add_config(show)
    show.add_argument(
        "--preset", metavar="NAME", help="overrides the files; see `dualwindow presets`"
    )
    show.set_defaults(act=_show)
    validate = actions.add_parser(
        "validate",
        help="report every problem of configuration files",
        description="Check configuration files as the bot does when it starts; a later file "
        "overrides an earlier one. The exit status is 0 when they are valid and 1 when they are "
        "not.",
    )
    validate.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help=f"default: {CONFIG} in this folder"
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
    """Run the requested action.

    Raises:
        DualWindowError: when a file cannot be read or written, or settings are wrong.
    """
    status: int = options.act(options)
    return status


def training_schema() -> dict[str, Any]:
    """The JSON schema of `TrainingConfig`."""
    return {"$schema": _DIALECT, **TrainingConfig.model_json_schema()}


def _show(options: argparse.Namespace) -> int:
    merged = LayeredConfig([*read_layers(config_files(options)), *preset_layers(options.preset)])
    settings, root = _require_valid(merged, "the configuration")
    print_table(setting_rows(merged, root, settings.training), heads=HEADS)
    return 0


def _schema(options: argparse.Namespace) -> int:
    if options.output is None:
        print(json.dumps(training_schema(), indent=2))
        return 0
    try:
        write_json(options.output, training_schema())
    except OSError as error:
        raise DataError(f"--output {options.output} cannot be written: {error.strerror}") from error
    print(f"written: {options.output}")
    return 0


def _validate(options: argparse.Namespace) -> int:
    files = options.files or [CONFIG]
    names = " with ".join(str(path) for path in files)
    settings, _ = _require_valid(LayeredConfig(read_layers(files)), names)
    for warning in settings.warnings:
        print(f"warning: {warning}")
    print(f"valid: {names}")
    return 0


def _require_valid(merged: LayeredConfig, name: str) -> tuple[FreqaiSettings, RootSettings]:
    """Check a configuration; SettingsError names every problem."""
    memory = training_memory()
    return check_config(merged.content, cores=read_cores().usable, memory=memory).required(name)
