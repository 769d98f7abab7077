"""Positions, locks and money of freqtrade, and what they were at a moment."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from dualwindow.bot.why.facts import LockFacts, TradingFacts
from dualwindow.columns import LONG, SHORT
from dualwindow.data.candles.timerange import utc_text

_ALL_PAIRS: Final = "*"
_SIDES: Final = {LONG: "long", SHORT: "short"}
#: How the reasons of freqtrade's protections read, which are all that their locks tell of them.
_PROTECTIONS: Final[Mapping[str, re.Pattern[str]]] = {
    "CooldownPeriod": re.compile(r"Cooldown period for "),
    "StoplossGuard": re.compile(r"\d+ stoplosses in .+, locking "),
    "MaxDrawdown": re.compile(r"\S+ passed \S+ in .+, locking "),
    "LowProfitPairs": re.compile(r"\S+ < \S+ in .+, locking "),
}


@dataclass(frozen=True)
class Position:
    """One trade; dates are seconds since 1970.

    Attributes:
        number: freqtrade's id; None of an order that was not filled.
        pair: as freqtrade names it.
        side: SHORT or LONG.
        opened: when its entry was made or filled.
        closed: None while it is open.
        price: of the entry.
        close_price: of the exit; None while it is open.
        stake: in the stake currency.
        profit: in the stake currency; 0 while it is open.
        reason: of its exit.
        tag: of its entry.
        filled: when its first entry was filled; None in a backtest, where that is at once, and
            while it waits.
    """

    number: int | None
    pair: str
    side: int
    opened: float
    closed: float | None
    price: float
    close_price: float | None
    stake: float
    profit: float
    reason: str
    tag: str
    filled: float | None = None

    @property
    def words(self) -> str:
        """The trade for people."""
        end = (
            "still open"
            if self.closed is None
            else f"until {utc_text(int(self.closed))} ({self.reason})"
        )
        name = "order" if self.number is None else f"trade {self.number}"
        return (
            f"{_SIDES[self.side]} {name} at {self.price:.10g} from "
            f"{utc_text(int(self.opened))}, {end}"
        )


@dataclass(frozen=True)
class Lock:
    """A lock of a pair, or of all where the pair is `*`; dates are seconds since 1970."""

    pair: str
    side: str
    begin: float
    end: float
    reason: str

    def holds(self, pair: str, side: int | None, second: float, until: float) -> bool:
        """Whether it keeps a side from being entered from a second on, begun before another."""
        of_pair = self.pair in (pair, _ALL_PAIRS)
        of_side = self.side == _ALL_PAIRS or side is None or self.side == _SIDES[side]
        return of_pair and of_side and self.begin < until and self.end > second

    @property
    def protection(self) -> str:
        """Freqtrade's name of the protection that made it; empty where none did."""
        return next((name for name, form in _PROTECTIONS.items() if form.match(self.reason)), "")

    @property
    def facts(self) -> LockFacts:
        """The lock as a gate tells of it."""
        return LockFacts(self.words, self.pair == _ALL_PAIRS, self.protection)

    @property
    def words(self) -> str:
        """The lock for people."""
        name = "all pairs" if self.pair == _ALL_PAIRS else self.pair
        side = "" if self.side == _ALL_PAIRS else f" ({self.side})"
        reason = f": {self.reason}" if self.reason else ""
        return f"{name}{side} locked until {utc_text(int(self.end))}{reason}"


@dataclass(frozen=True)
class Money:
    """How freqtrade decides on a stake.

    Attributes:
        balance: at the beginning, in the stake currency.
        stake: `stake_amount`; None is unlimited.
        ratio: `tradable_balance_ratio`, or 1 where `available_capital` is set.
        amended: `last_stake_amount_min_ratio` where `amend_last_stake_amount` is on, else None.
    """

    balance: float
    stake: float | None
    ratio: float = 1.0
    amended: float | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], balance: float | None = None) -> Self | None:
        """Read it from freqtrade's configuration; None where the balance is not known.

        Args:
            config: of freqtrade.
            balance: at the beginning; that of a dry run unless given.
        """
        capital, wallet = config.get("available_capital"), config.get("dry_run_wallet", 1000.0)
        if isinstance(wallet, Mapping):
            wallet = wallet.get(config.get("stake_currency", ""), 0.0)
        begin = capital if capital is not None else wallet if balance is None else balance
        stake = config.get("stake_amount")
        if stake is None or (isinstance(stake, str) and stake != "unlimited"):
            return None
        return cls(
            balance=float(begin),
            stake=None if isinstance(stake, str) else float(stake),
            ratio=1.0 if capital is not None else float(config.get("tradable_balance_ratio", 0.99)),
            amended=(
                float(config.get("last_stake_amount_min_ratio", 0.5))
                if config.get("amend_last_stake_amount")
                else None
            ),
        )

    def left(self, tied: float, earned: float, most: float) -> tuple[float, float]:
        """Available balance and stake, as freqtrade's `Wallets` computes them.

        Args:
            tied: stakes of the open positions.
            earned: profit of the closed ones.
            most: `max_open_trades`; infinite without a limit.
        """
        free = self.balance + earned - tied
        available = min((tied + free) * self.ratio - tied, free)
        stake = self.stake
        if stake is None:
            stake = min((available + tied) / most, available) if most else 0.0
        if self.amended is not None:
            stake = min(stake, available) if available > stake * self.amended else 0.0
        return available, stake


@dataclass(frozen=True)
class Account:
    """Everything that freqtrade's own gates depend on; dates are seconds since 1970.

    Attributes:
        positions: in the order of their entries.
        locks: all that are known.
        most: `max_open_trades`; infinite without a limit.
        money: None where the balance is not known.
        candle_seconds: between two candles.
        live: whether orders are filled at any moment; in a backtest at the opens of candles.
        end: the last candle of a backtest.
    """

    positions: tuple[Position, ...]
    locks: tuple[Lock, ...]
    most: float
    money: Money | None
    candle_seconds: int
    live: bool
    end: int | None = None

    @cached_property
    def _by_pair(self) -> dict[str, list[Position]]:
        found: dict[str, list[Position]] = {}
        for position in self.positions:
            found.setdefault(position.pair, []).append(position)
        return found

    @cached_property
    def _columns(self) -> tuple[NDArray[np.float64], ...]:
        """Beginning, end (infinite while open), stake and profit of the positions."""
        rows = [
            (made.opened, math.inf if made.closed is None else made.closed, made.stake, made.profit)
            for made in self.positions
        ]
        return tuple(np.array(rows, dtype=np.float64).reshape(-1, 4).T)

    def of_pair(self, pair: str) -> list[Position]:
        """The positions of a pair."""
        return self._by_pair.get(pair, [])

    def entered(self, pair: str, second: int) -> Position | None:
        """The position that the candle of a date became: it fills in the candle after it."""
        begin = second + self.candle_seconds
        end = begin + (self.candle_seconds if self.live else 1)
        return next((made for made in self.of_pair(pair) if begin <= made.opened < end), None)

    def at(
        self, pair: str, second: int, side: int | None, moment: float | None = None
    ) -> TradingFacts:
        """Positions, locks and money when the candle of a date could be entered upon.

        Args:
            pair: as freqtrade names it.
            second: date of the candle, seconds since 1970.
            side: the decision, SHORT or LONG; None where there was none.
            moment: of the decision; the candle's close unless given.
        """
        begin = second + self.candle_seconds if moment is None else moment
        until = begin + (self.candle_seconds if self.live else 1)
        made, open_one = self.entered(pair, second), self._open(pair, begin, side)
        locks = [lock for lock in self.locks if lock.holds(pair, side, begin, until)]
        longest = max(locks, key=lambda lock: lock.end, default=None)
        return TradingFacts(
            entered="" if made is None else made.words,
            open_position="" if open_one is None else f"there was a {open_one.words}",
            lock=None if longest is None else longest.facts,
            slots=self._slots(begin, until),
            stake=self._stake(begin),
            end=self.end is not None and begin >= self.end,
        )

    def _open(self, pair: str, begin: float, side: int | None) -> Position | None:
        for position in self.of_pair(pair):
            if position.opened >= begin:
                continue
            closed = math.inf if position.closed is None else position.closed
            # In the candle in which a backtest's position ends, the opposite side may enter.
            turns = not self.live and closed == begin and side not in (None, position.side)
            if closed > begin or (not self.live and closed == begin and not turns):
                return position
        return None

    def _slots(self, begin: float, until: float) -> tuple[int, int] | None:
        if math.isinf(self.most):
            return None
        opened, closed, _, _ = self._columns
        count = int(np.count_nonzero((opened < until) & (closed > begin)))
        # An order that was not filled may be counted a moment too long.
        return min(count, int(self.most)), int(self.most)

    def _stake(self, begin: float) -> tuple[float, float] | None:
        if self.money is None:
            return None
        opened, closed, stake, profit = self._columns
        tied = (opened < begin) & (closed > begin)
        earned = float(profit[closed <= begin].sum())
        return self.money.left(float(stake[tied].sum()), earned, self.most)
