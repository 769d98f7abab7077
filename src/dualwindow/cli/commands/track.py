"""`dualwindow track`: what a bot claimed and what became of it, and whether its record is sound."""

from __future__ import annotations

import argparse
import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from dualwindow.cli.display.track_lines import track_lines, verification_lines
from dualwindow.cli.options.configuration import (
    add_config,
    add_userdir,
    config_files,
    configured_layers,
    userdir_of,
)
from dualwindow.errors import DataError
from dualwindow.settings.layers.files import LayeredConfig
from dualwindow.track.entries import EntryError
from dualwindow.track.figures import figures_of
from dualwindow.track.record_file import RECORD_NAME, RecordFile
from dualwindow.track.verify import LIMITS, Verification, verify

#: Exit status of a record that was changed.
_CHANGED = 1
#: Shown at the end of the help.
EXAMPLE: Final = """\
dualwindow track dualwindow
dualwindow track dualwindow --verify"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dualwindow track`."""
    parser.description = (
        "Show the track record that a running bot keeps of itself: what its models promised, what "
        "it decided, how that ended, and whether it is as promised. The verdict may be looked at "
        "at any time: it is wrong in at most 2.5 of 100 bots, ever."
    )
    parser.add_argument(
        "bot",
        metavar="BOT",
        help="freqai.identifier of the bot, or its folder, such as user_data/models/dualwindow",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="compute the chain of hashes again, hold the models beside it against their "
        "claims, and say what was changed, left out or put in",
    )
    parser.add_argument(
        "--head",
        metavar="HEAD",
        help="with --verify: a head that was noted elsewhere, such as in the bot's log; the chain "
        "must pass it",
    )
    add_config(parser)
    add_userdir(parser)
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(options: argparse.Namespace) -> int:
    """Print the record's figures, or what a verification found; 1 where it was changed.

    Raises:
        DataError: when there is no record, or none can be read.
    """
    path = _record_of(options)
    try:
        file = RecordFile.for_reading(path)
        try:
            if options.verify or options.head:
                return _verify(file, path, options)
            figures = figures_of(file, path.parent)
        finally:
            file.close()
    except (sqlite3.Error, EntryError) as error:
        raise DataError(
            f"the track record {path} cannot be read ({error}); dualwindow track --verify names "
            "what is damaged"
        ) from error
    if options.json:
        print(json.dumps(figures.to_dict(), indent=2))
    else:
        print("\n".join(track_lines(figures, path)))
    return 0


def _verify(file: RecordFile, path: Path, options: argparse.Namespace) -> int:
    found = verify(file, options.head, path.parent)
    if options.json:
        print(json.dumps(_as_json(found), indent=2))
    else:
        print("\n".join(verification_lines(found, path)))
    return _CHANGED if found.problems else 0


def _as_json(found: Verification) -> dict[str, Any]:
    return {
        "sound": not found.problems,
        "problems": found.problems,
        "entries": found.entries,
        "removed": found.removed,
        "head": found.head.text,
        "passes_noted_head": found.has_head,
        "models": None if found.models is None else asdict(found.models),
        "limits": LIMITS,
    }


def _record_of(options: argparse.Namespace) -> Path:
    """The file of the record that is asked for.

    Raises:
        DataError: when it is not there.
    """
    given = Path(options.bot)
    if given.is_file():
        return given
    folder = given
    if not given.is_dir():
        content = LayeredConfig(configured_layers(config_files(options), as_freqtrade=True)).content
        folder = userdir_of(options, content) / "models" / options.bot
    path = folder / RECORD_NAME
    if not path.is_file():
        raise DataError(
            f"there is no track record {path}: a running bot, dry or live, writes it from its "
            "first prediction on; give its freqai.identifier or its folder"
        )
    return path
