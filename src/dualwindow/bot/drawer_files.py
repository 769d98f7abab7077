"""The folder of `freqai.identifier`: bound to the settings, with FreqAI's own files in it whole."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from dualwindow.bot.config_checks import is_live, plain_pairs, refusing
from dualwindow.models.fingerprint import bind_folder
from dualwindow.models.freqai_folders import recover_models
from dualwindow.runtime.files import CheckedFiles, remove_strays, set_aside, whole_path

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
    """Bind the model folder to the settings and clear away what a killed bot left in it.

    Args:
        config: freqtrade's configuration.
        dependencies: settings that its models depend on, from `model_dependencies`.

    Returns:
        `user_data/models/<identifier>`.

    Raises:
        OperationalException: when the folder belongs to other settings.
    """
    folder = Path(config["user_data_dir"], "models", config["freqai"]["identifier"])
    with refusing():
        bind_folder(folder, dependencies, plain_pairs(config))
    set_aside_damaged(folder)
    if is_live(config):
        remove_strays(folder)
        recover_models(folder, plain_pairs(config))
    return folder


def set_aside_damaged(folder: Path) -> list[Path]:
    """Rename FreqAI's damaged state files and cached predictions, with one warning each.

    FreqAI reads them without a check and would end in a traceback. Missing ones it makes itself.

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


def file_oldest(
    predictions: pd.DataFrame,
    folder: Path,
    base: str,
    *,
    held: int = HELD,
    rows: int = FILED_AT_ONCE,
) -> pd.DataFrame:
    """Write the oldest predictions to a file once there are enough of them.

    Args:
        predictions: of one pair, in time order, as FreqAI holds them.
        folder: `user_data/models/<identifier>`.
        base: base coin.
        held: predictions that stay.
        rows: predictions of one file.

    Returns:
        Those that are left, with a new index; the same frame where nothing was written.
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
    with whole_path(target / f"{base}_{oldest[_DATE].iloc[0]:%Y%m%d%H%M}.feather") as path:
        oldest.to_feather(path)
    return predictions.iloc[cut:].reset_index(drop=True)


def with_filed(predictions: pd.DataFrame, folder: Path, base: str) -> pd.DataFrame:
    """Predictions of a pair with all that were written to files in front.

    Args:
        predictions: as `file_oldest` left them.
        folder: `user_data/models/<identifier>`.
        base: base coin.
    """
    files = sorted((folder / FOLDER).glob(f"{base}_*.feather"))
    if not files:
        return predictions
    frames = [*map(pd.read_feather, files), predictions]
    whole = pd.concat(frames, ignore_index=True)
    # A bot that was killed after it wrote a file holds those predictions once more.
    return whole.drop_duplicates(_DATE, keep="last").sort_values(_DATE, ignore_index=True)
