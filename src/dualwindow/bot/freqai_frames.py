"""Between FreqAI's frames and the package: candles, labels, prices and predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.exchange import timeframe_to_seconds

from dualwindow.backtest.dataset_trades import TradeVenue
from dualwindow.backtest.funding_files import read_funding
from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.backtest.terms import trade_terms
from dualwindow.columns import (
    CLASS_NAMES,
    CONFIDENCE_COLUMNS,
    HOLD,
    LABEL_COLUMN,
    QUANTILE_COLUMNS,
    SHARPNESS_COLUMN,
    SHIFT_COLUMNS,
    UNKNOWN,
)
from dualwindow.confidence.decision_rule import DecisionRule
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import impossible_candles, known_frame
from dualwindow.data.candles.pairs import FUTURES, stem_of
from dualwindow.data.candles.sources import CandleSource
from dualwindow.data.candles.table_files import FEATHER, SUFFIXES
from dualwindow.data.candles.timerange import DateRange
from dualwindow.data.features.candle_arrays import read_candles
from dualwindow.data.features.other_candles import OtherCandles
from dualwindow.data.features.windows import label_frame, reaches_any
from dualwindow.errors import DataError
from dualwindow.models.trained_model import Prediction, TrainedModel
from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import RootSettings


def training_data(
    frame: pd.DataFrame,
    feature_columns: Sequence[str],
    pair: str,
    timeframe: str,
    settings: TrainingConfig,
    *,
    others: Iterable[OtherCandles] = (),
) -> dict[str, Any]:
    """A training's candles and labels, in FreqAI's form of a dictionary.

    Args:
        frame: N rows with freqtrade's candle columns, the features and the label, in time order.
        feature_columns: FreqAI's names of the features.
        pair: the base pair.
        timeframe: the base timeframe.
        settings: with the label's rule and barriers.
        others: candles of other pairs and timeframes that the features may come from.

    Returns:
        `candles`, a `CandleArrays` of N rows; `labels`, (N,) int8 class codes, -1 where unknown,
        also of a strategy that makes its own labels where they reach over an impossible candle;
        `touches`, a `BothTouched` where the label's rule counts them, else None; and for FreqAI's
        own files an empty `train_features`, because the model holds those that it needs, and
        `train_dates`, the first and the last.

    Raises:
        DataError: when there is no label, or as in `read_candles`.
    """
    if LABEL_COLUMN not in frame.columns:
        raise DataError(
            f"the strategy's set_freqai_targets made no column {LABEL_COLUMN!r}; use "
            "DualWindowStrategy or derive your strategy from it"
        )
    touches = None
    if settings.label_rule == "first_touch":
        _, touches = label_frame(frame, settings, timeframe_to_seconds(timeframe))
    labels = pd.Categorical(frame[LABEL_COLUMN], categories=CLASS_NAMES).codes.astype(np.int8)
    labels[reaches_any(impossible_candles(frame), settings.future_window)] = UNKNOWN
    return {
        "candles": read_candles(frame, feature_columns, pair, timeframe, others),
        "labels": labels,
        "touches": touches,
        "train_features": pd.DataFrame(columns=list(feature_columns)),
        "train_dates": frame["date"].iloc[[0, -1]],
    }


class FramePrices:
    """Prices and terms on which a training's decisions are traded, from the training's frame.

    A running bot reads no funding, because it downloads none after its start.

    Raises:
        SettingsError: when the fee is no fraction.
    """

    def __init__(self, config: Mapping[str, Any], *, reads_funding: bool) -> None:
        root, mode = RootSettings.from_config(config), config.get("trading_mode", "spot")
        self._terms = trade_terms(root, config, mode)
        self._folder = Path(config["datadir"]) / FUTURES
        self._timeframe: str = config["timeframe"]
        self._suffix = SUFFIXES[config.get("dataformat_ohlcv", FEATHER)]
        self._known: dict[str, Funding | None] = {}
        self._funded = mode == FUTURES and root.evaluation_funding and reads_funding

    def from_frame(self, frame: pd.DataFrame) -> TradeVenue:
        """One pair's prices and terms; they keep the frame, to read date ranges of it later."""

        def prices(pair: str, timerange: DateRange) -> TradeCandles:
            candles = known_frame(frame)
            seconds = pd.Series(utc_seconds(candles["date"]))
            first = seconds.searchsorted(timerange.first or 0)
            stop = len(seconds) if timerange.stop is None else seconds.searchsorted(timerange.stop)
            return TradeCandles.from_frame(candles.iloc[first:stop], funding=self._funding(pair))

        return TradeVenue(prices, self._terms)

    def _funding(self, pair: str) -> Funding | None:
        if not self._funded:
            return None
        if pair not in self._known:
            # Read once for all retrainings, so that missing funding gives one warning.
            name = f"{stem_of(pair)}-{self._timeframe}-{FUTURES}{self._suffix}"
            # `SoundFiles` has warned of the days of the backtest that are without.
            source = CandleSource(pair, self._folder / name)
            self._known[pair] = read_funding(source, warns=False)
        return self._known[pair]


def prediction_frame(
    prediction: Prediction, model: TrainedModel, rule: DecisionRule
) -> pd.DataFrame:
    """Predictions of a model as the columns that FreqAI adds to the candles and keeps.

    The decision is that of the rule configured at the time of the prediction. The strategy decides
    on the other columns, so that cached predictions serve other thresholds too.

    Returns:
        N rows: the decision in the label column, the network's own probabilities (0 without a
        valid window), and the model's quantile levels and calibration, see `dualwindow.columns`.
    """
    probabilities = np.nan_to_num(prediction.probabilities.astype(np.float64), nan=0.0)
    frame = pd.DataFrame(probabilities, columns=list(CLASS_NAMES))
    levels = model.ranks(prediction.probabilities)
    for code, name in QUANTILE_COLUMNS.items():
        frame[name] = levels[:, code]
    frame[SHARPNESS_COLUMN], shifts = model.calibration_terms
    for name, shift in zip(SHIFT_COLUMNS.values(), shifts.tolist(), strict=True):
        frame[name] = shift
    decisions = rule.decide(frame.assign(do_predict=prediction.valid.astype(np.int_)))
    # FreqAI writes numbers into this column when a model expires: its dtype must be object.
    names = np.array(CLASS_NAMES, dtype=object)[decisions]
    frame.insert(0, LABEL_COLUMN, pd.Series(names, dtype=object))
    return frame


def without_predictions(candles: pd.DataFrame) -> pd.DataFrame:
    """N candles of a pair that has no model, with the columns of predictions: nothing is traded."""
    zeros = dict.fromkeys((*CLASS_NAMES, *CONFIDENCE_COLUMNS), 0.0)
    label = {LABEL_COLUMN: CLASS_NAMES[HOLD]}
    return candles.assign(**label, **zeros, do_predict=0)
