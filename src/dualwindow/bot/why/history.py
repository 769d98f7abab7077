"""Predictions that FreqAI saved in a running bot."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from dualwindow.bot.drawer_files import saved_predictions
from dualwindow.bot.live.prediction_archive import DATE, utc_dates, with_filed
from dualwindow.errors import ModelFileError
from dualwindow.runtime.files import CheckedFiles

HISTORY: Final = "historic_predictions.pkl"


def has_history(folder: Path) -> bool:
    """Whether a bot has predicted in `user_data/models/<identifier>`."""
    return (folder / HISTORY).is_file()


def read_history(folder: Path, pair: str) -> pd.DataFrame | None:
    """All predictions of a pair that a bot saved, in time order; None without any.

    Raises:
        ModelFileError: when they cannot be read.
    """
    path = folder / HISTORY
    if not path.is_file():
        return None
    try:
        if CheckedFiles(folder).is_damaged(HISTORY):
            raise ValueError("its SHA-256 is not that of what was written")
        held = saved_predictions(path).get(pair)
        if held is None or DATE not in held or not len(held):
            return None
        frame = with_filed(held, folder, pair)
        frame = frame.assign(**{DATE: utc_dates(frame)})
    except Exception as error:
        raise ModelFileError(
            f"{path} cannot be read ({error}); the next start of the bot sets it aside"
        ) from None
    return frame.drop_duplicates(DATE, keep="last").sort_values(DATE, ignore_index=True)
