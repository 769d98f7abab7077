"""`dualwindow config`: the settings and their origin, their problems, and their JSON schema."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

from dualwindow.cli.display.console import print_table
from dualwindow.cli.options.configuration import (
    CONFIG,
    HEADS,
    add_config,
    add_userdir,
    config_files,
    configured_layers,
    machine_layers,
    setting_rows,
)
from dualwindow.cli.options.here import problems_here
from dualwindow.errors import DataError, SettingsError
from dualwindow.runtime.cores import read_cores
from dualwindow.runtime.files import write_json
from dualwindow.runtime.memory import training_memory
from dualwindow.settings import TrainingConfig
from dualwindow.settings.checks.whole import check_config
from dualwindow.settings.freqai import FreqaiSettings
from dualwindow.settings.layers.environment import environment_names
from dualwindow.settings.layers.files import LayeredConfig, read_config_file
from dualwindow.settings.layers.places import TRAINING_GROUP, gathered
from dualwindow.settings.root_settings import RootSettings

#: The version of JSON schema that pydantic writes.
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow config validate config.json
dualwindow config show --preset quick"""


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
    add_userdir(validate)
    validate.set_defaults(act=_validate)
    convert = actions.add_parser(
        "convert",
        help="move the settings of a file to where freqtrade looks for them",
        description="Read the settings of a file, whichever group they stand in and in whatever "
        "case, such as one of the earlier training module or of `to_dict()`, check them, and write "
        "a configuration that freqtrade reads beside others: `-c config.json -c NEW`.",
    )
    convert.add_argument("file", type=Path, metavar="FILE", help="the file of settings")
    convert.add_argument("--output", type=Path, metavar="NEW", help="default: standard output")
    convert.set_defaults(act=_convert)
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
    layers = configured_layers(config_files(options), options.preset)
    merged = LayeredConfig([*layers, *machine_layers(layers)])
    settings, root = _require_valid(merged, "the configuration")
    print_table(setting_rows(merged, root, settings.training), heads=HEADS)
    for warning in settings.warnings:
        # Standard output has the table alone.
        print(f"warning: {warning}", file=sys.stderr)
    return 0


def _schema(options: argparse.Namespace) -> int:
    return _write(training_schema(), options.output)


def _convert(options: argparse.Namespace) -> int:
    source = str(options.file)
    overlay = gathered(read_config_file(options.file), source)
    if not overlay:
        raise SettingsError(["it holds no setting; docs/settings.md lists them"], source)
    freqai, parameters = TRAINING_GROUP
    TrainingConfig.from_parameters(overlay.get(freqai, {}).get(parameters, {}), source)
    RootSettings.from_config(overlay)
    return _write(overlay, options.output)


def _write(content: dict[str, Any], output: Path | None) -> int:
    """Write JSON into a file, or print it where there is no `output`."""
    if output is None:
        print(json.dumps(content, indent=2))
        return 0
    try:
        write_json(output, content)
    except OSError as error:
        raise DataError(f"--output {output} cannot be written: {error.strerror}") from error
    print(f"written: {output}")
    return 0


def _validate(options: argparse.Namespace) -> int:
    files = [*options.files, *(options.config or ())] or [CONFIG]
    names = " with ".join([*map(str, files), *environment_names()])
    layers = configured_layers(files, as_freqtrade=True)
    merged = LayeredConfig(layers)
    settings, _ = _require_valid(merged, names)
    if problems := problems_here(settings, merged.content, options.userdir):
        raise SettingsError(problems, names)
    for warning in settings.warnings:
        print(f"warning: {warning}")
    print(f"valid: {names}")
    return 0


def _require_valid(merged: LayeredConfig, name: str) -> tuple[FreqaiSettings, RootSettings]:
    """Check a configuration; SettingsError names every problem."""
    memory = training_memory()
    return check_config(merged.content, cores=read_cores().usable, memory=memory).required(name)
