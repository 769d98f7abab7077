"""`dualwindow config`: the settings and their origin, their problems, and their JSON schema."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final, NoReturn

from dualwindow.cli.display.console import print_table
from dualwindow.cli.options.config_check import check_config
from dualwindow.cli.options.configuration import (
    CONFIG,
    HEADS,
    add_config,
    config_files,
    configured_layers,
    setting_rows,
)
from dualwindow.errors import DataError, SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.files import write_json
from dualwindow.settings import TrainingConfig
from dualwindow.settings.environment import environment_names
from dualwindow.settings.files import LayeredConfig
from dualwindow.settings.freqai import FreqaiSettings
from dualwindow.settings.root_settings import RootSettings

#: The version of JSON schema that pydantic writes.
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `dualwindow config`."""
    actions = parser.add_subparsers(metavar="ACTION")
    # The choice of an action replaces it.
    parser.set_defaults(act=lambda _: _help(parser))
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
        "overrides an earlier one, and freqtrade's environment variables (FREQTRADE__...) override "
        "all. The exit status is 0 when they are valid and 1 when they are not.",
    )
    validate.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help=f"default: {CONFIG} in this folder"
    )
    add_config(validate)
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


def _help(parser: argparse.ArgumentParser) -> NoReturn:
    """Show the help where no action was named, and end as after wrong arguments."""
    parser.print_help()
    parser.exit(2)


def _show(options: argparse.Namespace) -> int:
    merged = LayeredConfig(configured_layers(config_files(options), options.preset))
    root, settings = _require_valid(merged, "the configuration")
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
    files = [*options.files, *(options.config or ())] or [CONFIG]
    names = " with ".join([*map(str, files), *environment_names()])
    _, settings = _require_valid(LayeredConfig(configured_layers(files)), names)
    for warning in settings.warnings:
        print(f"warning: {warning}")
    print(f"valid: {names}")
    return 0


def _require_valid(merged: LayeredConfig, name: str) -> tuple[RootSettings, FreqaiSettings]:
    """Check a configuration; SettingsError names every problem."""
    checked = check_config(merged.content, cores=read_cores().usable)
    if checked.root is None or checked.settings is None:
        raise SettingsError(checked.problems, name)
    return checked.root, checked.settings
