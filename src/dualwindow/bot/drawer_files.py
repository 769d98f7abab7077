"""The folder of `freqai.identifier`: bound to the settings, FreqAI's own files in it undamaged."""

from __future__ import annotations

import io
import json
import logging
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from dualwindow.bot.config_checks import is_live, named_pairs, refusing
from dualwindow.errors import ModelFileError
from dualwindow.models.fingerprint import CACHED_PREDICTIONS, bind_folder
from dualwindow.models.freqai_folders import find_models, recover_models
from dualwindow.models.identifier.records import Records
from dualwindow.runtime.files import CheckedFiles, remove_strays, set_aside, whole_path
from dualwindow.settings.pairs import base_coin

logger = logging.getLogger(__name__)

_STATE_FILES: Final = ("pair_dictionary.json", "global_metadata.json", "metric_tracker.json")
#: All predictions of a live bot, and FreqAI's copy of them.
_HISTORIES: Final = ("historic_predictions.pkl", "historic_predictions.backup.pkl")

FOLDER: Final = "old_predictions"
#: Newest predictions of a pair that stay in memory (candles): 30 days of minutes.
HELD: Final = 43_200
#: Predictions of one file: ten days of minutes.
FILED_AT_ONCE: Final = 14_400
_DATE: Final = "date_pred"


def open_model_folder(config: Mapping[str, Any], dependencies: Mapping[str, Any]) -> Path:
    """Bind the model folder to its models' dependencies, and clear up after a killed bot.

    Returns:
        `user_data/models/<identifier>`.

    Raises:
        OperationalException: when the folder belongs to other settings.
    """
    folder = Path(config["user_data_dir"], "models", config["freqai"]["identifier"])
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
    The folder need not exist.

    Returns:
        New paths of the damaged files.
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
    records = Records(folder)
    caches = sorted((folder / CACHED_PREDICTIONS).glob("*.feather"))
    moved += [_set_aside(file) for file in caches if not _is_as_saved(file, records)]
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
    """Whether FreqAI, which unpickles the file at every start, can load it."""
    try:
        with file.open("rb") as handle:
            return isinstance(pickle.load(handle), dict)
    except Exception:
        return False


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


def file_oldest(
    predictions: pd.DataFrame,
    folder: Path,
    pair: str,
    *,
    held: int = HELD,
    rows: int = FILED_AT_ONCE,
) -> pd.DataFrame:
    """Write a pair's oldest predictions to a file once there are `rows` of them beyond `held`.

    The predictions are in time order, as FreqAI holds them; the base coin names the file.

    Returns:
        The rest, with a new index; the same frame where nothing was written.
    """
    if len(predictions) < held + rows:
        return predictions
    cut = len(predictions) - held
    oldest = predictions.iloc[:cut].reset_index(drop=True)
    # FreqAI puts the number 0 between the class names, which no column of a file can hold.
    objects = oldest.select_dtypes("object").columns
    oldest = oldest.astype(dict.fromkeys(objects, str))
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    name = f"{base_coin(pair)}_{oldest[_DATE].iloc[0]:%Y%m%d%H%M}.feather"
    with whole_path(target / name) as path:
        oldest.to_feather(path)
    return predictions.iloc[cut:].reset_index(drop=True)


def with_filed(predictions: pd.DataFrame, folder: Path, pair: str) -> pd.DataFrame:
    """Predictions of a pair with those that `file_oldest` wrote to the folder in front."""
    files = sorted((folder / FOLDER).glob(f"{base_coin(pair)}_*.feather"))
    if not files:
        return predictions
    joined = pd.concat([*map(pd.read_feather, files), predictions], ignore_index=True)
    # A bot that was killed after it wrote a file holds those predictions a second time.
    return joined.drop_duplicates(_DATE, keep="last").sort_values(_DATE, ignore_index=True)
