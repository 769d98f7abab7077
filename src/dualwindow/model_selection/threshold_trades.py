"""Trades of many thresholds on the same candles, each possible entry traded once.

Where a position ends depends on its entry and side alone, not on the threshold that asked for it.
So the outcomes of all entries are reckoned once, and a pair of thresholds only walks over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.backtest.trades import DAY_SECONDS, trade_entries
from dualwindow.columns import LONG, SHORT
from dualwindow.settings import TrainingConfig

_SIDES: Final = (SHORT, LONG)

_NO_EXIT: Final = -1


@dataclass(frozen=True)
class ScoredCandles:
    """N candles of one pair with what a model says of them.

    Attributes:
        candles: to trade on.
        probabilities: (N, 3) as they are held against thresholds; NaN where nothing may be said.
        labels: (N,) int8, -1 where unknown.
    """

    candles: TradeCandles
    probabilities: NDArray[np.floating]
    labels: NDArray[np.int8]


@dataclass(frozen=True)
class Taken:
    """T trades by the outcomes of their entries.

    Attributes:
        row: (T,) rows of the signals; the entry is a row later.
        side: (T,) int8 SHORT or LONG.
        day: (T,) days since 1970 of the entries.
        profit: (T,) net profit, fraction of the stake.
        other: (T,) that of the opposite side from the same entry.
    """

    row: NDArray[np.int64]
    side: NDArray[np.int8]
    day: NDArray[np.int64]
    profit: NDArray[np.float64]
    other: NDArray[np.float64]


@dataclass(frozen=True)
class EntryOutcomes:
    """What either side earns from every entry that thresholds may ask for, of one pair.

    Attributes:
        says: (2, N) float64 probabilities of SHORT and LONG; -1 where the row asks for nothing.
        exit_row: (2, N) candle in which the position of a signal's row ends, -1 where not reckoned.
        profit: (2, N) its net profit, NaN likewise.
        seconds: (N,) dates of the candles, seconds since 1970.
        can_short: false where a SHORT is no signal; it still wins over LONG, as in `decide`.
    """

    says: NDArray[np.float64]
    exit_row: NDArray[np.int64]
    profit: NDArray[np.float64]
    seconds: NDArray[np.int64]
    can_short: bool

    @classmethod
    def from_candles(
        cls,
        evaluated: ScoredCandles,
        lowest: tuple[float, float],
        config: TrainingConfig,
        terms: TradeTerms,
    ) -> EntryOutcomes:
        """Trade both sides from every row that reaches the lowest threshold of one.

        Args:
            evaluated: candles and probabilities.
            lowest: thresholds of SHORT and LONG below which none will be asked for.
            config: barriers and future window.
            terms: fee, slippage, leverage, and whether a SHORT is a signal.
        """
        says = evaluated.probabilities[:, list(_SIDES)].T.astype(np.float64)
        says[:, np.isnan(evaluated.probabilities).any(axis=1)] = -1.0
        # As in `trade_decisions`: nothing is entered in the last candle.
        says[:, max(len(evaluated.candles) - 2, 0) :] = -1.0
        rows = np.flatnonzero((says >= np.array(lowest)[:, None]).any(axis=0))
        exit_row = np.full(says.shape, _NO_EXIT, dtype=np.int64)
        profit = np.full(says.shape, np.nan)
        for place, side in enumerate(_SIDES):
            sides = np.full(len(rows), side, dtype=np.int8)
            trades = trade_entries(evaluated.candles, rows + 1, sides, config, terms)
            exit_row[place, rows], profit[place, rows] = trades.exit_row, trades.profit
        return cls(says, exit_row, profit, evaluated.candles.seconds, terms.can_short)

    def take(self, short: float, long: float) -> Taken:
        """One position at a time, as `trade_decisions` without turns.

        Args:
            short: threshold of SHORT, above 0 and not below the lowest.
            long: likewise of LONG.
        """
        is_short = self.says[0] >= short
        asks = np.where(is_short, self.can_short, self.says[1] >= long)
        signals = np.flatnonzero(asks)
        place = np.where(is_short[signals], 0, 1)
        # The signal to go on with after each: the first whose entry lies after the exit's candle.
        after = np.searchsorted(
            signals + 1, self.exit_row[place, signals], side="right"
        ).tolist()  # fmt: skip
        chosen: list[int] = []
        at = 0
        while at < len(after):
            chosen.append(at)
            at = after[at]
        kept = np.array(chosen, dtype=np.intp)
        row, place = signals[kept], place[kept]
        return Taken(
            row=row,
            side=np.array(_SIDES, dtype=np.int8)[place],
            day=self.seconds[row + 1] // DAY_SECONDS,
            profit=self.profit[place, row],
            other=self.profit[1 - place, row],
        )
