"""Folders of saved models as FreqAI lays them out: which are whole, and which a bot resumes with.

A model is several files: the model itself, FreqAI's metadata and pipelines, and the dates of its
training, which FreqAI writes last. The manifest covers all of them.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dualwindow.errors import ModelFileError
from dualwindow.models.manifest import bound_to, check_manifest, is_listed, write_manifest
from dualwindow.models.model_files import EVALUATION_NAME, remove_checkpoint
from dualwindow.runtime.files import CheckedFiles, parse_json, set_aside
from dualwindow.settings.pairs import base_coin

logger = logging.getLogger(__name__)

PAIR_DICTIONARY: Final = "pair_dictionary.json"
_CHECKPOINT_NAME: Final = re.compile(r"unfinished-(?P<last>\d+)(-warm)?\.checkpoint")
_FOLDER_NAME: Final = re.compile(r"sub-train-(?P<base>.+)_(?P<stamp>\d{10})")


@dataclass(frozen=True)
class ModelFolder:
    """A saved model: its folder, base coin, and the end of its training, seconds since 1970.

    The folder is called `sub-train-<base>_<end of training>`.
    """

    path: Path
    base: str
    trained_until: int

    @property
    def filename(self) -> str:
        """Beginning of the names of its files, as FreqAI writes them."""
        return f"cb_{self.base.lower()}_{self.trained_until}"

    def entry(self) -> dict[str, Any]:
        """FreqAI's entry for the model in its dictionary of pairs."""
        return {
            "model_filename": self.filename,
            "trained_timestamp": self.trained_until,
            "data_path": str(self.path),
            "extras": {},
        }


def find_models(folder: Path) -> list[ModelFolder]:
    """Every model folder under `user_data/models/<identifier>`, newest first."""
    models = []
    for path in folder.glob("sub-train-*"):
        match = _FOLDER_NAME.fullmatch(path.name)
        if match and path.is_dir():
            models.append(ModelFolder(path, match["base"], int(match["stamp"])))
    return sorted(models, key=lambda model: model.trained_until, reverse=True)


def is_model_name(name: str) -> bool:
    """Whether a folder of a model has such a name."""
    return _FOLDER_NAME.fullmatch(name) is not None


def is_saved(folder: Path, filename: str) -> bool:
    """Whether saving has ended: of a killed bot's model the manifest lacks the last file."""
    last = f"{filename}_trained_dates_df.pkl"
    return (folder / last).is_file() and is_listed(folder, last)


def seal(folder: Path, filename: str, binding: Mapping[str, str] | None = None) -> None:
    """Write the manifest over a model's figures and all its files, which begin with `filename`.

    The binding is what the model was made with, see `manifest.bound_to`.
    """
    files = [*sorted(folder.glob(f"{filename}_*")), *folder.glob(EVALUATION_NAME)]
    # A folder that lay in the place of one was set aside beside it.
    write_manifest(folder, [file for file in files if file.is_file()], binding)


@dataclass(frozen=True)
class UnfinishedTraining:
    """A training that was stopped or killed: end of its time range and newest candle it saw.

    Both are in seconds since 1970.
    """

    end: int
    last_candle: int


def checkpoint_path(folder: Path, last_candle: int) -> Path:
    """Where a training keeps its checkpoint until its model is saved.

    The newest candle of the training, seconds since 1970, is in the name: later there are more.
    """
    return folder / f"unfinished-{last_candle}.checkpoint"


def warm_checkpoint(path: Path) -> Path:
    """Where the warm training of a chain keeps its checkpoint, beside that of a full one."""
    return path.with_name(f"{path.stem}-warm{path.suffix}")


def remove_checkpoints(folder: Path) -> None:
    """Delete the checkpoints in a model's folder: it is saved, or its training has failed."""
    for path in folder.glob("*.checkpoint"):
        remove_checkpoint(path)


def find_unfinished(folder: Path, base: str, begun_after: float) -> UnfinishedTraining | None:
    """The newest training of a base coin, where it left a checkpoint and no model.

    One that is not begun after a moment, seconds since 1970, is not worth its end any more.
    """
    newest = next((model for model in find_models(folder) if model.base == base), None)
    if newest is None or newest.trained_until <= begun_after:
        return None
    if is_saved(newest.path, newest.filename):
        return None
    names = [_CHECKPOINT_NAME.fullmatch(path.name) for path in newest.path.iterdir()]
    last = max((int(name["last"]) for name in names if name), default=None)
    return None if last is None else UnfinishedTraining(newest.trained_until, last)


def purge_models(folder: Path, keep: int, in_use: Iterable[str]) -> list[Path]:
    """Delete the models of each base coin but the newest, and what killed trainings left.

    Only whole models count: trainings that never ended must not push the last model out.

    Args:
        folder: `user_data/models/<identifier>`.
        keep: models of a base coin that stay, at least 1.
        in_use: folders of models that the bot predicts with; they stay as well.

    Returns:
        The folders that were deleted.
    """
    used = {Path(path).name for path in in_use}
    models = find_models(folder)
    deleted = []
    for base in {model.base for model in models}:
        own = [model for model in models if model.base == base]
        saved = [model for model in own if is_saved(model.path, model.filename)]
        # A folder newer than every whole model may belong to a training that is running.
        left = [model for model in own if model not in saved and saved]
        stale = [model for model in left if model.trained_until < saved[0].trained_until]
        deleted += [model.path for model in saved[keep:] + stale if model.path.name not in used]
    for path in deleted:
        logger.info("deleting the old model %s", path)
        shutil.rmtree(path)
    return deleted


def recover_models(folder: Path, pairs: Iterable[str]) -> None:
    """Point FreqAI at the last whole model of every pair; set damaged ones aside.

    The folder is `user_data/models/<identifier>`; its dictionary of pairs is whole or not there.
    The pairs are those that the configuration names; the models of others name them themselves.
    """
    path = folder / PAIR_DICTIONARY
    before: dict[str, Any] = parse_json(path.read_bytes()) if path.is_file() else {}
    models = find_models(folder)
    # Earlier versions wrote no pair into a manifest.
    owners = {model.path: bound_to(model.path).get("pair") for model in models}
    after = dict(before)
    for pair in dict.fromkeys([*before, *pairs, *filter(None, owners.values())]):
        named = Path(before.get(pair, {}).get("data_path") or "").name
        own = [
            model
            for model in models
            if model.base == base_coin(pair) and owners[model.path] in (None, pair)
        ]
        # The one that FreqAI noted first: a newer folder may be an unfinished training.
        own.sort(key=lambda model: model.path.name != named)
        whole = next((model for model in own if _is_whole(model)), None)
        if whole is not None:
            after[pair] = before.get(pair, {}) | whole.entry()
        elif before.get(pair, {}).get("model_filename"):
            logger.warning("%s: no whole model is left, so it is trained again", pair)
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
        logger.warning("%s; it was set aside as %s", error, set_aside(model.path).name)
        return False
    return True
