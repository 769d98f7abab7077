"""A backtest's predictions held against what happened, model after model.

Every model is judged on the candles that it predicted and nobody had seen when it was trained, so
that decay is visible, and on all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.backtest.after_fees import after_fees
from dualwindow.backtest.figures import AfterFees
from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, Trades, trade_decisions
from dualwindow.columns import HOLD
from dualwindow.confidence import Thresholds
from dualwindow.confidence.calibration import Calibrated
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.features.volatility import trailing_volatility
from dualwindow.data.features.windows import label_frame
from dualwindow.evaluation import Comparison, EvaluatedPart, Evaluation, Reference, evaluate_parts
from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class PredictedSlice:
    """What one model said of the candles after its training.

    Attributes:
        trained_until: end of its training, seconds since 1970.
        seconds: (N,) dates of the candles, ascending, N at least 1.
        calibrated: of N candles.
        usable: (N,) false where the model had no valid window, or nothing can be decided.
        thresholds: what decides; in mode coverage the model's own.
        reference: of the model; None where they are not known.
    """

    trained_until: int
    seconds: NDArray[np.int64]
    calibrated: Calibrated
    usable: NDArray[np.bool_]
    thresholds: Thresholds
    reference: Reference | None


@dataclass(frozen=True)
class PairWalk:
    """A pair's figures with what they are made of, so that pairs can be pooled.

    Attributes:
        evaluated: the figures.
        candles: that were traded, from the first predicted one to the last.
        close: (N,) their closes.
        labels: (N,) class codes, -1 where unknown.
        decisions: (N,) class codes.
        usable: (N,) whether a model had a valid window.
        trades: of these candles.
        parts: what was judged.
        compared: the trades beside the opposite sides.
    """

    evaluated: EvaluatedPair
    candles: TradeCandles
    close: NDArray[np.float64]
    labels: NDArray[np.int8]
    decisions: NDArray[np.int8]
    usable: NDArray[np.bool_]
    trades: Trades
    parts: list[EvaluatedPart]
    compared: ComparedTrades


def walk_pair(
    pair: str,
    slices: Sequence[PredictedSlice],
    frame: pd.DataFrame,
    config: TrainingConfig,
    terms: TradeTerms,
    *,
    candle_seconds: int = 60,
    funding: Funding | None = None,
) -> PairWalk | None:
    """Judge every model of a pair.

    Args:
        pair: as freqtrade names it.
        slices: in time order, without a date twice.
        frame: candles without a gap, from a window before the first prediction to a future after
            the last; where it begins later or ends earlier, less can be judged.
        config: labels, barriers, windows.
        terms: of the trades.
        candle_seconds: seconds between two candles.
        funding: of the pair; None where there is none.

    Returns:
        None where no predicted candle is in the frame.
    """
    walk = _Walk(frame, config, candle_seconds)
    placed = [each for each in map(walk.place, slices) if len(each.seconds)]
    if not placed:
        return None
    places = [np.searchsorted(walk.seconds, each.seconds) for each in placed]
    begin, end = int(places[0][0]), int(places[-1][-1]) + 1
    candles = _cut(replace(TradeCandles.from_frame(frame), funding=funding), begin, end)
    decisions = np.full(len(frame), HOLD, np.int8)
    usable = np.zeros(len(frame), np.bool_)
    for each, rows in zip(placed, places, strict=True):
        decisions[rows] = each.calibrated.decide(each.thresholds)
        usable[rows] = each.usable
    calibrated, can = decisions[begin:end], usable[begin:end]
    trades = trade_decisions(candles, calibrated, config, terms, turns=False, usable=can)
    compared = ComparedTrades.from_trades(candles, trades, config, terms)
    evaluated, parts = [], []
    for each, rows in zip(placed, places, strict=True):
        part, unknown = walk.part(each, rows)
        parts += [part] if part is not None else []
        evaluated.append(
            EvaluatedSlice(
                pair=pair,
                trained_until=each.trained_until,
                first=int(each.seconds[0]),
                last=int(each.seconds[-1]),
                candles=len(rows),
                unusable=int(np.count_nonzero(~each.usable)),
                unknown=unknown,
                evaluation=evaluate_parts([part]) if part is not None else None,
                after_fees=_earned([_entered_in(compared, rows - begin)], terms),
            )
        )
    whole = EvaluatedPair(
        pair, evaluated, evaluate_parts(parts) if parts else None, _earned([compared], terms)
    )
    close, labels = walk.close[begin:end], walk.labels[begin:end]
    return PairWalk(whole, candles, close, labels, calibrated, can, trades, parts, compared)


def pooled_walk(walks: Sequence[PairWalk], terms: TradeTerms) -> WalkForward:
    """Put pairs together.

    Args:
        walks: at least one.
        terms: of the trades.
    """
    parts = [part for walk in walks for part in walk.parts]
    return WalkForward(
        pairs=[walk.evaluated for walk in walks],
        evaluation=evaluate_parts(parts) if parts else None,
        after_fees=_earned([walk.compared for walk in walks], terms),
    )


class _Walk:
    """What is known of a pair's candles, prediction or not."""

    def __init__(self, frame: pd.DataFrame, config: TrainingConfig, candle_seconds: int) -> None:
        self._config = config
        self._future_seconds = config.future_window * candle_seconds
        self.seconds = utc_seconds(frame["date"])
        self.close = frame["close"].to_numpy(np.float64)
        self._changes = np.diff(self.close, prepend=self.close[:1]) / np.roll(self.close, 1)
        self.labels, _ = label_frame(frame, config, candle_seconds)

    def place(self, predicted: PredictedSlice) -> PredictedSlice:
        """The part of a slice whose candles are there."""
        there = np.isin(predicted.seconds, self.seconds)
        return replace(
            predicted,
            seconds=predicted.seconds[there],
            calibrated=predicted.calibrated.at(there),
            usable=predicted.usable[there],
        )

    def part(
        self, predicted: PredictedSlice, rows: NDArray[np.int64]
    ) -> tuple[EvaluatedPart | None, int]:
        """What can be judged of a slice, and how many usable candles cannot."""
        # The first candle has no change, so a window of changes begins at the second.
        known = (self.labels[rows] >= 0) & (rows >= self._config.window_size)
        chosen = predicted.usable & known
        unknown = int(np.count_nonzero(predicted.usable & ~known))
        if not chosen.any():
            return None, unknown
        rows = rows[chosen]
        comparison = None
        if predicted.reference is not None:
            comparison = Comparison(
                reference=predicted.reference,
                seconds=self.seconds[rows],
                volatility=trailing_volatility(self._changes, rows, self._config.window_size),
                future_seconds=self._future_seconds,
            )
        calibrated = predicted.calibrated.at(chosen)
        part = EvaluatedPart(
            self.labels[rows], calibrated.own, predicted.thresholds, comparison, calibrated
        )
        return part, unknown


def _entered_in(compared: ComparedTrades, rows: NDArray[np.int64]) -> ComparedTrades:
    """Trades whose signal came in some rows, on the candles from there to their ends."""
    first, stop = int(rows[0]), int(rows[-1]) + 1
    signal = compared.chosen.entry_row - 1
    inside = (signal >= first) & (signal < stop)
    chosen, other = (
        Trades(**{name: values[inside] for name, values in vars(each).items()})
        for each in (compared.chosen, compared.other)
    )
    ends = [int(each.exit_row.max()) + 1 for each in (chosen, other) if len(each)]
    stop = max([stop, *ends])
    moved = (
        replace(each, entry_row=each.entry_row - first, exit_row=each.exit_row - first)
        for each in (chosen, other)
    )
    return ComparedTrades(compared.seconds[first:stop], *moved)


def _earned(pairs: Sequence[ComparedTrades], terms: TradeTerms) -> AfterFees | None:
    traded = [each for each in pairs if len(each.seconds) > 1]
    return after_fees(traded, terms) if traded else None


def _cut(candles: TradeCandles, begin: int, end: int) -> TradeCandles:
    columns = ("seconds", "open", "high", "low", "tick")
    return replace(candles, **{name: getattr(candles, name)[begin:end] for name in columns})


@dataclass(frozen=True)
class EvaluatedSlice:
    """One model on the candles that it predicted.

    Attributes:
        pair: as freqtrade names it.
        trained_until: end of its training, seconds since 1970.
        first: date of its first predicted candle.
        last: of its last one.
        candles: how many it predicted.
        unusable: how many of them are left out because the model had no valid window.
        unknown: how many more because nobody knows what came after them, or what was before.
        evaluation: of the rest; None where nothing is left.
        after_fees: of the trades that were entered in it; None for fewer than two candles.
    """

    pair: str
    trained_until: int
    first: int
    last: int
    candles: int
    unusable: int
    unknown: int
    evaluation: Evaluation | None
    after_fees: AfterFees | None


@dataclass(frozen=True)
class EvaluatedPair:
    """All slices of a pair.

    Attributes:
        pair: as freqtrade names it.
        slices: in time order.
        evaluation: of all of them together; None where no candle could be judged.
        after_fees: of all trades, one position at a time; None for fewer than two candles.
    """

    pair: str
    slices: list[EvaluatedSlice]
    evaluation: Evaluation | None
    after_fees: AfterFees | None


@dataclass(frozen=True)
class WalkForward:
    """A backtest's models on the candles that they predicted.

    Attributes:
        pairs: each by itself.
        evaluation: of all pairs; intervals from blocks of time that the pairs share.
        after_fees: of all pairs' trades.
    """

    pairs: list[EvaluatedPair]
    evaluation: Evaluation | None
    after_fees: AfterFees | None

    @property
    def slices(self) -> list[EvaluatedSlice]:
        """Of all pairs, pair after pair."""
        return [each for pair in self.pairs for each in pair.slices]
