"""Walk-forward evaluation: a backtest's predictions against the labels, model after model.

Every model is evaluated on the candles that it predicted, all of them after its training, so that
decay is visible, and all models together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.backtest.figures import AfterFees
from dualwindow.backtest.prices import Funding, TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import ComparedTrades, Trades
from dualwindow.columns import UNKNOWN
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.features.windows import label_frame, trailing_volatility
from dualwindow.evaluation import Comparison, EvaluatedPart, Evaluation, evaluate_parts
from dualwindow.model_selection.walk_trades import PredictedSlice, earned, walk_trades
from dualwindow.settings import TrainingConfig


@dataclass(frozen=True)
class EvaluatedSlice:
    """One model on the candles that it predicted.

    Attributes:
        pair: as freqtrade names it.
        trained_until: end of its training, seconds since 1970.
        first: date of its first predicted candle.
        last: of its last one.
        candles: number of predicted candles.
        unusable: candles of them left out because the model had no valid window.
        unknown: further ones left out because candles after or before them are missing.
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
        evaluation: of all of them together; None where no candle could be evaluated.
        after_fees: of all trades, one position at a time; None for fewer than two candles.
    """

    pair: str
    slices: list[EvaluatedSlice]
    evaluation: Evaluation | None
    after_fees: AfterFees | None


@dataclass(frozen=True)
class PairWalk:
    """A pair's figures and the arrays behind them, so that pairs can be pooled.

    Attributes:
        evaluated: the figures.
        candles: that were traded, from the first predicted one to the one after the last, in
            which freqtrade ends what is open; to the last where none follows.
        close: (N,) their closes.
        labels: (N,) class codes, -1 where unknown or not predicted.
        decisions: (N,) class codes.
        usable: (N,) whether a model had a valid window.
        trades: of these candles.
        parts: the evaluated rows of the models.
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


@dataclass(frozen=True)
class WalkForward:
    """A backtest's models on the candles that they predicted.

    Attributes:
        pairs: one by one.
        evaluation: of all pairs; intervals from blocks of time that the pairs share.
        after_fees: of all pairs' trades.
    """

    pairs: list[EvaluatedPair]
    evaluation: Evaluation | None
    after_fees: AfterFees | None

    @property
    def slices(self) -> list[EvaluatedSlice]:
        """Of all pairs, pair after pair."""
        return [evaluated for pair in self.pairs for evaluated in pair.slices]


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
    """Evaluate every model of a pair; None where no predicted candle is in the frame.

    Args:
        pair: as freqtrade names it.
        slices: in time order, without a date twice.
        frame: candles without a gap, from a window before the first prediction to a future after
            the last; where it begins later or ends earlier, fewer candles can be evaluated.
        config: labels, barriers, windows.
        terms: of the trades.
        candle_seconds: seconds between two candles.
        funding: of the pair; None where there is none.

    Example:
        >>> from dualwindow.confidence.calibration import Calibrated
        >>> dates = pd.date_range("2025-01-01", periods=240, freq="min", tz="UTC")
        >>> prices = dict.fromkeys(("open", "high", "low", "close"), np.tile([100.0, 101.0], 120))
        >>> frame = pd.DataFrame({"date": dates, **prices, "volume": 1.0})
        >>> config = TrainingConfig(window_size=60, future_window=30)
        >>> seconds, usable = utc_seconds(frame["date"])[100:200], np.full(100, True)
        >>> long = Calibrated.plain(np.full((100, 3), [0.1, 0.2, 0.7]))
        >>> slices = [PredictedSlice(0, seconds, long, usable, config.thresholds, None)]
        >>> walk = walk_pair("BTC/USDT", slices, frame, config, TradeTerms(fee=0.0005))
        >>> walk.evaluated.evaluation.rows, walk.evaluated.evaluation.thresholded.predicted
        (100, {'SHORT': 0, 'HOLD': 0, 'LONG': 100})
    """
    traded = walk_trades(pair, slices, frame, config, terms, funding=funding)
    if traded is None:
        return None
    walk, inside, compared = _Walk(frame, config, candle_seconds), traded.inside, traded.compared
    evaluated, parts = [], []
    for predicted, rows in zip(traded.slices, traded.places, strict=True):
        own = walk.parts(predicted, rows)
        its_trades = compared.entered_in(rows - inside.start)
        evaluated.append(_evaluated_slice(pair, predicted, own, earned([its_trades], terms)))
        parts += own
    figures = EvaluatedPair(pair, evaluated, _evaluation(parts), earned([compared], terms))
    close, labels = walk.close[inside], walk.labels[inside].copy()
    labels[inside.stop - 1 - inside.start :] = UNKNOWN
    arrays = close, labels, traded.decisions, traded.usable
    return PairWalk(figures, traded.candles, *arrays, compared.chosen, parts, compared)


def pooled_walk(walks: Sequence[PairWalk], terms: TradeTerms) -> WalkForward:
    """Pool at least one pair, with the terms of the trades."""
    return WalkForward(
        pairs=[walk.evaluated for walk in walks],
        evaluation=_evaluation([part for walk in walks for part in walk.parts]),
        after_fees=earned([walk.compared for walk in walks], terms, equity=True),
    )


class _Walk:
    """A pair's candles with their labels, predicted or not."""

    def __init__(self, frame: pd.DataFrame, config: TrainingConfig, candle_seconds: int) -> None:
        self._config = config
        self._future_seconds = config.future_window * candle_seconds
        self.seconds = utc_seconds(frame["date"])
        self.close = frame["close"].to_numpy(np.float64)
        self._changes = np.diff(self.close, prepend=self.close[:1]) / np.roll(self.close, 1)
        self.labels, _ = label_frame(frame, config, candle_seconds)

    def parts(self, predicted: PredictedSlice, rows: NDArray[np.int64]) -> list[EvaluatedPart]:
        """The rows of a slice that can be evaluated, as one part; none where there are none."""
        # The first candle has no change, so a window of changes begins at the second.
        known = (self.labels[rows] >= 0) & (rows >= self._config.window_size)
        chosen = predicted.usable & known
        if not chosen.any():
            return []
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
        labels, thresholds = self.labels[rows], predicted.thresholds
        return [EvaluatedPart(labels, calibrated.own, thresholds, comparison, calibrated)]


def _evaluated_slice(
    pair: str,
    predicted: PredictedSlice,
    parts: Sequence[EvaluatedPart],
    after_fees: AfterFees | None,
) -> EvaluatedSlice:
    usable = int(np.count_nonzero(predicted.usable))
    return EvaluatedSlice(
        pair=pair,
        trained_until=predicted.trained_until,
        first=int(predicted.seconds[0]),
        last=int(predicted.seconds[-1]),
        candles=len(predicted.seconds),
        unusable=len(predicted.seconds) - usable,
        unknown=usable - sum(len(part.labels) for part in parts),
        evaluation=_evaluation(parts),
        after_fees=after_fees,
    )


def _evaluation(parts: Sequence[EvaluatedPart]) -> Evaluation | None:
    return evaluate_parts(parts) if parts else None
