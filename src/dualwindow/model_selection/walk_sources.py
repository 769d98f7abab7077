"""Reads the inputs of a walk-forward evaluation: saved predictions, candles and settings."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.backtest.price_files import read_candle_frame, with_funding
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms, trade_terms
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.decision_rule import DecisionRule, usable
from dualwindow.confidence.prediction_frame import quantile_levels
from dualwindow.confidence.thresholds import NEVER
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.candles.sources import find_sources
from dualwindow.data.candles.table_files import FEATHER
from dualwindow.data.candles.timerange import DateRange
from dualwindow.errors import DataError, ModelFileError
from dualwindow.model_selection.walk_forward import PairWalk, PredictedSlice, walk_pair
from dualwindow.models.fingerprint import (
    BINDING_NAME,
    CACHED_PREDICTIONS,
    CONFIDENCE_SETTINGS,
    read_binding,
)
from dualwindow.models.identifier.saved_predictions import (
    ALL,
    Extent,
    SavedPredictions,
    find_predictions,
    read_saved,
)
from dualwindow.models.identifier.traded import Traded
from dualwindow.models.model_files import read_reference
from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import RootSettings
from dualwindow.settings.timeframes import timeframe_seconds

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WalkSettings:
    """Settings of a backtest's folder and of the configuration.

    Attributes:
        config: windows and labels of the folder's models, confidence of the configuration.
        rule: that decides.
        extent: the predictions that are evaluated.
        root: whether funding counts.
        terms: of the trades.
        exchange: name of its folder of candles.
        trading_mode: spot or futures.
        timeframe: of the candles.
        pairs: base coin to pair.
        data_format: of the candles' files, freqtrade's `dataformat_ohlcv`.
        warm_up_seconds: how far back the longest average reaches.
    """

    config: TrainingConfig
    rule: DecisionRule
    extent: Extent
    root: RootSettings
    terms: TradeTerms
    exchange: str
    trading_mode: str
    timeframe: str
    pairs: dict[str, str]
    data_format: str = FEATHER
    warm_up_seconds: int = 0

    @classmethod
    def from_config(
        cls, folder: Path, content: Mapping[str, Any], traded: Traded | None = None
    ) -> Self:
        """Read them.

        Args:
            folder: `user_data/models/<identifier>`.
            content: freqtrade's configuration; empty without one.
            traded: the backtest whose predictions and rule are meant; None: all predictions, and
                the rule of the configuration.

        Raises:
            ModelFileError: when the folder's file of the models' settings cannot be read.
            SettingsError: when the configuration holds a bad value.
        """
        path, bound = folder / BINDING_NAME, read_binding(folder)
        if bound is None:
            raise ModelFileError(
                f"{path} is missing or damaged; it holds the labels that the predictions were "
                "made with, run the backtest again"
            )
        settings: dict[str, Any] = bound["settings"]
        exchange, mode, timeframe = (
            str(settings[name]) for name in ("exchange", "trading_mode", "timeframe")
        )
        periods = settings.get("feature_parameters.indicator_periods_candles") or [0]
        warm_up = max(map(int, periods)) * timeframe_seconds(timeframe)
        pairs = {str(base): str(pair) for base, pair in bound["pairs"].items()}
        # A pretrained model that is used as it is needs no epoch, and no training follows here.
        fields = TrainingConfig.model_fields.keys() - {"pretrained", "epochs"}
        own = {name: value for name, value in settings.items() if name in fields}
        asked = (content.get("freqai") or {}).get("model_training_parameters") or {}
        calibrated = {name: asked[name] for name in CONFIDENCE_SETTINGS if name in asked}
        root, extent = RootSettings.from_config(content), traded.extent if traded else ALL
        config = TrainingConfig.from_parameters({**own, **calibrated})
        terms = trade_terms(root, content, mode)
        if traded is not None:
            terms = replace(terms, can_short=terms.can_short and traded.can_short)
        return cls(
            config=config,
            rule=traded.rule if traded else DecisionRule.from_settings(config),
            extent=extent,
            root=root,
            terms=terms,
            exchange=exchange,
            trading_mode=mode,
            timeframe=timeframe,
            pairs={base: pair for base, pair in pairs.items() if extent.has_base(base)},
            data_format=content.get("dataformat_ohlcv", FEATHER),
            warm_up_seconds=warm_up,
        )

    @property
    def candle_seconds(self) -> int:
        """Seconds between two candles."""
        return timeframe_seconds(self.timeframe)


def saved_of(folder: Path, base: str, extent: Extent = ALL) -> list[SavedPredictions]:
    """Saved predictions of a base coin in `user_data/models/<identifier>`, in time order."""
    found = find_predictions(folder / CACHED_PREDICTIONS, extent)
    return [saved for saved in found if saved.base == base.lower()]


def read_slices(
    folder: Path,
    base: str,
    rule: DecisionRule,
    extent: Extent = ALL,
    without: Collection[Path] = (),
) -> list[PredictedSlice]:
    """Read the predictions of the models of a base coin, in time order.

    Slices share no date: where models overlap, the newer one counts. A file that is damaged or
    cannot be read is left out with a warning, those in `without` are left out as well. The folder
    is `user_data/models/<identifier>`.
    """
    slices = []
    for saved in saved_of(folder, base, extent):
        if saved.path in without:
            continue
        try:
            frame = read_saved(saved.path)
            model = folder / f"sub-train-{base}_{saved.trained_until}"
            predicted = _slice(saved.trained_until, frame, model, rule)
        except (ModelFileError, ValueError, KeyError) as error:
            logger.warning("%s is left out of the evaluation: %s", saved.path, error)
        else:
            slices.append(predicted.at(extent.rows(predicted.seconds)))
    slices = [predicted for predicted in slices if len(predicted.seconds)]
    starts = [int(predicted.seconds[0]) for predicted in slices[1:]]
    cut = [
        # The dates before the next model's.
        predicted.at(predicted.seconds < min(starts[number:], default=np.inf))
        for number, predicted in enumerate(slices)
    ]
    return [predicted for predicted in cut if len(predicted.seconds)]


def _slice(
    trained_until: int, frame: pd.DataFrame, model: Path, rule: DecisionRule
) -> PredictedSlice:
    frame = frame.drop_duplicates("date", keep="last").sort_values("date")
    rows = usable(frame)
    calibrated = rule.calibrated(frame)
    return PredictedSlice(
        trained_until=trained_until,
        seconds=utc_seconds(frame["date"]),
        calibrated=calibrated,
        usable=rows & calibrated.known,
        thresholds=_own_thresholds(frame, calibrated.compared, rows, rule),
        reference=read_reference(model),
    )


def _own_thresholds(
    frame: pd.DataFrame,
    compared: NDArray[np.floating],
    rows: NDArray[np.bool_],
    rule: DecisionRule,
) -> Thresholds:
    """The rule's; for a side with a share those that let through the same candles as the levels.

    Quantile levels grow with what is compared, so that one threshold a model is equivalent.
    """
    own = {SHORT: rule.thresholds.short, LONG: rule.thresholds.long}
    for code, share in rule.shares.items():
        passing = compared[rows & (quantile_levels(frame, code) >= least_level(share)), code]
        own[code] = float(passing.min()) if len(passing) else NEVER
    return replace(rule.thresholds, short=own[SHORT], long=own[LONG])


def walk_of(
    folder: Path,
    pair: str,
    base: str,
    settings: WalkSettings,
    datadir: Path,
    *,
    without: Collection[Path] = (),
) -> PairWalk | None:
    """Evaluate the predictions of a pair on its candles; no others are read.

    Args:
        folder: `user_data/models/<identifier>`.
        pair: as freqtrade names it.
        base: its base coin.
        settings: of the folder.
        datadir: of the exchange's candles.
        without: files of predictions that are left out.

    Returns:
        None where nothing was predicted.

    Raises:
        DataError: when its candles are not there, with the command that downloads them.
    """
    config, seconds = settings.config, settings.candle_seconds
    slices = read_slices(folder, base, settings.rule, settings.extent, without)
    if not slices:
        return None
    # A change of the first close needs the one before it; a future ends with its last candle.
    first = int(slices[0].seconds[0]) - (config.window_size + 1) * seconds
    stop = int(slices[-1].seconds[-1]) + (config.future_window + 1) * seconds
    (source,) = find_sources(
        [pair],
        datadir,
        trading_mode=settings.trading_mode,
        exchange=settings.exchange,
        timeframe=settings.timeframe,
        timerange=DateRange(first, stop),
        data_format=settings.data_format,
    )
    frame = read_candle_frame(source, seconds)
    candles = with_funding(
        TradeCandles.from_frame(known_frame(frame)),
        source,
        funding=settings.root.evaluation_funding,
    )
    walk = walk_pair(
        pair,
        slices,
        frame,
        config,
        settings.terms,
        candle_seconds=seconds,
        funding=candles.funding,
    )
    if walk is None:
        raise DataError(
            f"{source.path} holds none of the candles of {pair} that were predicted; download them"
        )
    return walk
