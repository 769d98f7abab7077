"""Folders of saved models as FreqAI lays them out: which are whole, and which a bot resumes with.

A model is several files: the model itself, FreqAI's metadata and pipelines, and the dates of its
training, which FreqAI writes last. The manifest covers all of them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dualwindow.checked_files import CheckedFiles
from dualwindow.errors import ModelFileError
from dualwindow.manifest import check_manifest, write_manifest

logger = logging.getLogger(__name__)

PAIR_DICTIONARY: Final = "pair_dictionary.json"
_FOLDER_NAME: Final = re.compile(r"sub-train-(?P<base>.+)_(?P<stamp>\d{10})")


@dataclass(frozen=True)
class ModelFolder:
    """One saved model.

    Attributes:
        path: its folder, `sub-train-<base>_<end of training>`.
        base: base coin.
        trained_until: end of its training, seconds since 1970.
    """

    path: Path
    base: str
    trained_until: int

    @property
    def filename(self) -> str:
        """What FreqAI begins the names of its files with."""
        return f"cb_{self.base.lower()}_{self.trained_until}"

    def entry(self) -> dict[str, Any]:
        """What FreqAI notes about the model in its dictionary of pairs."""
        return {
            "model_filename": self.filename,
            "trained_timestamp": self.trained_until,
            "data_path": str(self.path),
            "extras": {},
        }


def find_models(folder: Path) -> list[ModelFolder]:
    """Every model folder under `user_data/models/<identifier>`, newest first."""
    found = []
    for path in folder.glob("sub-train-*"):
        match = _FOLDER_NAME.fullmatch(path.name)
        if match and path.is_dir():
            found.append(ModelFolder(path, match["base"], int(match["stamp"])))
    return sorted(found, key=lambda each: each.trained_until, reverse=True)


def is_saved(folder: Path, filename: str) -> bool:
    """Whether FreqAI finished saving: a killed bot leaves the last file out."""
    return (folder / f"{filename}_trained_dates_df.pkl").is_file()


def seal(folder: Path, filename: str) -> None:
    """Write the manifest over everything that was saved for a model."""
    write_manifest(folder, sorted(folder.glob(f"{filename}_*")))


def recover_models(folder: Path, pairs: Iterable[str]) -> None:
    """Point FreqAI at the last whole model of every pair; set damaged ones aside.

    Args:
        folder: `user_data/models/<identifier>`; its dictionary of pairs is whole or not there.
        pairs: pairs that the bot trades.
    """
    path = folder / PAIR_DICTIONARY
    before: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    models = find_models(folder)
    after = dict(before)
    for pair in dict.fromkeys([*before, *pairs]):
        base = pair.split("/")[0]
        named = Path(before.get(pair, {}).get("data_path") or "").name
        own = [each for each in models if each.base == base]
        # The one that FreqAI noted first: a newer folder may be an unfinished training.
        own.sort(key=lambda each: each.path.name != named)
        whole = next((each for each in own if _is_whole(each)), None)
        if whole is not None:
            after[pair] = before.get(pair, {}) | whole.entry()
        elif before.get(pair, {}).get("model_filename"):
            logger.warning("%s: no whole model is left, so it is trained anew", pair)
            del after[pair]
    if after != before:
        CheckedFiles(folder).write(PAIR_DICTIONARY, json.dumps(after).encode())


def _is_whole(model: ModelFolder) -> bool:
    """Whether a model can be loaded; a damaged one is set aside with a warning."""
    if not is_saved(model.path, model.filename):
        return False
    try:
        check_manifest(model.path)
    except ModelFileError as error:
        aside = model.path.with_name(f"{model.path.name}.damaged")
        number = 1
        while aside.exists():
            number += 1
            aside = model.path.with_name(f"{model.path.name}.damaged-{number}")
        model.path.replace(aside)
        logger.warning("%s; it was set aside as %s", error, aside.name)
        return False
    return True
