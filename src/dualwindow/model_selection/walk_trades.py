"""Trades of a backtest's predictions, all of its models' one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.equity import entry_tags, with_equity
from dualwindow.backtest.figures import AfterFees
from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades
from dualwindow.columns import CLASS_NAMES, HOLD
from dualwindow.confidence import Thresholds
from dualwindow.confidence.calibration import Calibrated
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import known_frame
from dualwindow.evaluation import Reference
from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class PredictedSlice:
    """Predictions of one model of the candles after its training.

    Attributes:
        trained_until: end of its training, seconds since 1970.
        seconds: (N,) dates of the candles, ascending, N at least 1.
        calibrated: probabilities of N candles.
        usable: (N,) false where the model had no valid window, or nothing can be decided.
        thresholds: that decide; in mode coverage the model's own.
        reference: of the model; None where it is not known.
    """

    trained_until: int
    seconds: NDArray[np.int64]
    calibrated: Calibrated
    usable: NDArray[np.bool_]
    thresholds: Thresholds
    reference: Reference | None

    def at(self, rows: slice | NDArray[np.bool_]) -> PredictedSlice:
        """Some of the candles."""
        return replace(
            self,
            seconds=self.seconds[rows],
            calibrated=self.calibrated.at(rows),
            usable=self.usable[rows],
        )


@dataclass(frozen=True)
class WalkTrades:
    """What the slices of a pair decide on its candles, and the trades of it.

    Attributes:
        slices: that have a candle, with those candles alone.
        places: of every slice, the rows of its candles in the frame.
        inside: rows of the frame that are traded, from the first predicted one to the one after
            the last, in which freqtrade ends what is open; to the last where none follows.
        candles: (N,) of these rows.
        decisions: (N,) class codes.
        usable: (N,) whether a model had a valid window.
        compared: the trades beside the opposite sides.
    """

    slices: list[PredictedSlice]
    places: list[NDArray[np.int64]]
    inside: slice
    candles: TradeCandles
    decisions: NDArray[np.int8]
    usable: NDArray[np.bool_]
    compared: ComparedTrades


def walk_trades(
    pair: str,
    slices: Sequence[PredictedSlice],
    frame: pd.DataFrame,
    config: TrainingConfig,
    terms: TradeTerms,
    *,
    funding: Funding | None = None,
) -> WalkTrades | None:
    """Trade the predictions of a pair; None where no predicted candle is in the frame.

    The arguments are those of `walk_pair`.
    """
    seconds = utc_seconds(frame["date"])
    present = [predicted.at(np.isin(predicted.seconds, seconds)) for predicted in slices]
    present = [predicted for predicted in present if len(predicted.seconds)]
    if not present:
        return None
    places = [np.searchsorted(seconds, predicted.seconds) for predicted in present]
    inside = slice(int(places[0][0]), int(places[-1][-1]) + 2)
    decisions = np.full(len(frame), HOLD, np.int8)
    usable = np.zeros(len(frame), np.bool_)
    shown = np.full((len(frame), len(CLASS_NAMES)), np.nan)
    for predicted, rows in zip(present, places, strict=True):
        shown[rows] = replace(predicted.calibrated, measure="probability").compared
        decisions[rows] = predicted.calibrated.decide(predicted.thresholds)
        usable[rows] = predicted.usable
    decisions, usable = decisions[inside], usable[inside]
    candles = replace(TradeCandles.from_frame(known_frame(frame)), funding=funding).at(inside)
    compared = ComparedTrades.of_backtest(candles, decisions, config, terms, usable)
    compared = replace(compared, pair=pair, tags=entry_tags(compared.chosen, shown[inside]))
    return WalkTrades(present, places, inside, candles, decisions, usable, compared)


def earned(
    pairs: Sequence[ComparedTrades], terms: TradeTerms, *, equity: bool = False
) -> AfterFees | None:
    """Figures after fees of pairs that have two candles or more; None where none has."""
    traded = [compared for compared in pairs if len(compared.seconds) > 1]
    if not traded:
        return None
    figures = after_fees(traded, terms)
    return with_equity(figures, traded, terms) if equity else figures
