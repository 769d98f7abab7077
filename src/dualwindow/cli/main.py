"""The `dualwindow` program: its errors as messages, and its exit status.

`dualwindow.cli.parser` has the commands and imports the one that is requested. No command imports
this module.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dualwindow.cli.parser import nearest, program_parser
from dualwindow.errors import DualWindowError, SettingsError

#: Exit statuses of errors; 0 is success, and MISUSED is argparse's own after wrong arguments.
FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130


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


def _run(arguments: list[str]) -> int:
    # No option before the command takes a value, so the first word is the command.
    requested = next((word for word in arguments if not word.startswith("-")), None)
    parser, commands = program_parser([] if requested is None else [requested])
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        used = commands.get(str(requested), parser)
        hint = nearest(unknown[0].partition("=")[0], used.option_names())
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
