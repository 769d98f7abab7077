"""One symbol of the exchange: its candles, prices and funding known at a time, and no later."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo.intervals import (
    DAY_MS,
    MINUTE_MS,
    Series,
    interval_end,
    interval_start,
    join,
    resample,
)

#: Corners of the price path within a minute, as fractions of the minute.
CORNERS = (0.0, 1 / 3, 2 / 3, 1.0)
MAX_DECIMALS = 8
#: Rows at the end of the candles from which the price step is read.
SAMPLE_ROWS = 5_000


@dataclass(frozen=True)
class Listing:
    """Candles and funding of one pair, on spot or futures.

    Attributes:
        pair: as freqtrade writes it: BTC/USDT is spot, BTC/USDT:USDT a futures contract.
        minutes: 1-minute candles.
        funding_time: (M,) int64 ms, empty for spot.
        funding_rate: (M,) float64, fraction of the position's value.
        synthetic: whether the candles are synthetic.

    """

    pair: str
    minutes: Series
    funding_time: NDArray[np.int64]
    funding_rate: NDArray[np.float64]
    synthetic: bool
    _resampled: dict[str, Series] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_futures(self) -> bool:
        """Whether it is a futures contract."""
        return ":" in self.pair

    @property
    def coins(self) -> tuple[str, str]:
        """Base and quote coin."""
        base, quote = self.pair.split(":")[0].split("/")
        return base, quote

    @property
    def symbol(self) -> str:
        """Binance's name of it."""
        return "".join(self.coins)

    @cached_property
    def price_decimals(self) -> int:
        """Decimals of the price step, read from the candles."""
        return _decimals(self.minutes.ohlcv[-SAMPLE_ROWS:, :4])

    @cached_property
    def amount_decimals(self) -> int:
        """Decimals of the amount step, read from the volumes."""
        return _decimals(self.minutes.ohlcv[-SAMPLE_ROWS:, 4])

    @property
    def tick(self) -> float:
        """Price step in the quote coin."""
        return float(10.0**-self.price_decimals)

    def klines(self, interval: str, now: int) -> Series:
        """All candles that have opened by `now` (ms); the last may still be forming."""
        if interval not in self._resampled:
            self._resampled[interval] = resample(self.minutes, interval)
        known = self._resampled[interval]
        opened = int(np.searchsorted(known.open_time, now, side="right"))
        known = known.rows(slice(0, opened))
        if not opened or interval_end(int(known.open_time[-1]), interval) <= now:
            return known
        # The last candle includes later minutes: build it again from those until now.
        start = int(interval_start(known.open_time[-1:], interval)[0])
        forming = resample(self._minutes_since(start, now), interval)
        return join(known.rows(slice(0, opened - 1)), forming)

    def price(self, now: int) -> float:
        """Last price at `now`; before the first candle its open."""
        opened = int(np.searchsorted(self.minutes.open_time, now, side="right"))
        if not opened:
            return float(self.minutes.ohlcv[0, 0])
        return float(self._minutes_since(int(self.minutes.open_time[opened - 1]), now).ohlcv[-1, 3])

    def last_day(self, now: int) -> NDArray[np.float64]:
        """(5,) open, high, low, close, volume of the 24 hours before `now`."""
        day = self._minutes_since(now - DAY_MS, now).ohlcv
        if not len(day):
            price = self.price(now)
            return np.array([price, price, price, price, 0.0])
        return np.array([day[0, 0], day[:, 1].max(), day[:, 2].min(), day[-1, 3], day[:, 4].sum()])

    def funding_until(self, now: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Funding times (ms) and rates settled by `now`."""
        settled = int(np.searchsorted(self.funding_time, now, side="right"))
        return self.funding_time[:settled], self.funding_rate[:settled]

    def _minutes_since(self, start: int, now: int) -> Series:
        """Minutes that opened from `start` to `now`; the last one as it is at `now`."""
        times = self.minutes.open_time
        rows = slice(
            int(np.searchsorted(times, start)), int(np.searchsorted(times, now, side="right"))
        )
        known = self.minutes.rows(rows)
        if not len(known) or known.open_time[-1] + MINUTE_MS <= now:
            return known
        share = (now - int(known.open_time[-1])) / MINUTE_MS
        last = _so_far(known.ohlcv[-1], share, self.price_decimals, self.amount_decimals)
        return Series(known.open_time, np.concatenate([known.ohlcv[:-1], last[None, :]]))


def listing(
    pair: str, candles: pd.DataFrame, funding: pd.DataFrame | None = None, *, synthetic: bool
) -> Listing:
    """List a pair.

    Args:
        pair: as freqtrade writes it.
        candles: date, open, high, low, close, volume; at least one row.
        funding: date and funding_rate; only for futures.
        synthetic: whether the candles are synthetic.

    Raises:
        ValueError: when there are no candles.

    """
    if candles.empty:
        raise ValueError(f"{pair} has no candles")
    columns = ["open", "high", "low", "close", "volume"]
    minutes = Series(milliseconds(candles["date"]), candles[columns].to_numpy(np.float64))
    if funding is None:
        return Listing(pair, minutes, np.empty(0, np.int64), np.empty(0), synthetic)
    rates = funding["funding_rate"].to_numpy(np.float64)
    return Listing(pair, minutes, milliseconds(funding["date"]), rates, synthetic)


def milliseconds(dates: pd.Series) -> NDArray[np.int64]:
    """Dates as milliseconds since 1970, whatever their unit."""
    return np.asarray(dates.dt.as_unit("ms").astype("int64"), dtype=np.int64)


def _decimals(values: NDArray[np.float64]) -> int:
    """Fewest decimals that lose nothing."""
    for decimals in range(MAX_DECIMALS):
        if np.array_equal(np.round(values, decimals), values):
            return decimals
    return MAX_DECIMALS


def _so_far(
    candle: NDArray[np.float64], share: float, price_decimals: int, amount_decimals: int
) -> NDArray[np.float64]:
    """Candle after a share of its minute.

    The price goes from the open to one extreme, to the other and to the close, first against the
    candle's direction, so that a high or a close is not visible before its time.
    """
    opened, high, low, close, volume = candle
    corners = (opened, low, high, close) if close >= opened else (opened, high, low, close)
    price = np.round(np.interp(share, CORNERS, corners), price_decimals)
    passed = [corner for at, corner in zip(CORNERS, corners, strict=True) if at <= share]
    seen = [*passed, price]
    return np.array(
        [opened, max(seen), min(seen), price, np.round(volume * share, amount_decimals)]
    )
