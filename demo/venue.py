"""Spot or futures of the exchange: the data behind its endpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.binance import BinanceError
from demo.candle_faults import repeat, withhold
from demo.clock import Clock
from demo.faults import CandleFault
from demo.intervals import INTERVALS, Series
from demo.listing import Listing


@dataclass(frozen=True)
class Limits:
    """Rows of a response: the default and the maximum."""

    default: int
    most: int

    def of(self, requested: int | None) -> int:
        """Rows to serve, at most the maximum.

        Raises:
            BinanceError: -1130 when fewer than one row is asked for.

        """
        if requested is None:
            return self.default
        if requested < 1:
            raise BinanceError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(requested, self.most)


@dataclass(frozen=True)
class KlineRequest:
    """Parameters of a `klines` request.

    Attributes:
        symbol: Binance's name.
        interval: Binance's name, such as 1m.
        limit: most rows; None for the default.
        start: first open time, ms; None for the newest rows.
        end: last open time, ms; None for now.

    """

    symbol: str
    interval: str
    limit: int | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Venue:
    """Listings by Binance's name, the clock, limits of responses, and faults."""

    listings: dict[str, Listing]
    clock: Clock
    kline_limits: Limits
    depth_limits: Limits
    faults: Sequence[CandleFault] = ()

    def find(self, symbol: str) -> Listing:
        """Find a listing by Binance's name.

        Raises:
            BinanceError: -1121 when there is none.

        """
        if symbol not in self.listings:
            raise BinanceError(-1121, "Invalid symbol.")
        return self.listings[symbol]

    def pick(self, symbol: str | None, symbols: str | None) -> list[Listing]:
        """Find one symbol, a JSON list of them, or all.

        Raises:
            BinanceError: -1121 for an unknown symbol, -1100 for an invalid list.

        """
        if symbol is not None:
            return [self.find(symbol)]
        if symbols is None:
            return list(self.listings.values())
        try:
            names = json.loads(symbols)
        except json.JSONDecodeError as error:
            raise BinanceError(-1100, "Illegal characters found in parameter 'symbols'.") from error
        return [self.find(str(name)) for name in names]

    def klines(self, path: str, request: KlineRequest) -> Series:
        """Candles of a request after the faults, with the forming one.

        Args:
            path: of the request; faults may name it.
            request: its parameters.

        Raises:
            BinanceError: -1121 for the symbol, -1120 for the interval, -1130 for the limit.

        """
        now = self.clock()
        faults = [fault for fault in self.faults if fault.acts(now, path, request.symbol)]
        delivered = withhold(self._candles(request, now), faults)
        return repeat(self._page(delivered, request), faults)

    def mark_price_klines(self, request: KlineRequest) -> Series:
        """Candles of a request for mark prices, which have no faults.

        Raises:
            BinanceError: as `klines`.

        """
        return self._page(self._candles(request, self.clock()), request)

    def _candles(self, request: KlineRequest, now: int) -> Series:
        listing = self.find(request.symbol)
        if request.interval not in INTERVALS:
            raise BinanceError(-1120, "Invalid interval.")
        return listing.klines(request.interval, now)

    def _page(self, candles: Series, request: KlineRequest) -> Series:
        limit = self.kline_limits.of(request.limit)
        return candles.rows(page(candles.open_time, request.start, request.end, limit))


def page(times: NDArray[np.int64], start: int | None, end: int | None, limit: int) -> slice:
    """Rows of a request: from `start` to `end` (ms, both included), at most `limit` of them.

    Binance's rule: with a start the first rows after it, without one the newest rows.
    """
    first = 0 if start is None else int(np.searchsorted(times, start))
    stop = len(times) if end is None else int(np.searchsorted(times, end, side="right"))
    if start is None:
        return slice(max(0, stop - limit), stop)
    return slice(first, max(first, min(stop, first + limit)))
