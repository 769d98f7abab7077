"""Trades of simulated days, for tests of how sure figures are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TradeKind:
    """How simulated trades come about.

    Attributes:
        a_day: mean trades a day, at least one.
        uneven: standard deviation of the logarithm of that mean between days.
        together: standard deviation of what all trades of a day share, in that of one trade.
        tails: degrees of freedom of Student's t; None: take profits of +1 and stop losses of -0.5.
    """

    a_day: float = 10.0
    uneven: float = 0.0
    together: float = 0.0
    tails: int | None = None

    def draw(
        self, days: int, random: np.random.Generator, mean: float = 0.0
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(T,) values with a true mean, and (T,) numbers of their days; each day has a trade."""
        rate = self.a_day * random.lognormal(0.0, self.uneven, days)
        day = np.repeat(np.arange(days), np.maximum(random.poisson(rate), 1))
        if self.tails is None:
            shares = np.clip(1 / 3 + self.together * random.normal(0.0, 1.0, days) / 2, 0.0, 2 / 3)
            values = np.where(random.random(len(day)) < shares[day], 1.0, -0.5)
        else:
            shared = self.together * random.standard_t(self.tails, days)
            values = random.standard_t(self.tails, len(day)) + shared[day]
        return values + mean, day


#: Kinds that differ in everything that makes an interval over days too narrow.
KINDS = {
    "few a day": TradeKind(a_day=2.0),
    "uneven days": TradeKind(uneven=1.0),
    "days move together": TradeKind(together=0.25),
    "fat tails": TradeKind(tails=3, uneven=0.7),
    "all of it": TradeKind(a_day=5.0, uneven=1.0, together=0.3, tails=4),
}
