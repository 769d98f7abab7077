"""Starts what a container of the Compose file is for: ``train`` or ``trade``.

Standard library alone, and nothing of it stays: the training or the bot takes the process over, so
that signals and the exit status are its own.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

JWT_SECRET = "FREQTRADE__API_SERVER__JWT_SECRET_KEY"
PASSWORD = "FREQTRADE__API_SERVER__PASSWORD"


def train_command(flags: list[str], variables: Mapping[str, str]) -> list[str]:
    """The training that the flags say, or without any the one that the variables say.

    ``PRESET`` names one preset, ``PAIRS`` any number of pairs with commas or spaces between them,
    and ``TRAIN_FLAGS`` further flags as they would be typed.

    Raises:
        SystemExit: a quotation in ``TRAIN_FLAGS`` has no end.
    """
    if flags:
        return ["dualwindow", "train", *flags]
    command = ["dualwindow", "train"]
    if preset := variables.get("PRESET", "").strip():
        command += ["--preset", preset]
    for pair in re.findall(r"[^\s,]+", variables.get("PAIRS", "")):
        command += ["--pair", pair]
    flags_text = variables.get("TRAIN_FLAGS", "")
    try:
        return command + shlex.split(flags_text)
    except ValueError as error:
        sys.exit(f"TRAIN_FLAGS {flags_text!r} cannot be read: {error}; see .env.example")


def trade_command(flags: list[str], variables: Mapping[str, str]) -> list[str]:
    """The bot.

    Raises:
        SystemExit: the REST server would stand open.
    """
    if not variables.get(PASSWORD):
        sys.exit(
            f"The bot's REST server needs a password in {PASSWORD}: write API_PASSWORD into .env."
        )
    return ["freqtrade", "trade", *flags]


def trade_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The bot's environment: without a secret of its own for the tokens, one made for this start.

    freqtrade's default is known to everybody. A new one only makes FreqUI ask for the password.
    """
    made = {} if variables.get(JWT_SECRET) else {JWT_SECRET: secrets.token_urlsafe(32)}
    return {**variables, **made}


def refuse_read_only(folder: Path) -> None:
    """Refuse to work for hours towards a folder that takes nothing.

    Raises:
        SystemExit: the folder belongs to someone else, as it does on Linux for most user numbers.
    """
    if not os.access(folder, os.W_OK):
        sys.exit(
            f"{folder} cannot be written by user number {os.getuid()} of the container. "
            f"On the host: sudo chown -R {os.getuid()} {folder.name}"
        )


def main(arguments: list[str]) -> None:
    """Become the training or the bot."""
    task, *flags = arguments
    variables = dict(os.environ)
    if task == "trade":
        command = trade_command(flags, variables)
        variables = trade_variables(variables)
    else:
        command = train_command(flags, variables)
    refuse_read_only(Path("user_data"))
    print("+", shlex.join(command), flush=True)
    os.execvpe(command[0], command, variables)


if __name__ == "__main__":
    main(sys.argv[1:])
