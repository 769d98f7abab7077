"""Entry point of the Compose file's containers: ``train`` or ``trade``.

Needs only the standard library. The training or the bot replaces this process, so that it receives
the signals and sets the exit status.
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
    """The training command, from the flags, or from the variables if there are none.

    ``PRESET`` names one preset, ``PAIRS`` any number of pairs with commas or spaces between them,
    and ``TRAIN_FLAGS`` further flags as they would be typed.

    Raises:
        SystemExit: when a quotation in ``TRAIN_FLAGS`` has no end.
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
    """The bot's command.

    Raises:
        SystemExit: when the REST server would have no password.
    """
    if not variables.get(PASSWORD):
        sys.exit(
            f"The bot's REST server needs a password in {PASSWORD}: write API_PASSWORD into .env."
        )
    return ["freqtrade", "trade", *flags]


def trade_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The bot's environment, with a new secret for its tokens if the variables set none.

    freqtrade's default is public. After a new one, FreqUI only asks for the password again.
    """
    if variables.get(JWT_SECRET):
        return dict(variables)
    return {**variables, JWT_SECRET: secrets.token_urlsafe(32)}


def refuse_read_only(folder: Path) -> None:
    """Refuse a folder that cannot be written, before hours of work.

    Raises:
        SystemExit: when another user owns the folder, as on Linux with most user numbers.
    """
    if not os.access(folder, os.W_OK):
        sys.exit(
            f"{folder} cannot be written by user number {os.getuid()} of the container. "
            f"On the host: sudo chown -R {os.getuid()} {folder.name}"
        )


def main(arguments: list[str]) -> None:
    """Replace this process by the training or the bot."""
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
