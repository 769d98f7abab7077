"""The parser of `dualwindow`: its commands in groups, and messages that name the word meant.

A command is a module `dualwindow.cli.commands.<name>` with `EXAMPLE`, one or more command lines for
the end of its help, `add_arguments(parser)`, which adds its flags to an `argparse.ArgumentParser`,
and `run(options) -> int`, which takes the parsed arguments and returns the exit status. Only the
modules of requested commands are imported, by their names, and nothing heavy is imported here:
`--help` is quick.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
from collections.abc import Collection, Iterable
from typing import Any, Final

from dualwindow import __version__

#: Title of a group in the help to the names of its commands, with a line for each.
GROUPS: Final[dict[str, dict[str, str]]] = {
    "train": {
        "train": "train a model on freqtrade's candle files, without a bot",
        "contest": "compare networks, LightGBM and baselines on your own candles, walking forward",
    },
    "evaluate and report": {
        "evaluate": "measure a model on candles that it was not trained on",
        "report": "write a page that shows how good a model or a backtest is",
    },
    "running bot": {
        "track": "show the track record of a running bot, or check that nothing in it was changed",
        "why": "tell which gate kept a candle from becoming a trade, or count candles by gate",
        "audit": "list where a dry run differs from a backtest of its candles and models, and why",
    },
    "set-up": {
        "install": "copy the model and the strategy into a freqtrade user folder",
        "doctor": "describe this machine, its candles and the settings that suit it",
        "config": "show or check the settings, or write their JSON schema",
        "presets": "list the presets of `train`, or print one",
        "cache": "show the disk space of prepared candles, or free it",
        "completion": "print a script with which a shell completes commands and flags",
    },
}
#: Command name to its line in the help, of all groups.
COMMANDS: Final = {name: line for group in GROUPS.values() for name, line in group.items()}

DESCRIPTION: Final = (
    "DualWindowLSTM: a FreqAI model that predicts SHORT, HOLD or LONG at the close of every candle."
)
#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow install --userdir user_data
dualwindow train --preset quick --pair BTC_USDT
dualwindow train --help"""


class _Help(argparse.HelpFormatter):
    """Fills paragraphs, but keeps the lines of examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if not text.startswith("example"):
            return super()._fill_text(text, width, indent)
        return "".join(f"{indent}{line}" for line in text.splitlines(keepends=True))


class Parser(argparse.ArgumentParser):
    """A parser whose message about a mistyped word names the nearest right one."""

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=_Help, allow_abbrev=False, **more)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            hint = nearest(str(value), map(str, action.choices or ()))
            raise argparse.ArgumentError(action, f"{error.message}{hint}") from None

    def option_names(self) -> set[str]:
        """Options of this parser and of those of its actions."""
        names = {name for action in self._actions for name in action.option_strings}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                names = names.union(*(inner.option_names() for inner in action.choices.values()))
        return names


class ProgramParser(Parser):
    """The parser of the program, which shows its commands in groups."""

    def format_help(self) -> str:
        """Usage, groups of commands, options and an example."""
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                lines = {line.dest: line for line in action._choices_actions}
                for title, names in GROUPS.items():
                    formatter.start_section(title)
                    formatter.add_arguments([lines[name] for name in names])
                    formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments([action for action in self._actions if action.option_strings])
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()


def program_parser(
    requested: Collection[str] = tuple(COMMANDS),
) -> tuple[ProgramParser, dict[str, Parser]]:
    """The program's parser and those of the `requested` commands; others are names without flags.

    The parsed arguments of a requested command have its `run`, and as `whole_parser` a function
    that makes the parser of all commands, for the one command that is about all of them.
    """
    parser = ProgramParser(prog="dualwindow", description=DESCRIPTION, epilog=_examples(EXAMPLE))
    parser.add_argument("--version", action="version", version=f"dualwindow {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)
    used = {}
    for name, line in COMMANDS.items():
        description = f"{line[0].upper()}{line[1:]}."
        command = commands.add_parser(name, help=line, description=description)
        if name in requested:
            module = importlib.import_module(f"dualwindow.cli.commands.{name}")
            module.add_arguments(command)
            command.epilog = _examples(module.EXAMPLE)
            command.set_defaults(run=module.run, whole_parser=program_parser)
            used[name] = command
    return parser, used


def _examples(lines: str) -> str:
    title = "examples:" if "\n" in lines else "example:"
    return "\n".join([title, *(f"  {line}" for line in lines.splitlines())])


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the known one that was meant, if any is near."""
    # Dashes would make any two short options alike.
    names = {name.strip("-"): name for name in known}
    near = difflib.get_close_matches(word.lower().strip("-"), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""
