"""Figures of a backtest's models on the candles that they predicted."""

from __future__ import annotations

from dataclasses import dataclass

from dualwindow.backtest.figures import AfterFees
from dualwindow.evaluation import Evaluation


@dataclass(frozen=True)
class JudgedSlice:
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
class JudgedPair:
    """All slices of a pair.

    Attributes:
        pair: as freqtrade names it.
        slices: in time order.
        evaluation: of all of them together; None where no candle could be judged.
        after_fees: of all trades, one position at a time; None for fewer than two candles.
    """

    pair: str
    slices: list[JudgedSlice]
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

    pairs: list[JudgedPair]
    evaluation: Evaluation | None
    after_fees: AfterFees | None

    @property
    def slices(self) -> list[JudgedSlice]:
        """Of all pairs, pair after pair."""
        return [each for pair in self.pairs for each in pair.slices]
