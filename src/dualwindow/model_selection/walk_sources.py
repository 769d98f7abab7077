"""Reads the inputs of a walk-forward evaluation: saved predictions, candles and settings."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from dualwindow.backtest.price_files import read_candle_frame, with_funding
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms, trade_terms
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.prediction_frame import calibrated_of, quantile_levels
from dualwindow.confidence.thresholds import NEVER
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.candles.sources import find_sources
from dualwindow.data.candles.table_files import FEATHER
from dualwindow.data.candles.timerange import DateRange, timeframe_seconds
from dualwindow.errors import DataError, ModelFileError
from dualwindow.model_selection.walk_forward import PairWalk, PredictedSlice, walk_pair
from dualwindow.models.fingerprint import BINDING_NAME, CACHED_PREDICTIONS, CONFIDENCE_SETTINGS
from dualwindow.models.model_files import read_reference
from dualwindow.settings import TrainingConfig
from dualwindow.settings.root_settings import RootSettings

logger = logging.getLogger(__name__)

_NAME: Final = "cb_{base}_*_prediction.feather"


@dataclass(frozen=True)
class WalkSettings:
    """Settings of a backtest's folder and of the configuration.

    Attributes:
        config: windows and labels of the folder's models, confidence of the configuration.
        root: whether funding counts.
        terms: of the trades.
        exchange: name of its folder of candles.
        trading_mode: spot or futures.
        timeframe: of the candles.
        pairs: base coin to pair.
        data_format: of the candles' files, freqtrade's `dataformat_ohlcv`.
    """

    config: TrainingConfig
    root: RootSettings
    terms: TradeTerms
    exchange: str
    trading_mode: str
    timeframe: str
    pairs: dict[str, str]
    data_format: str = FEATHER

    @classmethod
    def from_config(cls, folder: Path, content: Mapping[str, Any]) -> Self:
        """Read them.

        Args:
            folder: `user_data/models/<identifier>`.
            content: freqtrade's configuration; empty without one.

        Raises:
            ModelFileError: when the folder's file of the models' settings cannot be read.
            SettingsError: when the configuration holds a bad value.
        """
        path = folder / BINDING_NAME
        try:
            bound = json.loads(path.read_bytes())
            settings: dict[str, Any] = bound["settings"]
            exchange, mode, timeframe = (
                str(settings[name]) for name in ("exchange", "trading_mode", "timeframe")
            )
            pairs = {str(base): str(pair) for base, pair in bound["pairs"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelFileError(
                f"{path} cannot be read ({error!r}); it holds the labels that the predictions were "
                "made with, run the backtest again"
            ) from None
        fields = TrainingConfig.model_fields.keys() - {"pretrained"}
        own = {name: value for name, value in settings.items() if name in fields}
        asked = (content.get("freqai") or {}).get("model_training_parameters") or {}
        calibrated = {name: asked[name] for name in CONFIDENCE_SETTINGS if name in asked}
        root = RootSettings.from_config(content)
        return cls(
            config=TrainingConfig.from_parameters({**own, **calibrated}),
            root=root,
            terms=trade_terms(root, content, mode),
            exchange=exchange,
            trading_mode=mode,
            timeframe=timeframe,
            pairs=pairs,
            data_format=content.get("dataformat_ohlcv", FEATHER),
        )

    @property
    def candle_seconds(self) -> int:
        """Seconds between two candles."""
        return timeframe_seconds(self.timeframe)


def read_slices(folder: Path, base: str, config: TrainingConfig) -> list[PredictedSlice]:
    """Read the predictions of the models of a base coin, in time order.

    Slices share no date: where models overlap, the newer one counts. A file that cannot be read is
    left out with a warning. The folder is `user_data/models/<identifier>`.
    """
    slices = []
    for path in (folder / CACHED_PREDICTIONS).glob(_NAME.format(base=base.lower())):
        stamp = path.name.split("_")[-2]
        if not stamp.isdecimal():
            continue
        try:
            frame = pd.read_feather(path)
            model = folder / f"sub-train-{base}_{stamp}"
            slices.append(_slice(int(stamp), frame, model, config))
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            logger.warning("%s is left out of the evaluation: %s", path, error)
    slices = [predicted for predicted in slices if len(predicted.seconds)]
    slices.sort(key=lambda predicted: predicted.trained_until)
    starts = [int(predicted.seconds[0]) for predicted in slices[1:]]
    cut = [
        # The dates before the next model's.
        predicted.at(predicted.seconds < min(starts[number:], default=np.inf))
        for number, predicted in enumerate(slices)
    ]
    return [predicted for predicted in cut if len(predicted.seconds)]


def _slice(
    trained_until: int, frame: pd.DataFrame, model: Path, config: TrainingConfig
) -> PredictedSlice:
    frame = frame.drop_duplicates("date", keep="last").sort_values("date")
    usable = frame["do_predict"].to_numpy() == 1
    calibrated = calibrated_of(frame, config.calibration, config.coverage_sides)
    return PredictedSlice(
        trained_until=trained_until,
        seconds=utc_seconds(frame["date"]),
        calibrated=calibrated,
        usable=usable & calibrated.known,
        thresholds=_own_thresholds(frame, calibrated.own, usable, config),
        reference=read_reference(model),
    )


def _own_thresholds(
    frame: pd.DataFrame,
    probabilities: NDArray[np.floating],
    usable: NDArray[np.bool_],
    config: TrainingConfig,
) -> Thresholds:
    """The configuration's; in mode coverage those that let through the same candles as the levels.

    Quantile levels grow with the probability, so that one threshold a model is equivalent.
    """
    own = {SHORT: config.thresholds.short, LONG: config.thresholds.long}
    for code in config.coverage_sides:
        passing = probabilities[
            usable & (quantile_levels(frame, code) >= least_level(config.confidence_coverage)), code
        ]
        own[code] = float(passing.min()) if len(passing) else NEVER
    return replace(config.thresholds, short=own[SHORT], long=own[LONG])


def walk_of(
    folder: Path, pair: str, base: str, settings: WalkSettings, datadir: Path
) -> PairWalk | None:
    """Evaluate the predictions of a pair on its candles; no others are read.

    Args:
        folder: `user_data/models/<identifier>`.
        pair: as freqtrade names it.
        base: its base coin.
        settings: of the folder.
        datadir: of the exchange's candles.

    Returns:
        None where nothing was predicted.

    Raises:
        DataError: when its candles are not there, with the command that downloads them.
    """
    config, seconds = settings.config, settings.candle_seconds
    slices = read_slices(folder, base, config)
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
