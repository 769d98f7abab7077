"""Saved predictions of a slice beside those that were just made."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dualwindow.data.candles.frames import utc_seconds


def with_better(frame: pd.DataFrame, saved: pd.DataFrame) -> pd.DataFrame:
    """Predictions in time order, with saved ones in place of rows that have no valid window.

    Both have FreqAI's columns of predictions. Saved ones of other columns, as earlier versions
    wrote them, are not used.
    """
    if set(frame.columns) != set(saved.columns):
        return frame
    known = utc_seconds(saved["date"])[saved["do_predict"].to_numpy() == 1]
    dates = utc_seconds(frame["date"])
    replaced = np.isin(dates, known) & (frame["do_predict"].to_numpy() != 1)
    if not replaced.any():
        return frame
    better = saved[np.isin(utc_seconds(saved["date"]), dates[replaced])][list(frame.columns)]
    joined = pd.concat([frame[~replaced], better]) if not replaced.all() else better
    return joined.sort_values("date", ignore_index=True)


def has_more(saved: pd.DataFrame, frame: pd.DataFrame) -> bool:
    """Whether saved predictions are of all candles of the frame, and of others."""
    same = np.isin(utc_seconds(frame["date"]), utc_seconds(saved["date"]))
    return len(saved) > len(frame) and bool(same.all())
