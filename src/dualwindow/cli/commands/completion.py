"""`dualwindow completion`: a script with which a shell completes commands, flags and files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow completion bash > ~/.local/share/bash-completion/completions/dualwindow
dualwindow completion zsh > ~/.zfunc/_dualwindow"""
#: Those that shtab knows.
_SHELLS: Final = ("bash", "fish", "tcsh", "zsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dualwindow completion`."""
    parser.description = (
        "Print a script with which a shell completes the commands and their flags, values, files "
        "and folders. Write it to a file that the shell reads at its start, and open a new one."
    )
    parser.add_argument("shell", choices=_SHELLS, help="the shell that reads the script")


def run(options: argparse.Namespace) -> int:
    """Print the script of a shell."""
    # Every other command would import the flags of all for nothing.
    import shtab  # noqa: PLC0415

    parser, commands = options.whole_parser()
    for command in commands.values():
        _complete_paths(command, shtab)
    sys.stdout.write(shtab.complete(parser, shell=options.shell) + "\n")
    return 0


def _complete_paths(parser: argparse.ArgumentParser, shtab: Any) -> None:
    """Mark what is a file or a folder, in which a shell then looks."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _complete_paths(inner, shtab)
        elif action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.type is Path or action.metavar == "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
