"""Trades beside the opposite side from the same entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.columns import LONG, SHORT
from dualwindow.exits import TradeTerms
from dualwindow.settings import TrainingConfig
from dualwindow.trade_candles import TradeCandles
from dualwindow.trades import Trades, trade_entries

DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class ComparedTrades:
    """T trades of one pair, and what the opposite side had earned from the same entries.

    Attributes:
        seconds: (N,) dates of the candles in seconds since 1970.
        chosen: the trades.
        other: the opposite side of each; they may overlap, none is left out.
    """

    seconds: NDArray[np.int64]
    chosen: Trades
    other: Trades

    @classmethod
    def of(
        cls, candles: TradeCandles, trades: Trades, config: TrainingConfig, terms: TradeTerms
    ) -> ComparedTrades:
        """Hold the opposite side of every trade, on the terms of the trades."""
        opposite = SHORT + LONG - trades.side
        other = trade_entries(candles, trades.entry_row, opposite, config, terms)
        return cls(candles.seconds, trades, other)


@dataclass(frozen=True)
class PooledTrades:
    """T entries, pair after pair; of two columns the first is the chosen side.

    Attributes:
        day: (T,) days since 1970 of the entries.
        is_long: (T,) whether the chosen side is LONG.
        turned: (T,) true for entries in the candle of an exit (`Trades.turned`).
        profit: (T, 2) net profits, fraction of the stake.
        left: (T, 2) exits, seconds since 1970.
    """

    day: NDArray[np.int64]
    is_long: NDArray[np.bool_]
    turned: NDArray[np.bool_]
    profit: NDArray[np.float64]
    left: NDArray[np.int64]

    @classmethod
    def of(cls, pairs: Sequence[ComparedTrades]) -> PooledTrades:
        """Pool one or more pairs."""

        def both(part: Callable[[ComparedTrades, Trades], NDArray[Any]]) -> NDArray[Any]:
            chosen = np.concatenate([part(pair, pair.chosen) for pair in pairs])
            other = np.concatenate([part(pair, pair.other) for pair in pairs])
            return np.stack([chosen, other], axis=1)

        entered = np.concatenate([pair.seconds[pair.chosen.entry_row] for pair in pairs])
        return cls(
            day=entered // DAY_SECONDS,
            is_long=np.concatenate([pair.chosen.side == LONG for pair in pairs]),
            turned=np.concatenate([pair.chosen.turned for pair in pairs]),
            profit=both(lambda _, trades: trades.profit),
            left=both(lambda pair, trades: pair.seconds[trades.exit_row]),
        )

    def taking(self, other: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Profits and exits (T,), of the other side where `other` (T,) is true."""
        rows, column = np.arange(len(other)), other.astype(np.intp)
        return self.profit[rows, column], self.left[rows, column]
