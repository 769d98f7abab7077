"""Trades of decisions: one position at a time, after fees.

With `turns` the trades are those of freqtrade's backtest of `DualWindowStrategy` with one pair on
the same candles, as long as its wallet does not run out (a test compares the two).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.backtest.exits import Position, hold_position
from dualwindow.backtest.figures import WithTurns
from dualwindow.backtest.prices import TradeCandles
from dualwindow.backtest.terms import TradeTerms
from dualwindow.columns import LONG, SHORT
from dualwindow.data.candles.price_steps import price_step
from dualwindow.settings import TrainingConfig

DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class Trades:
    """T trades of one pair in time order, as columns.

    Attributes:
        entry_row: (T,) int64 candles at whose open they were entered; the signal is a row earlier.
        exit_row: (T,) int64 candles in which they ended.
        side: (T,) int8 SHORT or LONG.
        entry_price: (T,) float64.
        exit_price: (T,) float64.
        reason: (T,) int8 codes, indices into `exits.EXIT_REASONS`.
        funding: (T,) float64 funding received, as a fraction of the stake; negative where paid.
        profit: (T,) float64 net profit as a fraction of the stake with the entry's fee:
            freqtrade's `profit_ratio`, not rounded.
    """

    entry_row: NDArray[np.int64]
    exit_row: NDArray[np.int64]
    side: NDArray[np.int8]
    entry_price: NDArray[np.float64]
    exit_price: NDArray[np.float64]
    reason: NDArray[np.int8]
    funding: NDArray[np.float64]
    profit: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.entry_row)

    @property
    def turned(self) -> NDArray[np.bool_]:
        """(T,) true where a trade was entered in the candle in which the one before it ended."""
        turned = np.zeros(len(self), np.bool_)
        turned[1:] = self.entry_row[1:] == self.exit_row[:-1]
        return turned


def trade_decisions(
    candles: TradeCandles,
    decisions: NDArray[np.integer],
    config: TrainingConfig,
    terms: TradeTerms,
    *,
    turns: bool,
    usable: NDArray[np.bool_] | None = None,
) -> Trades:
    """Trade every SHORT and LONG that is decided while no position is open.

    The decision of a row enters at the next row's open. Nothing is entered in the last candle; a
    position still open then ends at its open, unless a barrier ends it.

    In freqtrade's backtest the opposite side may enter in the candle in which a position ends, at
    that candle's open, which lies before the exit. Such a turn knows the candle's direction: on
    random sides it earned some 0.015 % a turned trade beyond a coin flip. `turns` makes the trades
    freqtrade's; leave it off to evaluate a model.

    Args:
        candles: N candles, from the first possible signal to the last that is traded.
        decisions: (N,) class codes; anything but SHORT and LONG is no signal.
        config: barriers and future window.
        terms: fee, slippage, leverage and whether shorts are made.
        turns: true lets the opposite side enter in the candle of an exit, as freqtrade's backtest.
        usable: (N,) false where a decision does not count (`do_predict` is not 1).

    Raises:
        ValueError: when lengths differ.

    Example:
        >>> price = np.array([100.0, 100.0, 100.2, 100.5, 100.5])
        >>> candles = TradeCandles(60 * np.arange(5), price, price + 0.3, price, np.full(5, 0.01))
        >>> config = TrainingConfig(long_tp_pct=0.004, long_sl_pct=0.002, future_window=3)
        >>> decisions = np.array([LONG, LONG, SHORT, LONG, LONG])
        >>> trades = trade_decisions(candles, decisions, config, TradeTerms(fee=0.0), turns=False)
        >>> trades.side.tolist(), trades.entry_row.tolist(), trades.exit_row.tolist()
        ([2, 0], [1, 3], [2, 4])
    """
    for name, values in (("decisions", decisions), ("usable", usable)):
        if values is not None and len(values) != len(candles):
            raise ValueError(f"{len(values)} {name} for {len(candles)} candles")
    asks = (decisions == LONG) | ((decisions == SHORT) & terms.can_short)
    if usable is not None:
        asks &= usable
    signals = np.flatnonzero(asks[: max(len(candles) - 2, 0)])
    entries, shorts = (signals + 1).tolist(), (decisions[signals] == SHORT).tolist()
    made: list[Position] = []
    sides: list[bool] = []
    at = 0
    while at < len(entries):
        short = shorts[at]
        position = hold_position(candles, entries[at], is_short=short, config=config, terms=terms)
        made.append(position)
        sides.append(short)
        at = bisect_left(entries, position.exit_row, at)
        if at < len(entries) and entries[at] == position.exit_row:
            # A position that ended in its own entry's candle is found here: it does not turn.
            at += 0 if turns and shorts[at] != short else 1
    return _settled(candles, made, sides, terms)


def trade_entries(
    candles: TradeCandles,
    entry_rows: NDArray[np.integer],
    sides: NDArray[np.integer],
    config: TrainingConfig,
    terms: TradeTerms,
) -> Trades:
    """Enter (T,) given candles on (T,) sides SHORT or LONG, whatever else is open.

    Shorts are made whatever the terms, so that sides can be compared.
    """
    shorts = (sides == SHORT).tolist()
    made = [
        hold_position(candles, row, is_short=is_short, config=config, terms=terms)
        for row, is_short in zip(entry_rows.tolist(), shorts, strict=True)
    ]
    return _settled(candles, made, shorts, terms)


def _settled(
    candles: TradeCandles, made: Sequence[Position], shorts: Sequence[bool], terms: TradeTerms
) -> Trades:
    """Columns of the positions, with funding and fees computed as in freqtrade."""
    entry_row, exit_row, entry, left, reason = (
        np.array([position[field] for position in made], dtype)
        for field, dtype in enumerate((np.int64, np.int64, np.float64, np.float64, np.int8))
    )
    is_short = np.array(shorts, np.bool_)
    sign = np.where(is_short, -1.0, 1.0)
    # The stake of one coin, with the fee: a short is paid for its coin less the fee.
    opened = entry * (1.0 + sign * terms.fee)
    paid = np.zeros(len(made))
    if candles.funding is not None:
        paid = candles.funding.paid(candles.seconds[entry_row], candles.seconds[exit_row])
    received = -sign * paid
    closed = left * (1.0 - sign * terms.fee) + sign * received
    return Trades(
        entry_row=entry_row,
        exit_row=exit_row,
        side=np.where(is_short, SHORT, LONG).astype(np.int8),
        entry_price=entry,
        exit_price=left,
        reason=reason,
        funding=received / opened * terms.leverage,
        profit=sign * (closed / opened - 1.0) * terms.leverage,
    )


@dataclass(frozen=True)
class ComparedTrades:
    """T trades of one pair beside trades of the opposite side from the same entries.

    Attributes:
        seconds: (N,) dates of the candles in seconds since 1970.
        chosen: the trades.
        other: the opposite sides, all T of them; they may overlap.
        step_share: the price step as a share of the smallest barrier; None where it is not known.
        with_turns: how many trades freqtrade's backtest makes; None where it makes none of these.
        pair: its name; empty where it is not known.
        prices: (N,) opens of the candles; None where they are not known.
        tags: (T,) entry tags of the chosen trades; empty where they are not known.
    """

    seconds: NDArray[np.int64]
    chosen: Trades
    other: Trades
    step_share: float | None = None
    with_turns: WithTurns | None = None
    pair: str = ""
    prices: NDArray[np.float64] | None = None
    tags: Sequence[str] = ()

    @classmethod
    def from_trades(
        cls, candles: TradeCandles, trades: Trades, config: TrainingConfig, terms: TradeTerms
    ) -> ComparedTrades:
        """Trade the opposite side of every trade, on the same terms."""
        opposite = SHORT + LONG - trades.side
        other = trade_entries(candles, trades.entry_row, opposite, config, terms)
        step = price_step(candles.open)
        share = step.share(config) if step else None
        return cls(candles.seconds, trades, other, share, prices=candles.open)

    @classmethod
    def of_backtest(
        cls,
        candles: TradeCandles,
        decisions: NDArray[np.integer],
        config: TrainingConfig,
        terms: TradeTerms,
        usable: NDArray[np.bool_],
    ) -> ComparedTrades:
        """Trade a backtest's decisions without turns, and count freqtrade's own trades of them."""
        trades, turning = (
            trade_decisions(candles, decisions, config, terms, turns=turns, usable=usable)
            for turns in (False, True)
        )
        with_turns = WithTurns(len(turning), int(np.count_nonzero(turning.turned)))
        return replace(cls.from_trades(candles, trades, config, terms), with_turns=with_turns)

    def entered_in(self, rows: NDArray[np.int64]) -> ComparedTrades:
        """Trades whose signal lies in some rows, on the candles from there to their ends."""
        first, stop = int(rows[0]), int(rows[-1]) + 1
        signal = self.chosen.entry_row - 1
        inside = (signal >= first) & (signal < stop)
        both = []
        for trades in (self.chosen, self.other):
            kept = Trades(**{name: values[inside] for name, values in vars(trades).items()})
            stop = max(stop, int(kept.exit_row.max(initial=0)) + 1)
            both.append(
                replace(kept, entry_row=kept.entry_row - first, exit_row=kept.exit_row - first)
            )
        chosen, other = both
        return ComparedTrades(self.seconds[first:stop], chosen, other, self.step_share)


@dataclass(frozen=True)
class PooledTrades:
    """T entries, pair after pair; the first of two columns is the chosen side.

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
    def from_pairs(cls, pairs: Sequence[ComparedTrades]) -> PooledTrades:
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
