"""Predictions of a running bot that are too old to be held in memory.

FreqAI holds every prediction since the first start, writes them all to one file after each training
and copies them all at each candle. Here the oldest go into files of their own, which a backtest of
live predictions reads again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from dualwindow.runtime.files import whole_path

FOLDER: Final = "old_predictions"
#: Newest predictions of a pair that stay in memory (candles): 30 days of minutes.
HELD: Final = 43_200
#: Predictions of one file: ten days of minutes.
FILED_AT_ONCE: Final = 14_400
_DATE: Final = "date_pred"


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
