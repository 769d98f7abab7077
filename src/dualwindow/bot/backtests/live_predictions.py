"""FreqAI's backtest of a running bot's own predictions (`--freqai-backtest-live-models`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException

from dualwindow.bot.drawer_files import (
    HISTORIES,
    METADATA,
    model_folder,
    saved_predictions,
    set_aside_damaged,
)
from dualwindow.bot.live.prediction_archive import DATE, utc_dates
from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS, LABEL_COLUMN
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.runtime.counts import counted
from dualwindow.runtime.files import parse_json

logger = logging.getLogger(__name__)

#: Columns that the strategy decides upon, with their values where nothing was predicted.
_NOTHING: Final[Mapping[str, object]] = {
    LABEL_COLUMN: None,
    **dict.fromkeys((*CLASS_NAMES, *CONFIDENCE_COLUMNS), 0.0),
    "do_predict": 0,
}
#: Candles are of another market where a close differs by more than this fraction.
_SAME_CLOSE: Final = 1e-9
#: FreqAI's key of the moment from which on it backtests a bot's predictions, seconds since 1970.
_BEGIN: Final = "start_dry_live_date"


def require_live_predictions(config: Mapping[str, Any]) -> None:
    """Set damaged files of a bot aside, and refuse a folder without predictions, if they are asked.

    FreqAI reads the time range from them before it loads the model, and checks nothing.

    Raises:
        OperationalException: naming the file and the way out.
    """
    if not config.get("freqai_backtest_live_models", False):
        return
    folder = model_folder(config)
    set_aside_damaged(folder)
    path = folder / HISTORIES[0]
    frames = saved_predictions(path) if path.is_file() else {}
    if undated := [pair for pair, frame in frames.items() if DATE not in frame.columns]:
        raise OperationalException(
            f"{path} holds predictions of {', '.join(undated)} without dates, which FreqAI cannot "
            "backtest; put back a copy, or delete it and let the bot predict again"
        )
    dates = [dates for frame in frames.values() if len(dates := utc_dates(frame).dropna())]
    if not dates:
        raise OperationalException(
            f"{path} holds no predictions of a running bot, which --freqai-backtest-live-models "
            "trades; let the bot run under this freqai.identifier, or correct the identifier"
        )
    if not _has_begin(folder / METADATA):
        first = int(min(part.min() for part in dates).timestamp())
        raise OperationalException(
            f"{folder / METADATA} does not hold when the bot began; write "
            f'{{"{_BEGIN}": {first}}} into it, the date of its first saved prediction'
        )


def _has_begin(path: Path) -> bool:
    try:
        return int(parse_json(path.read_bytes())[_BEGIN]) > 0
    except (OSError, ValueError, TypeError, LookupError, OverflowError):
        return False


def one_for_each_candle(predictions: pd.DataFrame, pair: str) -> pd.DataFrame:
    """Predictions with dates in UTC; of a candle that is there twice the last one.

    Raises:
        OperationalException: when their dates cannot be read.
    """
    try:
        dates = utc_dates(predictions)
    except (TypeError, ValueError, OverflowError) as error:
        raise OperationalException(
            f"{pair}: the dates of the bot's saved predictions cannot be read ({error}); delete "
            f"{HISTORIES[0]} in the folder of freqai.identifier, and what it held is lost"
        ) from error
    kept = predictions.assign(**{DATE: dates})[dates.notna()]
    twice = kept[DATE].duplicated(keep="last")
    if twice.any():
        logger.warning(
            "%s: the running bot has saved %s of candles that it had predicted before; "
            "the last of every candle counts",
            pair,
            counted(int(twice.sum()), "prediction"),
        )
    return kept[~twice]


def predicts_nothing(candles: pd.DataFrame, pair: str) -> pd.DataFrame:
    """Candles of a pair that the bot never predicted, with predictions that trade nothing."""
    logger.warning(
        "%s: the running bot has saved no prediction of this pair (it had no model yet, or did not "
        "trade the pair); the backtest enters nothing here",
        pair,
    )
    return candles.assign(**_NOTHING)


def with_every_column(frame: pd.DataFrame) -> pd.DataFrame:
    """Predictions of a bot; where it made none, or an earlier version lacked a column, nothing."""
    missing = {name: value for name, value in _NOTHING.items() if name not in frame.columns}
    numbers = _NOTHING.keys() & set(frame.columns) - {LABEL_COLUMN}
    return frame.assign(**missing, **{name: frame[name].fillna(0) for name in numbers})


def warn_of_other_candles(candles: pd.DataFrame, predictions: pd.DataFrame, pair: str) -> None:
    """Log a warning where a bot predicted on other closes than those that are traded now."""
    if not {"close_price", "date_pred"} <= set(predictions.columns):
        return
    then = pd.Series(
        predictions["close_price"].to_numpy(np.float64), utc_seconds(predictions["date_pred"])
    )
    now = pd.Series(candles["close"].to_numpy(np.float64), utc_seconds(candles["date"]))
    joined = pd.concat([then, now], axis=1, join="inner", keys=["then", "now"]).dropna()
    # FreqAI fills the time before the bot's first prediction with zeros.
    joined = joined[joined["then"] != 0]
    if joined.empty:
        logger.warning(
            "%s: none of %s of the backtest, up to %s, is one that the running bot "
            "predicted, so that nothing is entered; download the candles of the days of the bot",
            pair,
            counted(len(now), "candle"),
            candles["date"].iloc[-1] if len(candles) else "none",
        )
    differ = (joined["then"] / joined["now"] - 1).abs() > _SAME_CLOSE
    if differ.any():
        logger.warning(
            "%s: %d of %s with another close than the one that the running bot predicted on; "
            "these are trades of its predictions on other prices",
            pair,
            differ.sum(),
            counted(len(joined), "candle"),
        )
