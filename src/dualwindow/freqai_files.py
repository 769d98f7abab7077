"""FreqAI's own files in a model folder: what is damaged is set aside, never loaded."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from pathlib import Path
from typing import Final

from dualwindow.runtime.files import CheckedFiles, set_aside

logger = logging.getLogger(__name__)

_STATE_FILES: Final = ("pair_dictionary.json", "global_metadata.json", "metric_tracker.json")
#: All predictions of a live bot, and FreqAI's copy of them.
_HISTORIES: Final = ("historic_predictions.pkl", "historic_predictions.backup.pkl")
_ARROW_MAGIC: Final = b"ARROW1"


def set_aside_damaged(folder: Path) -> list[Path]:
    """Rename FreqAI's damaged state files and cached predictions, with one warning each.

    FreqAI reads them without a check and would end in a traceback. What is set aside is made anew.

    Args:
        folder: `user_data/models/<identifier>`; need not exist.

    Returns:
        Where the damaged files went.
    """
    sums = CheckedFiles(folder)
    checks = dict.fromkeys(_STATE_FILES, _is_json) | dict.fromkeys(_HISTORIES, _is_pickle)
    damaged = [
        file
        for name, is_whole in checks.items()
        if (file := folder / name).is_file() and (sums.is_damaged(name) or not is_whole(file))
    ]
    moved = [_set_aside(file) for file in damaged]
    history, copy = (folder / name for name in _HISTORIES)
    if history in damaged and copy.is_file():
        shutil.copyfile(copy, history)
        logger.warning("%s was restored from its copy %s", history, copy.name)
    caches = sorted((folder / "backtesting_predictions").glob("*.feather"))
    moved += [_set_aside(each) for each in caches if not _is_arrow(each)]
    return moved


def _set_aside(file: Path) -> Path:
    aside = set_aside(file)
    logger.warning("%s is damaged; it was set aside as %s", file, aside.name)
    return aside


def _is_json(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except ValueError:
        return False


def _is_pickle(file: Path) -> bool:
    """Whether FreqAI, which unpickles the file at every start, would manage to."""
    try:
        with file.open("rb") as handle:
            return isinstance(pickle.load(handle), dict)
    except Exception:
        return False


def _is_arrow(file: Path) -> bool:
    """Whether the file begins and ends as a whole Arrow file does; a half-written one does not."""
    with file.open("rb") as handle:
        begins = handle.read(len(_ARROW_MAGIC)) == _ARROW_MAGIC
        size = handle.seek(0, 2)
        if size < 2 * len(_ARROW_MAGIC):
            return False
        handle.seek(-len(_ARROW_MAGIC), 2)
        return begins and handle.read() == _ARROW_MAGIC
