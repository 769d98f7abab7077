"""FreqAI's backtest of a running bot's own predictions (`--freqai-backtest-live-models`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from dualwindow.columns import CLASS_NAMES, CONFIDENCE_COLUMNS, LABEL_COLUMN
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.runtime.counts import counted

logger = logging.getLogger(__name__)

#: Columns that the strategy decides upon, with their values where nothing was predicted.
_NOTHING: Final[Mapping[str, object]] = {
    LABEL_COLUMN: None,
    **dict.fromkeys((*CLASS_NAMES, *CONFIDENCE_COLUMNS), 0.0),
    "do_predict": 0,
}
#: Candles are of another market where a close differs by more than this fraction.
_SAME_CLOSE: Final = 1e-9


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
    differ = (joined["then"] / joined["now"] - 1).abs() > _SAME_CLOSE
    if differ.any():
        logger.warning(
            "%s: %d of %s with another close than the one that the running bot predicted on; "
            "these are trades of its predictions on other prices",
            pair,
            differ.sum(),
            counted(len(joined), "candle"),
        )
