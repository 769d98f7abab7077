"""The `dualwindow` program: its commands, their errors as messages, and its exit status.

A command is a module `dualwindow.cli.commands.<name>` with `add_arguments(parser)`, which adds its
flags to an `argparse.ArgumentParser`, and `run(options) -> int`, which takes the parsed arguments
and returns the exit status. Only the module of the requested command is imported, by its name, and
nothing heavy is imported here: `--help` is quick. No command imports this module.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import select
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from dualwindow import __version__
from dualwindow.errors import DualWindowError, SettingsError

#: Exit statuses of errors; 0 is success, and MISUSED is argparse's own after wrong arguments.
FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130

#: Command name to its line in the help.
COMMANDS: Final = {
    "train": "train a model on freqtrade's candle files, without a bot",
    "evaluate": "measure a model on candles that it was not trained on",
    "contest": "compare networks, LightGBM and baselines on your own candles, walking forward",
    "track": "show the track record of a running bot, or check that nothing in it was changed",
    "report": "write a page that shows how good a model or a backtest is",
    "why": "tell which gate kept a candle from becoming a trade, or count candles by gate",
    "audit": "list where a dry run differs from a backtest of its candles and models, and why",
    "install": "copy the model and the strategy into a freqtrade user folder",
    "presets": "list the presets of `train`, or print one",
    "cache": "show the disk space of prepared candles, or free it",
    "config": "show or check the settings, or write their JSON schema",
    "doctor": "describe this machine, its candles and the settings that suit it",
}

_DESCRIPTION: Final = (
    "DualWindowLSTM: a FreqAI model that predicts SHORT, HOLD or LONG at the close of every candle."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the arguments are without the program's name, None takes the process's.

    The status is 0, 1 after an error whose message is on stderr, or 130 after Ctrl-C.

    Raises:
        SystemExit: with 0 after help or version, with 2 when the arguments are wrong; without any
            the help is shown.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            return _run(given)
        except DualWindowError as error:
            print(f"dualwindow: {error}", file=sys.stderr)
            if isinstance(error, SettingsError):
                _name_environment()
            return FAILED
        except KeyboardInterrupt:
            print("dualwindow: interrupted", file=sys.stderr)
            return INTERRUPTED
        finally:
            # A closed pipe shows here, where it can be caught; in the interpreter's last flush not.
            sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        return FAILED


def _name_environment() -> None:
    """Name freqtrade's environment variables, which can be where a wrong setting comes from."""
    # Importing pydantic takes time, which help must not; settings that are wrong were read by it.
    from dualwindow.settings.layers.environment import environment_names  # noqa: PLC0415

    if names := environment_names():
        print(
            f"environment variables override the files: {', '.join(names)}",
            file=sys.stderr,
        )


class _Parser(argparse.ArgumentParser):
    """A parser whose message about a mistyped word names the nearest right one."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            hint = _hint(str(value), map(str, action.choices or ()))
            raise argparse.ArgumentError(action, f"{error.message}{hint}") from None

    def option_names(self) -> set[str]:
        """Options of this parser and of those of its actions."""
        names = {name for action in self._actions for name in action.option_strings}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                names = names.union(*(inner.option_names() for inner in action.choices.values()))
        return names


def _hint(word: str, known: Iterable[str]) -> str:
    # Dashes would make any two short options alike.
    names = {name.strip("-"): name for name in known}
    near = difflib.get_close_matches(word.lower().strip("-"), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""


def _run(arguments: list[str]) -> int:
    parser = _Parser(prog="dualwindow", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"dualwindow {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    # No option before the command takes a value, so the first word is the command.
    requested = next((word for word in arguments if not word.startswith("-")), None)
    used = parser
    for name, line in COMMANDS.items():
        description = f"{line[0].upper()}{line[1:]}."
        command = commands.add_parser(name, help=line, description=description, allow_abbrev=False)
        if name == requested:
            module = importlib.import_module(f"dualwindow.cli.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
            used = command
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        hint = _hint(unknown[0].partition("=")[0], used.option_names())
        used.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if requested is None:
        parser.print_help()
        parser.exit(MISUSED)
    _require_paths(options)
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _require_paths(options: argparse.Namespace) -> None:
    """Refuse arguments that can be no path, which every look at a file would stumble over.

    Raises:
        SettingsError: with all of them.
    """
    # Help, which must be quick, has ended before.
    from dualwindow.settings.checks.shapes import path_problems  # noqa: PLC0415

    problems: list[str] = []
    for name, value in vars(options).items():
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, Path):
                problems += path_problems(name, path)
    if problems:
        raise SettingsError(problems, "the command")


def _reader_is_gone() -> bool:
    """Whether the reader of our own output has closed the pipe, as `| head` does.

    If so, the rest of the output goes to the null device: the interpreter flushes once more at its
    end.
    """
    output = sys.stdout.fileno()
    if hasattr(select, "poll"):
        # The pipe itself is asked: after a failed write a flush reports nothing.
        poll = select.poll()
        poll.register(output, 0)
        if not any(events & select.POLLERR for _, events in poll.poll(0)):
            return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True
