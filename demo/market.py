"""A synthetic market: 1-minute candles with a weak planted pattern.

No price here was ever traded. The volatility clusters and follows the hour of the day, returns have
fat tails, and the drift changes its sign after some hours: the pattern for a model to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MINUTES_PER_DAY: Final = 1440
#: Price moves simulated within a minute. Six give ranges of about 1.5 times the mean absolute
#: return, as on a liquid exchange; many more would be a Brownian path without ticks.
STEPS_PER_MINUTE: Final = 6
#: Standard deviations of log volatility: components that last days, hours, one minute.
SLOW_LOG_SD, FAST_LOG_SD, MINUTE_LOG_SD = 0.25, 0.35, 0.45
SLOW_MINUTES, FAST_MINUTES = 2 * MINUTES_PER_DAY, 90
#: Volatility by hour (UTC) relative to its mean: low before Europe opens, high when America opens.
HOURLY_VOLATILITY: Final = np.array([
    1.1, 1.0, 0.95, 0.8, 0.75, 0.7, 0.75, 0.85, 0.8, 0.8, 0.75, 0.75,
    1.0, 1.25, 1.35, 1.2, 1.15, 1.1, 1.1, 1.05, 1.0, 1.15, 1.05, 1.0,
])  # fmt: skip
SHORTEST_REGIME_MINUTES: Final = 60
DAYS_PER_OUTAGE: Final = 30


@dataclass(frozen=True)
class MarketSpec:
    """Parameters of a simulated market.

    Attributes:
        seed: of every random draw; a market is a function of its spec alone.
        days: length, at least 1.
        start: open of the first candle, UTC.
        first_price: open of the first candle.
        tick: smallest price step; every price is a multiple of it.
        volatility: typical standard deviation of a 1-minute return, as a fraction.
        drift_strength: drift of a minute in standard deviations of that minute's return; 0 makes
            the price a martingale. An oracle that knows the regime, takes its side at the next
            open and exits at +1 %, -0.5 % or after 120 candles earns after fees of 0.05 % a side
            +0.16 % a trade at the default (+0.14 to +0.19 % over ten seeds), +0.04 % at half of it
            and -0.08 % at 0.
        regime_hours: mean time between two changes of the drift's sign.
        volume: typical volume of a minute, base coin.
        outages: leave out a run of minutes and flatten another about every 30 days.

    """

    seed: int = 0
    days: int = 90
    start: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    first_price: float = 60_000.0
    tick: float = 0.1
    volatility: float = 0.0005
    drift_strength: float = 0.062
    regime_hours: float = 20.0
    volume: float = 60.0
    outages: bool = False

    def __post_init__(self) -> None:
        """Refuse a spec without a market.

        Raises:
            ValueError: naming the field and its value.

        """
        for name in ("days", "first_price", "tick", "volatility", "regime_hours", "volume"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.start.tzinfo is None:
            raise ValueError("start needs a time zone")


@dataclass(frozen=True)
class Market:
    """A simulated market.

    Attributes:
        candles: N rows of date (datetime64[ms, UTC]), open, high, low, close, volume (float64).
        regime: (N,) int8, +1 or -1: sign of the drift that acts within the row's candle.

    """

    candles: pd.DataFrame
    regime: NDArray[np.int8]


def make_market(spec: MarketSpec) -> Market:
    """Simulate the candles of a spec.

    Every component draws from its own generator, so two specs that differ in drift alone share
    their noise.
    """
    minutes = spec.days * MINUTES_PER_DAY
    first_minute = int(spec.start.timestamp()) // 60
    hour = (first_minute + np.arange(minutes)) // 60 % 24
    log_volatility = _log_volatility(spec.seed, minutes)
    sd = spec.volatility * HOURLY_VOLATILITY[hour] * np.exp(log_volatility)
    regime = _regime(spec, minutes)
    missing, flat = _outages(spec, minutes)
    # The price does not move in an outage, so the market resumes at its last price.
    moving = ~(missing | flat)
    prices = _prices(spec, sd * moving, regime)
    volume = _volume(spec, sd, log_volatility) * moving
    date = pd.to_datetime((first_minute + np.arange(minutes)) * 60_000, unit="ms", utc=True)
    candles = pd.DataFrame({"date": date.as_unit("ms"), **prices, "volume": volume})
    return Market(candles[~missing].reset_index(drop=True), regime[~missing])


def _generator(seed: int, component: int) -> np.random.Generator:
    return np.random.default_rng([seed, component])


def _persistent(rng: np.random.Generator, minutes: int, memory: float) -> NDArray[np.float64]:
    """Stationary first-order autoregression with unit variance; `memory` is its mean life."""
    weight = 1.0 / memory
    noise = rng.standard_normal(minutes)
    noise[1:] *= np.sqrt((2.0 - weight) / weight)
    smoothed: NDArray[np.float64] = (
        pd.Series(noise).ewm(alpha=weight, adjust=False).mean().to_numpy()
    )
    return smoothed


def _log_volatility(seed: int, minutes: int) -> NDArray[np.float64]:
    rng = _generator(seed, 0)
    slow = SLOW_LOG_SD * _persistent(rng, minutes, SLOW_MINUTES)
    fast = FAST_LOG_SD * _persistent(rng, minutes, FAST_MINUTES)
    return slow + fast + MINUTE_LOG_SD * rng.standard_normal(minutes)


def _regime(spec: MarketSpec, minutes: int) -> NDArray[np.int8]:
    rng = _generator(spec.seed, 1)
    # Enough runs to fill the time even if all had the shortest length.
    runs = minutes // SHORTEST_REGIME_MINUTES + 1
    drawn = rng.gamma(4.0, spec.regime_hours * 60.0 / 4.0, size=runs)
    length = np.maximum(drawn.astype(np.int64), SHORTEST_REGIME_MINUTES)
    sign = np.where(np.arange(runs) % 2 == rng.integers(2), 1, -1).astype(np.int8)
    return np.repeat(sign, length)[:minutes]


def _outages(spec: MarketSpec, minutes: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which minutes are missing and which are flat, never touching each other."""
    masks = np.zeros((2, minutes), dtype=np.bool_)
    if not spec.outages:
        return masks[0], masks[1]
    rng = _generator(spec.seed, 2)
    slots = 2 * max(1, round(spec.days / DAYS_PER_OUTAGE))
    slot_minutes = minutes // slots
    for slot in range(slots):
        length = int(rng.integers(40, 120))
        first = slot * slot_minutes + int(rng.integers(1, slot_minutes - length))
        masks[slot % 2, first : first + length] = True
    return masks[0], masks[1]


def _prices(
    spec: MarketSpec, sd: NDArray[np.float64], regime: NDArray[np.int8]
) -> dict[str, NDArray[np.float64]]:
    rng = _generator(spec.seed, 3)
    noise = rng.standard_normal((len(sd), STEPS_PER_MINUTE)) * sd[:, None]
    # Half the variance is subtracted so that without drift the price, not its logarithm, is a
    # martingale.
    drift = spec.drift_strength * regime * sd - sd**2 / 2.0
    moves = noise / np.sqrt(STEPS_PER_MINUTE) + drift[:, None] / STEPS_PER_MINUTE
    path = spec.first_price * np.exp(np.cumsum(moves.ravel()).reshape(moves.shape))
    close = path[:, -1]
    before = np.concatenate([[spec.first_price], close[:-1]])
    # The first trade of a minute is sometimes one tick away from the last one of the minute before.
    jump = np.where(sd > 0.0, rng.integers(-1, 2, size=len(sd)), 0) * spec.tick
    opened = _on_tick(before, spec.tick) + jump
    opened[0] = spec.first_price
    prices = {
        "open": opened,
        "high": np.maximum(_on_tick(path.max(axis=1), spec.tick), opened),
        "low": np.minimum(_on_tick(path.min(axis=1), spec.tick), opened),
        "close": close,
    }
    return {name: _on_tick(values, spec.tick) for name, values in prices.items()}


def _on_tick(prices: NDArray[np.float64], tick: float) -> NDArray[np.float64]:
    """Nearest multiples of the tick, at least one tick, as floats of exact decimals."""
    exponent = Decimal(str(tick)).normalize().as_tuple().exponent
    decimals = max(0, -int(exponent))
    return np.round(np.maximum(np.rint(prices / tick), 1.0) * tick, decimals)


def _volume(
    spec: MarketSpec, sd: NDArray[np.float64], log_volatility: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Volume in the base coin: higher when the market moves, never 0 outside an outage."""
    rng = _generator(spec.seed, 4)
    minutes = len(sd)
    noise = 0.4 * _persistent(rng, minutes, FAST_MINUTES) + 0.6 * rng.standard_normal(minutes)
    seasonal = np.log(sd / spec.volatility) - log_volatility
    volume = spec.volume * np.exp(1.2 * (log_volatility + seasonal) + noise)
    return np.maximum(np.round(volume, 3), 0.001)
