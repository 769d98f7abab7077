"""A running bot takes over the models of a backtest, if they are of its own candles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dualwindow.bot.backtests.pair_candles import summed_series
from dualwindow.data.candles.sums import Stretch
from dualwindow.models.identifier.records import Records
from dualwindow.models.manifest import sum_of


def models_of_other_candles(
    folder: Path,
    entries: Mapping[str, Mapping[str, Any]],
    history: Mapping[str, Mapping[str, pd.DataFrame]],
    warm_up_seconds: int,
) -> dict[str, dict[str, Stretch]]:
    """Pairs whose model was made from other candles than the bot's, with what has changed.

    Models without a record, as a running bot and earlier versions save them, are not among them.

    Args:
        folder: `user_data/models/<identifier>`.
        entries: FreqAI's dictionary of pairs.
        history: the bot's candles by pair and timeframe.
        warm_up_seconds: how far before a training the longest average reaches.
    """
    records, made = Records(folder), {}
    for pair, entry in entries.items():
        name = f"{entry['model_filename']}_model.zip"
        sha256 = sum_of(Path(entry["data_path"]), name) if entry["model_filename"] else None
        record = records.of(name, sha256) if sha256 else None
        if record is not None and record.made_from is not None:
            made[pair] = record.made_from
    if not made:
        return {}
    candles = summed_series(
        {
            (pair, timeframe): frame
            for pair, frames in history.items()
            for timeframe, frame in frames.items()
        }
    )
    changes = {
        pair: noted.changes(candles, since=noted.first - warm_up_seconds)
        for pair, noted in made.items()
    }
    return {pair: where for pair, where in changes.items() if where}
