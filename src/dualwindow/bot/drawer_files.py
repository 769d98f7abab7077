"""The folder of `freqai.identifier`: bound to the settings, FreqAI's own files in it undamaged."""

from __future__ import annotations

import io
import logging
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from dualwindow.bot.config_checks import is_live, named_pairs, refusing
from dualwindow.bot.live.prediction_archive import DATE, utc_dates
from dualwindow.bot.live.prediction_archive import FOLDER as OLD_PREDICTIONS
from dualwindow.errors import ModelFileError
from dualwindow.models.fingerprint import CACHED_PREDICTIONS, bind_folder
from dualwindow.models.freqai_folders import find_models, is_model_name, recover_models
from dualwindow.models.identifier.records import FOLDER as RECORDS
from dualwindow.models.identifier.records import Records
from dualwindow.runtime.files import CheckedFiles, parse_json, remove_strays, set_aside

logger = logging.getLogger(__name__)

#: All predictions of a live bot, and FreqAI's copy of them.
HISTORIES: Final = ("historic_predictions.pkl", "historic_predictions.backup.pkl")
METADATA: Final = "global_metadata.json"
_STATE_FILES: Final = ("pair_dictionary.json", METADATA, "metric_tracker.json")
#: Endings of the names of files, which no folder of an identifier's has.
_FILE_ENDINGS: Final = (".json", ".pkl", ".zip", ".feather", ".checkpoint")
_FOLDERS: Final = (CACHED_PREDICTIONS, OLD_PREDICTIONS, RECORDS)


def model_folder(config: Mapping[str, Any]) -> Path:
    """`user_data/models/<identifier>`."""
    return Path(config["user_data_dir"], "models", config["freqai"]["identifier"])


def open_model_folder(config: Mapping[str, Any], dependencies: Mapping[str, Any]) -> Path:
    """Bind the model folder to its models' dependencies, and clear up after a killed bot.

    Returns:
        `user_data/models/<identifier>`.

    Raises:
        OperationalException: when the folder belongs to other settings.
    """
    folder = model_folder(config)
    with refusing():
        bind_folder(folder, dependencies, named_pairs(config))
    set_aside_damaged(folder)
    if is_live(config):
        remove_strays(folder)
        recover_models(folder, named_pairs(config))
    else:
        _begin_records(folder)
    return folder


def _begin_records(folder: Path) -> None:
    """Begin to record candles; what a bot or an earlier version left is taken as it is, once."""
    records = Records(folder)
    if records.exist():
        return
    if find_models(folder) or any((folder / CACHED_PREDICTIONS).glob("*.feather")):
        logger.warning(
            "a running bot or an earlier version has made models or predictions in %s and did not "
            "note their candles: they are taken for those of the candles of now; if candles have "
            "changed since, set another freqai.identifier",
            folder,
        )
    records.adopt()


def set_aside_damaged(folder: Path) -> list[Path]:
    """Rename FreqAI's damaged state files and cached predictions, with a warning for every file.

    FreqAI reads them without a check and would end in a traceback; missing ones it creates itself.
    So it is with a folder in the place of a file, and a file in that of a folder. The folder need
    not exist.

    Returns:
        New paths of the damaged files.
    """
    misplaced = _set_misplaced_aside(folder)
    sums = CheckedFiles(folder)
    checks = dict.fromkeys(_STATE_FILES, _is_json) | dict.fromkeys(HISTORIES, _holds_predictions)
    damaged = [
        file
        for name, is_whole in checks.items()
        if (file := folder / name).is_file() and (sums.is_damaged(name) or not is_whole(file))
    ]
    moved = [*misplaced, *map(_set_aside, damaged)]
    history, copy = (folder / name for name in HISTORIES)
    if history in damaged and copy.is_file():
        shutil.copyfile(copy, history)
        logger.warning("%s was restored from its copy %s", history, copy.name)
    records = Records(folder)
    caches = sorted((folder / CACHED_PREDICTIONS).glob("*.feather"))
    moved += [_set_aside(file) for file in caches if not _is_as_saved(file, records)]
    return moved


def _set_aside(file: Path, reason: str = "is damaged") -> Path:
    aside = set_aside(file)
    logger.warning("%s %s; it was set aside as %s", file, reason, aside.name)
    return aside


def _set_misplaced_aside(folder: Path) -> list[Path]:
    # The innermost first: a path does not outlive the renaming of its folder.
    folders = [path for path in folder.rglob("*") if path.suffix in _FILE_ENDINGS and path.is_dir()]
    folders.sort(key=lambda path: len(path.parts), reverse=True)
    inside = folder.iterdir() if folder.is_dir() else ()
    files = [
        path
        for path in inside
        if (path.name in _FOLDERS or is_model_name(path.name)) and path.is_file()
    ]
    return [
        *(_set_aside(path, "is a folder where a file belongs") for path in folders),
        *(_set_aside(path, "is a file where a folder belongs") for path in files),
    ]


def _is_json(file: Path) -> bool:
    try:
        return isinstance(parse_json(file.read_bytes()), dict)
    except ValueError:
        return False


def _holds_predictions(file: Path) -> bool:
    """Whether FreqAI, which unpickles the file at every start, can read its frames and dates."""
    try:
        for frame in saved_predictions(file).values():
            if DATE in frame.columns:
                utc_dates(frame)
    except Exception:
        return False
    return True


def saved_predictions(file: Path) -> dict[str, pd.DataFrame]:
    """A bot's predictions by pair; it is FreqAI's pickle, whose damage may raise anything."""
    with file.open("rb") as handle:
        return dict(pickle.load(handle))


def _is_as_saved(file: Path, records: Records) -> bool:
    """Whether a saved prediction is the one that was written, or an earlier version's can be read.

    That one is read to its end: damaged parts of a file show where they are unpacked.
    """
    try:
        content, record = records.read(file)
        if record is None:
            pd.read_feather(io.BytesIO(content))
    except (ModelFileError, OSError, ValueError, KeyError, pa.ArrowException):
        return False
    return True
