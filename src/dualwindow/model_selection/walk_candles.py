"""Whether a backtest's predictions were made from the candles that are there now."""

from __future__ import annotations

import logging
from pathlib import Path

from dualwindow.backtest.price_files import read_candle_frame
from dualwindow.data.candles.sources import find_sources
from dualwindow.data.candles.sums import Stretch, SummedCandles
from dualwindow.errors import DataError, ModelFileError
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.model_selection.walk_sources import saved_of
from dualwindow.models.identifier.made_from import MadeFrom
from dualwindow.models.identifier.records import Records
from dualwindow.models.identifier.saved_predictions import Extent
from dualwindow.settings.timeframes import timeframe_seconds

logger = logging.getLogger(__name__)


def of_other_candles(
    folder: Path, base: str, settings: WalkSettings, datadir: Path
) -> dict[Path, dict[str, Stretch]]:
    """Saved predictions of a base coin that were made from other candles than those of now.

    Candles before a training count as far back as the longest average reaches. Predictions of
    earlier versions, which noted no candles, count as those of the candles of now.

    Args:
        folder: `user_data/models/<identifier>`.
        base: the base coin.
        settings: of the folder.
        datadir: of the exchange's candles.

    Returns:
        The files, with what has changed by series.
    """
    made = _noted(folder, base, settings.extent)
    names = dict.fromkeys(name for noted in made.values() for name in noted.series)
    candles = {name: _read(name, settings, datadir) for name in names}
    known = {name: own for name, own in candles.items() if own is not None}
    changes = {
        path: noted.changes(known, since=noted.first - settings.warm_up_seconds)
        for path, noted in made.items()
    }
    return {path: where for path, where in changes.items() if where}


def _noted(folder: Path, base: str, extent: Extent) -> dict[Path, MadeFrom]:
    records, noted = Records(folder), {}
    for saved in saved_of(folder, base, extent):
        try:
            _, record = records.read(saved.path)
        except ModelFileError:
            continue  # left out with a warning where its predictions are read
        if record is not None and record.made_from is not None:
            noted[saved.path] = record.made_from
    return noted


def _read(name: str, settings: WalkSettings, datadir: Path) -> SummedCandles | None:
    pair, _, timeframe = name.rpartition(" ")
    seconds = timeframe_seconds(timeframe)
    try:
        (source,) = find_sources(
            [pair],
            datadir,
            trading_mode=settings.trading_mode,
            exchange=settings.exchange,
            timeframe=timeframe,
            data_format=settings.data_format,
        )
        return SummedCandles(read_candle_frame(source, seconds), seconds)
    except DataError as error:
        logger.warning("whether predictions are of the candles of %s is not known: %s", name, error)
        return None
