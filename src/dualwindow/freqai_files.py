"""FreqAI's own files in a model folder: what is damaged is set aside, never loaded."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

_STATE_FILES: Final = ("pair_dictionary.json", "global_metadata.json")
_ARROW_MAGIC: Final = b"ARROW1"


def set_aside_damaged(folder: Path) -> list[Path]:
    """Rename FreqAI's damaged state files and cached predictions, with one warning each.

    FreqAI reads them without a check and would end in a traceback. What is set aside is made anew.

    Args:
        folder: `user_data/models/<identifier>`; need not exist.

    Returns:
        Where the damaged files went.
    """
    moved = []
    states = [folder / name for name in _STATE_FILES if (folder / name).is_file()]
    caches = sorted((folder / "backtesting_predictions").glob("*.feather"))
    for file in [each for each in states if not _is_json(each)] + [
        each for each in caches if not _is_arrow(each)
    ]:
        aside = file.with_name(f"{file.name}.damaged")
        file.replace(aside)
        logger.warning("%s is damaged; it was set aside as %s", file, aside.name)
        moved.append(aside)
    return moved


def _is_json(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except ValueError:
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
