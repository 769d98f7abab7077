"""A running bot's old predictions: out of memory and into files, which are sealed, pair by pair."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from dualwindow.runtime.files import CheckedFiles
from dualwindow.settings.pairs import base_coin

logger = logging.getLogger(__name__)

FOLDER: Final = "old_predictions"
#: Newest predictions of a pair that stay in memory (candles): 30 days of minutes.
HELD: Final = 43_200
#: Predictions of one file: ten days of minutes.
FILED_AT_ONCE: Final = 14_400
#: FreqAI's column with the date of the candle that was predicted on.
DATE: Final = "date_pred"
#: Attribute of a file's frame; earlier versions wrote none.
_PAIR: Final = "pair"


def utc_dates(predictions: pd.DataFrame) -> pd.Series:
    """Dates of predictions in UTC, as which FreqAI takes naive ones.

    Raises:
        KeyError: when there are none.
        TypeError, ValueError: when they cannot be read as dates.
    """
    dates = predictions[DATE]
    if len(dates) and pd.api.types.is_numeric_dtype(dates):
        raise TypeError(f"{DATE} holds numbers")
    return pd.to_datetime(dates, utc=True, format="ISO8601").dt.as_unit("ms")


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
    oldest.attrs = {_PAIR: pair}
    content = io.BytesIO()
    oldest.to_feather(content)
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    name = f"{base_coin(pair)}_{oldest[DATE].iloc[0]:%Y%m%d%H%M}.feather"
    CheckedFiles(target).write(name, content.getvalue())
    return predictions.iloc[cut:].reset_index(drop=True)


def with_filed(predictions: pd.DataFrame, folder: Path, pair: str) -> pd.DataFrame:
    """Predictions of a pair with those that `file_oldest` wrote to the folder in front.

    A damaged file, and one of another pair, are left out with a warning.
    """
    target = folder / FOLDER
    # Another coin's name may begin as this one's does.
    name = re.compile(rf"{re.escape(base_coin(pair))}_\d{{12}}\.feather")
    files = [path for path in target.glob("*.feather") if name.fullmatch(path.name)]
    read = (_read(path, pair, CheckedFiles(target)) for path in sorted(files))
    parts = [part for part in read if part is not None]
    if not parts:
        return predictions
    held = predictions.assign(**{DATE: utc_dates(predictions)})
    joined = pd.concat([*parts, held], ignore_index=True)
    # A bot that was killed after it wrote a file holds those predictions a second time.
    return joined.drop_duplicates(DATE, keep="last").sort_values(DATE, ignore_index=True)


def _read(path: Path, pair: str, sums: CheckedFiles) -> pd.DataFrame | None:
    """The predictions of a file; None where they are not to be used."""
    try:
        if sums.is_damaged(path.name):
            raise ValueError("its SHA-256 is not that of what was written")
        found = pd.read_feather(path)
        found[DATE] = utc_dates(found)
    except (OSError, LookupError, TypeError, ValueError, OverflowError, pa.ArrowException) as error:
        cause = " ".join(str(error).split())
        logger.warning(
            "%s: %s is damaged (%s): its predictions are left out, so that a backtest enters "
            "nothing in those days; put back a copy of the file, or delete it",
            pair,
            path,
            cause,
        )
        return None
    owner = found.attrs.pop(_PAIR, pair)
    if owner != pair:
        logger.warning(
            "%s: %s holds predictions of %s and is left out; move it out of the folder",
            pair,
            path,
            owner,
        )
        return None
    return found
