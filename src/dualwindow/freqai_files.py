"""FreqAI's own files in a model folder: what is damaged is set aside, never loaded."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from pathlib import Path
from typing import Final

from dualwindow.checked_files import CheckedFiles

logger = logging.getLogger(__name__)

_STATE_FILES: Final = ("pair_dictionary.json", "global_metadata.json", "metric_tracker.json")
_HISTORY: Final = "historic_predictions.pkl"
_HISTORY_COPY: Final = "historic_predictions.backup.pkl"
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
    moved = [
        _set_aside(file)
        for name in _STATE_FILES
        if (file := folder / name).is_file() and (sums.is_damaged(name) or not _is_json(file))
    ]
    moved += [
        _set_aside(file)
        for name in (_HISTORY, _HISTORY_COPY)
        if (file := folder / name).is_file() and (sums.is_damaged(name) or not _is_pickle(file))
    ]
    history, copy = folder / _HISTORY, folder / _HISTORY_COPY
    if moved and copy.is_file() and not history.is_file():
        shutil.copyfile(copy, history)
        logger.warning("%s was restored from its copy %s", history, copy.name)
    caches = sorted((folder / "backtesting_predictions").glob("*.feather"))
    moved += [_set_aside(each) for each in caches if not _is_arrow(each)]
    return moved


def _set_aside(file: Path) -> Path:
    aside = file.with_name(f"{file.name}.damaged")
    file.replace(aside)
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
