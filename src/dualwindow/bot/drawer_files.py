"""The folder of `freqai.identifier`: bound to the settings, FreqAI's own files in it undamaged."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from dualwindow.bot.config_checks import is_live, named_pairs, refusing
from dualwindow.models.fingerprint import bind_folder
from dualwindow.models.freqai_folders import recover_models
from dualwindow.runtime.files import CheckedFiles, remove_strays, set_aside, whole_path
from dualwindow.settings.pairs import base_coin

logger = logging.getLogger(__name__)

_STATE_FILES: Final = ("pair_dictionary.json", "global_metadata.json", "metric_tracker.json")
#: All predictions of a live bot, and FreqAI's copy of them.
_HISTORIES: Final = ("historic_predictions.pkl", "historic_predictions.backup.pkl")
_ARROW_MAGIC: Final = b"ARROW1"

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
    return folder


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
    caches = sorted((folder / "backtesting_predictions").glob("*.feather"))
    moved += [_set_aside(file) for file in caches if not _is_arrow(file)]
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


def _is_arrow(file: Path) -> bool:
    """Whether the file begins and ends as an Arrow file does; a half-written one does not."""
    length = len(_ARROW_MAGIC)
    with file.open("rb") as handle:
        begins = handle.read(length) == _ARROW_MAGIC
        if handle.seek(0, 2) < 2 * length:
            return False
        handle.seek(-length, 2)
        return begins and handle.read() == _ARROW_MAGIC


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
