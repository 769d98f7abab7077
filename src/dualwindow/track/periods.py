"""Periods in which decisions are scored, and when their outcomes count.

A period is a day (UTC), or as many days as hold eight future windows. Decisions whose trades could
reach beyond its end are not scored, so a period's score depends on its own candles alone and no
outcome is known before the next period begins. A verdict changes once a period, a few candles
after its end, when late candles have arrived.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dualwindow.columns import HOLD, SHORT
from dualwindow.data.candles.frames import utc_seconds
from dualwindow.data.candles.impossible import known_frame
from dualwindow.data.candles.timerange import DAY_SECONDS
from dualwindow.settings import TrainingConfig
from dualwindow.track.evidence import Bounds
from dualwindow.track.paper import AFTER, PaperTrade, PeriodPrices, paper_trades, profit_bounds

#: Future windows that a period holds at least.
_WINDOWS: Final = 8
#: Candles after the end of a period from which on its outcomes count.
SETTLED_AFTER: Final = 10


@dataclass(frozen=True)
class Scoring:
    """How decisions are scored.

    Attributes:
        config: barriers, future window and what counts as an outage.
        cost: fee and slippage of one side, a fraction of the price.
        candle_seconds: of the base timeframe.
        can_short: whether a SHORT is traded.
    """

    config: TrainingConfig
    cost: float
    candle_seconds: int
    can_short: bool

    @cached_property
    def seconds(self) -> int:
        """Length of a period, whole days and whole candles."""
        return period_seconds(self.config.future_window, self.candle_seconds)

    @cached_property
    def bounds(self) -> Bounds:
        """Of the profit of a trade."""
        return profit_bounds(self.config, self.cost)

    @property
    def tolerance(self) -> float:
        """A loss a trade that the record must be able to rule out: a quarter of the stop loss."""
        return min(self.config.long_sl_pct, self.config.short_sl_pct) / 4.0

    @property
    def candles(self) -> int:
        """Candles of a period."""
        return self.seconds // self.candle_seconds

    def period_of(self, seconds: int) -> int:
        """The period of a candle, by its date."""
        return seconds // self.seconds

    def counts_from(self, period: int) -> int:
        """Date of the first candle that is decided with the outcomes of a period."""
        return (period + 1) * self.seconds + SETTLED_AFTER * self.candle_seconds

    def labelled_before(self, period: int) -> int:
        """Date of the first candle whose future window is not over with a period."""
        return (period + 1) * self.seconds - self.config.future_window * self.candle_seconds

    def traded(self, decisions: NDArray[np.integer]) -> NDArray[np.integer]:
        """(N,) class codes with HOLD for a side that is not traded."""
        if self.can_short:
            return decisions
        return np.where(decisions == SHORT, HOLD, decisions)

    def score(self, sides: NDArray[np.integer], prices: PeriodPrices) -> list[PaperTrade]:
        """Score the decisions of a period, (M,) as its candles."""
        return paper_trades(self.traded(sides), prices, self.config, self.cost)


def period_seconds(future_window: int, candle_seconds: int) -> int:
    """Length of a period: whole days, or candles that are longer, that hold the windows.

    Example:
        >>> period_seconds(120, 60), period_seconds(240, 60)
        (86400, 172800)
    """
    unit = max(DAY_SECONDS, candle_seconds)
    return unit * -(-_WINDOWS * (future_window + AFTER) * candle_seconds // unit)


def prices_of(candles: pd.DataFrame, period: int, scoring: Scoring) -> PeriodPrices:
    """Prices of a period from freqtrade's candles in time order, those of other dates among them.

    Missing and impossible candles have the last price before them, as freqtrade fills them.
    """
    seconds = utc_seconds(candles["date"])
    first, stop = np.searchsorted(
        seconds, [period * scoring.seconds, (period + 1) * scoring.seconds]
    )
    known = known_frame(candles.iloc[first:stop])
    places = (seconds[first:stop] - period * scoring.seconds) // scoring.candle_seconds
    columns = {name: np.full(scoring.candles, np.nan) for name in ("open", "high", "low", "close")}
    for name, values in columns.items():
        values[places] = known[name].to_numpy(np.float64)
    close, missing = columns["close"], np.ones(scoring.candles, dtype=np.bool_)
    missing[places] = False
    last = np.maximum.accumulate(np.where(missing, 0, np.arange(scoring.candles)))
    for name in ("open", "high", "low"):
        columns[name] = np.where(missing, close[last], columns[name])
    return PeriodPrices(columns["open"], columns["high"], columns["low"])


def periods_of(
    candles: pd.DataFrame, decisions: NDArray[np.integer], scoring: Scoring
) -> Iterable[tuple[int, list[PaperTrade]]]:
    """Every period of a backtest's candles in which something was traded, with its trades.

    `decisions` are the (N,) class codes of the candles, which have no hole.
    """
    seconds, traded = utc_seconds(candles["date"]), scoring.traded(decisions)
    fired = traded != HOLD
    for period in np.unique(seconds[fired] // scoring.seconds).tolist():
        inside = seconds // scoring.seconds == period
        sides = np.full(scoring.candles, HOLD)
        places = (seconds[inside] - period * scoring.seconds) // scoring.candle_seconds
        sides[places] = traded[inside]
        if trades := scoring.score(sides, prices_of(candles, period, scoring)):
            yield period, trades
