"""Reads the inputs of a walk-forward evaluation: saved predictions and candles."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.backtest.figures import AfterFees
from dualwindow.backtest.price_files import read_candle_frame, with_funding
from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.columns import LONG, SHORT
from dualwindow.confidence import Thresholds
from dualwindow.confidence.coverage import least_level
from dualwindow.confidence.decision_rule import DecisionRule, usable
from dualwindow.confidence.prediction_frame import quantile_levels
from dualwindow.confidence.thresholds import NEVER
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.candles.sources import find_sources
from dualwindow.data.candles.timerange import DateRange
from dualwindow.errors import DataError, ModelFileError
from dualwindow.model_selection.walk_forward import PairWalk, walk_pair
from dualwindow.model_selection.walk_settings import WalkSettings
from dualwindow.model_selection.walk_trades import PredictedSlice, earned, walk_trades
from dualwindow.models.fingerprint import (
    CACHED_PREDICTIONS,
)
from dualwindow.models.identifier.looks import choices_of, looks_at
from dualwindow.models.identifier.saved_predictions import (
    ALL,
    Extent,
    SavedPredictions,
    find_predictions,
    read_saved,
)
from dualwindow.models.model_files import read_reference

logger = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class WalkInputs:
    """The predictions of a pair and its candles around them, as `walk_pair` takes them.

    `path` is the file of the candles.
    """

    slices: list[PredictedSlice]
    frame: pd.DataFrame
    funding: Funding | None
    path: Path

    @classmethod
    def read(
        cls,
        folder: Path,
        base: str,
        settings: WalkSettings,
        datadir: Path,
        without: Collection[Path] = (),
    ) -> Self | None:
        """Read them, and no other candles; None where nothing was predicted.

        The arguments and errors are those of `walk_of`.
        """
        config, seconds = settings.config, settings.candle_seconds
        slices = read_slices(folder, base, settings.rule, settings.extent, without)
        if not slices:
            return None
        # A change of the first close needs the one before it; a future ends with its last candle.
        first = int(slices[0].seconds[0]) - (config.window_size + 1) * seconds
        stop = int(slices[-1].seconds[-1]) + (config.future_window + 1) * seconds
        (source,) = find_sources(
            [settings.pairs[base]],
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
        return cls(slices, frame, candles.funding, source.path)


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
    read = WalkInputs.read(folder, base, settings, datadir, without)
    if read is None:
        return None
    walk = walk_pair(
        pair,
        read.slices,
        read.frame,
        settings.config,
        settings.terms,
        candle_seconds=settings.candle_seconds,
        funding=read.funding,
    )
    if walk is None:
        raise DataError(
            f"{read.path} holds none of the candles of {pair} that were predicted; download them"
        )
    return walk


def profits_of(folder: Path, settings: WalkSettings, datadir: Path) -> AfterFees | None:
    """Figures after fees of a backtest's trades of all pairs, as `dualwindow evaluate` has them.

    Nothing else is evaluated, which takes a fraction of the time. None where nothing was predicted.

    Args:
        folder: `user_data/models/<identifier>`.
        settings: of the folder.
        datadir: of the exchange's candles.

    Raises:
        DataError: when the candles of a pair are not there.
    """
    compared, dates = [], []
    for base, pair in settings.pairs.items():
        read = WalkInputs.read(folder, base, settings, datadir)
        if read is None:
            continue
        arguments = (pair, read.slices, read.frame, settings.config, settings.terms)
        walked = walk_trades(*arguments, funding=read.funding)
        if walked is not None:
            compared.append(walked.compared)
            dates += [int(walked.slices[end].seconds[end]) for end in (0, -1)]
    figures = earned(compared, settings.terms)
    if figures is None:
        return None
    choices = choices_of(looks_at(folder, (min(dates), max(dates)), None))
    return figures.of_choices(max(len(choices), 1))
