"""The frame of the command line: which commands there are, and what their errors become.

A command is a module `dualwindow.cli.commands.<name>` that offers `add_arguments(parser)`, which
takes an `argparse.ArgumentParser`, and `run(options) -> int`, which takes the parsed arguments and
returns the exit status. Only the module of the command asked for is imported, and nothing heavy is
imported here, so that the help is quick.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import select
import sys
from collections.abc import Callable, Sequence
from typing import Final

from dualwindow import __version__
from dualwindow.cli.exit_status import FAILED, INTERRUPTED
from dualwindow.errors import DualWindowError

#: Every command, with its line in the help.
COMMANDS: Final = {
    "train": "train a model on freqtrade's candle files, without a bot",
    "evaluate": "measure a model on candles that it has not seen",
    "report": "show how good a model is as a page, from a model or backtest folder",
    "install": "put the model and the strategy into a freqtrade user folder",
    "presets": "list the presets of `train`, or show one",
    "cache": "show or clear what prepared candles occupy",
    "config": "show or check the settings, or write their JSON schema",
    "doctor": "describe this machine, its data and what would be chosen for it",
}

_DESCRIPTION: Final = (
    "DualWindowLSTM: a FreqAI prediction model that says SHORT, HOLD or LONG at the close of every "
    "candle."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; those of the process unless given.

    Returns:
        The exit status: 0, or 1 after an error whose message stands on stderr, or 130 after Ctrl-C.

    Raises:
        SystemExit: with 0 after help or version, with 2 when the arguments are wrong.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            return _status(given)
        finally:
            # Whether anybody reads shows here; in the interpreter's last flush it cannot be caught.
            sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        return FAILED


def _status(arguments: list[str]) -> int:
    """Run one command; errors that are meant for people become their message."""
    try:
        return _run(arguments)
    except DualWindowError as error:
        print(f"dualwindow: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("dualwindow: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="dualwindow", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"dualwindow {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    # No option before the command takes a value, so the first word is the command.
    asked = next((word for word in arguments if not word.startswith("-")), None)
    used = parser
    for name, line in COMMANDS.items():
        of_command = commands.add_parser(
            name, help=line, description=_sentence(line), allow_abbrev=False
        )
        if name == asked:
            module = importlib.import_module(f"dualwindow.cli.commands.{name}")
            module.add_arguments(of_command)
            of_command.set_defaults(run=module.run)
            used = of_command
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        used.error(f"unrecognized arguments: {' '.join(unknown)}{_hint(used, unknown[0])}")
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _hint(parser: argparse.ArgumentParser, word: str) -> str:
    """The flag that was meant, if there is one like it."""
    near = difflib.get_close_matches(word, parser._option_string_actions, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


def _reader_is_gone() -> bool:
    """Whether it is our own output that nobody reads any more, as behind `| head`.

    If so, what is left of it goes nowhere: the interpreter flushes once more at its end.
    """
    output = sys.stdout.fileno()
    if hasattr(select, "poll"):
        # Asked of the pipe itself: a flush has nothing to say when its write has failed before.
        poll = select.poll()
        poll.register(output, 0)
        if not any(events & select.POLLERR for _, events in poll.poll(0)):
            return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True
