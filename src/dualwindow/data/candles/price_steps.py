"""The exchange's price step, found in candles, beside the barriers that it must be small against.

freqtrade puts a stop loss on the price step at it or nearer to the entry. Where a step is no longer
small against a barrier, trades end elsewhere than labels; from a whole barrier on, the stop loss is
the entry price itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dualwindow.data.candles.impossible import PRICES
from dualwindow.data.candles.timerange import utc_text
from dualwindow.labels import decimal_places
from dualwindow.settings import TrainingConfig

#: Share of the smallest barrier from which on a step is warned of.
LARGE_STEP: Final = 0.1
#: Share from which on no stop loss is left.
LARGEST_STEP: Final = 1.0
#: Closes that a step is found in together: 30 days of 1-minute candles. Exchanges change steps.
_TOGETHER: Final = 43_200
#: Changes of the close below which a step is not known: few prices may share a coarser one by luck.
_FEWEST_CHANGES: Final = 30
#: Share of the prices that may lie beside the step: damaged ones, or averages.
_BESIDE: Final = 0.01
#: Above it a float holds no single steps.
_LARGEST_COUNT: Final = 2.0**53


@dataclass(frozen=True)
class PriceStep:
    """A price step, and the usual price of the candles that have it."""

    step: float
    price: float

    @property
    def fraction(self) -> float:
        """The step as a fraction of the price."""
        return self.step / self.price

    def share(self, config: TrainingConfig) -> float:
        """The step as a share of the smallest barrier."""
        return self.fraction / smallest_barrier(config)[1]

    def refusal(self, config: TrainingConfig) -> str:
        """Why trades on these prices would all end at their entry; empty where they do not."""
        if self.share(config) < LARGEST_STEP:
            return ""
        return (
            f"{self._compared(config)}: stop losses are rounded to the entry price itself, and "
            f"trades end there whatever was predicted; {self._way_out()}"
        )

    def warning(self, config: TrainingConfig) -> str:
        """How far labels and trades lie apart; empty where the step is small, or too large."""
        if not LARGE_STEP <= self.share(config) < LARGEST_STEP:
            return ""
        if config.label_price_step == "none":
            apart = "trades end elsewhere than their labels"
            rounded = ", or set label_price_step to 'candles', then labels are rounded alike"
        else:
            apart, rounded = "labels and trades end nearer to the entry than the barriers say", ""
        return (
            f"{self._compared(config)}: stop losses are rounded by up to that much, so that "
            f"{apart}; {self._way_out()}{rounded}"
        )

    def _compared(self, config: TrainingConfig) -> str:
        name, barrier = smallest_barrier(config)
        return (
            f"prices near {self.price:.6g} move in steps of {self.step:.6g}, which is "
            f"{self.share(config):.2f} of the smallest barrier ({name} {barrier:g})"
        )

    def _way_out(self) -> str:
        wide = float(f"{self.fraction / LARGE_STEP:.1g}")
        return f"choose a pair with a higher price or finer steps, or barriers above {wide:g}"


@dataclass
class StepSearch:
    """Finds the price steps of closes that come in parts, and keeps the largest.

    Attributes:
        largest: the step that is the largest fraction of its price; None where none is known.
        first: date of the first candle that has it, seconds since 1970.
    """

    largest: PriceStep | None = None
    first: int = 0

    def __post_init__(self) -> None:
        self._parts: list[NDArray[np.float64]] = []
        self._count = self._begin = 0

    def add(self, close: NDArray[np.float64], seconds: NDArray[np.int64]) -> None:
        """Take the next closes with their dates."""
        for start in range(0, len(close), _TOGETHER):
            if not self._parts:
                self._begin = int(seconds[start])
            part = close[start : start + _TOGETHER]
            self._parts.append(part)
            self._count += len(part)
            if self._count >= _TOGETHER:
                self.end()

    def end(self) -> None:
        """Find the step of the closes that came last."""
        found = price_step(np.concatenate(self._parts)) if self._parts else None
        self._parts, self._count = [], 0
        if found and (self.largest is None or found.fraction > self.largest.fraction):
            self.largest, self.first = found, self._begin

    def text(self) -> str:
        """Since when the largest step is there."""
        return f"from {utc_text(self.first)}"


def price_step(prices: NDArray[np.float64]) -> PriceStep | None:
    """The step that 99 of 100 prices are multiples of; None where too few of them differ.

    Args:
        prices: (N,) in time order; those that are not possible (`PRICES`) do not count.

    Example:
        >>> price_step(100.0 + 0.5 * (np.arange(1000) % 7))
        PriceStep(step=0.5, price=101.5)
    """
    prices = prices[(prices >= PRICES[0]) & (prices <= PRICES[1])]
    if np.count_nonzero(np.diff(prices)) < _FEWEST_CHANGES:
        return None
    values, counts = np.unique(prices, return_counts=True)
    places = decimal_places(values)
    shares = np.cumsum(np.bincount(places, counts)) / len(prices)
    decimals = int(np.argmax(shares >= 1.0 - _BESIDE))
    # The rarest prices are left out: one that is damaged would make the common divisor 1.
    order = np.argsort(counts, kind="stable")
    common = order[np.cumsum(counts[order]) > _BESIDE * len(prices)]
    steps = values[common[places[common] <= decimals]] * 10.0**decimals
    steps = np.rint(steps[steps < _LARGEST_COUNT]).astype(np.int64)
    size = int(np.gcd.reduce(steps)) if len(steps) else 1
    return PriceStep(float(f"{max(size, 1)}e-{decimals}"), float(np.median(prices)))


def smallest_barrier(config: TrainingConfig) -> tuple[str, float]:
    """Name and value of the smallest take profit or stop loss, a fraction of the price."""
    names = ("long_sl_pct", "short_sl_pct", "long_tp_pct", "short_tp_pct")
    return min(((name, getattr(config, name)) for name in names), key=lambda item: item[1])
