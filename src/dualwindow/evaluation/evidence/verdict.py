"""Three verdicts on what trades earned, with what the data could have shown.

`edge found`: the interval of the mean profit after fees lies above 0, and so does that of the edge
over a coin flip at the same entries, whose true value is 0 where there is no direction, however
barriers are filled.
`no edge worth the fees`: the interval of the profit lies below 0. Everything else is `not enough
data to tell`, with the smallest profit that so much data finds, and the days that would settle it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from scipy.stats import t

from dualwindow.evaluation.bootstrap import Interval
from dualwindow.evaluation.evidence.day_clusters import MISSES, DayEstimate

Outcome = Literal["edge found", "no edge worth the fees", "not enough data to tell"]
EDGE: Final[Outcome] = "edge found"
NO_EDGE: Final[Outcome] = "no edge worth the fees"
UNCLEAR: Final[Outcome] = "not enough data to tell"

#: Chance of finding an edge of the minimum detectable size.
POWER: Final = 0.8
#: Fewest trades of a verdict: take profits and stop losses alone are so skewed that a handful of
#: them often shows one kind only.
FEWEST_TRADES: Final = 20
#: Days that are too long to wait for.
_MOST_DAYS: Final = 3650


@dataclass(frozen=True)
class Evidence:
    """What trades show, in percent of one trade's stake.

    Attributes:
        outcome: one of three verdicts.
        trades: number of trades.
        profit: mean profit a trade after fees.
        edge: mean profit beyond a coin flip at the same entries.
        low: lower end of the interval of the profit; None where days are too few.
        high: upper end.
        detectable: smallest true profit whose interval would lie above 0 four times in five.
        more_days: further days with trades after which a true profit as large as the one that was
            seen would be settled four times in five; 0 where it is, None where ten years are not
            enough or nothing can be computed.
        choices: thresholds that the same candles have been looked at with.
    """

    outcome: Outcome
    trades: int
    profit: DayEstimate
    edge: DayEstimate | None
    low: float | None
    high: float | None
    detectable: float | None
    more_days: int | None
    choices: int = 1

    @classmethod
    def of(
        cls, profit: DayEstimate, edge: DayEstimate | None, trades: int, choices: int = 1
    ) -> Evidence:
        """The verdict on estimates from `day_mean`; without an edge there is none found.

        Example:
            >>> profit, edge = (DayEstimate(mean, 0.02, 99.0, 100) for mean in (0.05, 0.15))
            >>> found = Evidence.of(profit, edge, trades=900)
            >>> found.outcome, round(found.detectable, 3), Evidence.of(profit, edge, 900, 9).outcome
            ('edge found', 0.057, 'not enough data to tell')
        """
        interval = profit.interval(choices)
        beyond = None if edge is None else edge.interval(choices)
        outcome = outcome_of(interval, beyond, trades)
        return cls(
            outcome,
            trades,
            profit,
            edge,
            low=None if interval is None else interval.low,
            high=None if interval is None else interval.high,
            detectable=None if interval is None else minimum_detectable(profit, choices),
            more_days=more_days(profit, choices) if outcome == UNCLEAR else 0,
            choices=choices,
        )

    @property
    def wider_by(self) -> float:
        """How many times as wide as that of one choice the interval is; 1 where there is none."""
        one, own = self.profit.interval(), self.profit.interval(self.choices)
        if one is None or own is None or not self.profit.error:
            return 1.0
        return (own.high - own.low) / (one.high - one.low)

    def of_choices(self, choices: int) -> Evidence:
        """The same trades as the best of so many choices on the same candles."""
        return Evidence.of(self.profit, self.edge, self.trades, choices)


def outcome_of(profit: Interval | None, edge: Interval | None, trades: int) -> Outcome:
    """The verdict on intervals of profit after fees and of edge; None is unknown."""
    if profit is None or trades < FEWEST_TRADES:
        return UNCLEAR
    if profit.high < 0.0:
        return NO_EDGE
    return EDGE if profit.low > 0.0 and edge is not None and edge.low > 0.0 else UNCLEAR


def minimum_detectable(estimate: DayEstimate, choices: int = 1) -> float | None:
    """Smallest true figure whose interval would lie above 0 with a chance of `POWER`.

    Of a sample with the same days and spread (Bloom 1995, Minimum detectable effects).
    """
    if estimate.error is None:
        return None
    return estimate.error * _multiple(estimate.freedom, choices)


def more_days(estimate: DayEstimate, choices: int = 1) -> int | None:
    """Further days like these after which a true figure of this size is told from 0.

    With a chance of `POWER`; None where ten years would not do, or nothing can be computed.

    Example:
        >>> more_days(DayEstimate(value=0.1, error=0.1, freedom=19.0, days=20))
        140
    """
    if estimate.interval() is None or not estimate.error or not estimate.value:
        return None
    days = float(estimate.days)
    # The error falls with the root of the days, and Student's t with its degrees of freedom.
    for _ in range(20):
        freedom = max(estimate.freedom * days / estimate.days, 1.0)
        wanted = _multiple(freedom, choices) * estimate.error / abs(estimate.value)
        days = estimate.days * min(wanted**2, 1e6)
    left = math.ceil(days - estimate.days)
    return max(left, 0) if left <= _MOST_DAYS else None


def _multiple(freedom: float, choices: int) -> float:
    """Standard errors between 0 and a figure that is found with a chance of `POWER`."""
    return float(t.ppf(1.0 - MISSES / choices / 2.0, freedom) + t.ppf(POWER, freedom))
