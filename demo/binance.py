"""Binance's public responses: prices and amounts are strings, times are milliseconds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from demo.intervals import MINUTE_MS, Series, interval_end
from demo.listing import Listing

#: How Binance dates the delivery of a contract that is never delivered.
PERPETUAL_DELIVERY_MS: Final = 4_133_404_800_000
FUNDING_MS: Final = 8 * 60 * MINUTE_MS
#: Value of one level of the order book, quote coin.
LEVEL_VALUE: Final = 50_000.0
SMALLEST_ORDER_VALUE: Final = "5"
#: Above the coins that any stake buys of the cheapest coin, whose price is one step of 1e-8.
MOST_COINS: Final = "1000000000000"
NOTICE: Final = "Offline demo exchange: nothing is traded here"

Payload = dict[str, Any]


class BinanceError(Exception):
    """An error of Binance; served as HTTP 400.

    Attributes:
        code: Binance's error code, negative.
        message: Binance's text.

    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def number(value: float) -> str:
    """Write a price or an amount with eight decimals, enough to read the same float back."""
    return f"{value:.8f}"


def exchange_info(listings: list[Listing], now: int) -> Payload:
    """`exchangeInfo` of spot or futures, depending on the listings."""
    synthetic = any(listing.synthetic for listing in listings)
    return {
        "timezone": "UTC",
        "serverTime": now,
        "rateLimits": [],
        "exchangeFilters": [],
        "notice": NOTICE + (", and its prices are synthetic" if synthetic else ""),
        "symbols": [_symbol(listing) for listing in listings],
    }


def _symbol(listing: Listing) -> Payload:
    base, quote = listing.coins
    tick = number(listing.tick)
    step = number(10.0**-listing.amount_decimals)
    price_filter = {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000"}
    lot = {"minQty": step, "maxQty": MOST_COINS, "stepSize": step}
    shared: Payload = {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "synthetic": listing.synthetic,
        "orderTypes": ["LIMIT", "MARKET"],
    }
    filters = [
        {**price_filter, "tickSize": tick},
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot},
    ]
    if listing.is_futures:
        return shared | {
            "pair": listing.symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": PERPETUAL_DELIVERY_MS,
            "onboardDate": int(listing.minutes.open_time[0]),
            "marginAsset": listing.pair.split(":")[1],
            "pricePrecision": listing.price_decimals,
            "quantityPrecision": listing.amount_decimals,
            "filters": [*filters, {"filterType": "MIN_NOTIONAL", "notional": SMALLEST_ORDER_VALUE}],
        }
    # ccxt treats every symbol with a contractType as a contract, so spot has none.
    return shared | {
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": ["SPOT"],
        "filters": [*filters, {"filterType": "NOTIONAL", "minNotional": SMALLEST_ORDER_VALUE}],
    }


def kline_rows(candles: Series, interval: str, *, volumes: bool = True) -> list[list[Any]]:
    """`klines`: rows of 12 elements; those of mark prices have volume 0."""
    rows: list[list[Any]] = []
    for start, (opened, high, low, close, volume) in zip(
        candles.open_time.tolist(), candles.ohlcv.tolist(), strict=True
    ):
        traded = volume if volumes else 0.0
        value = number(traded * (opened + high + low + close) / 4.0)
        prices = [number(price) for price in (opened, high, low, close)]
        amounts = [number(traded), interval_end(start, interval) - 1, value]
        # Trades are not simulated: one per candle, half of its volume bought by takers.
        takers = [int(traded > 0.0), number(traded / 2.0), number(traded * opened / 2.0), "0"]
        rows.append([start, *prices, *amounts, *takers])
    return rows


def order_book(listing: Listing, now: int, levels: int) -> Payload:
    """`depth`: bids from the last price down, asks from one tick above it up."""
    price, tick = listing.price(now), listing.tick
    amount = number(max(LEVEL_VALUE / price, 10.0**-listing.amount_decimals))
    steps = np.arange(levels) * tick
    bids = [bid for bid in (price - steps).tolist() if bid > tick / 2.0]
    book: Payload = {
        "lastUpdateId": now,
        "bids": [[number(bid), amount] for bid in bids],
        "asks": [[number(ask), amount] for ask in (price + tick + steps).tolist()],
    }
    return book | ({"E": now, "T": now} if listing.is_futures else {})


def day_ticker(listing: Listing, now: int) -> Payload:
    """`ticker/24hr`."""
    opened, high, low, close, volume = listing.last_day(now).tolist()
    average = (opened + high + low + close) / 4.0
    ticker: Payload = {
        "symbol": listing.symbol,
        "priceChange": number(close - opened),
        "priceChangePercent": f"{(close / opened - 1.0) * 100.0:.3f}",
        "weightedAvgPrice": number(average),
        "openPrice": number(opened),
        "highPrice": number(high),
        "lowPrice": number(low),
        "lastPrice": number(close),
        "volume": number(volume),
        "quoteVolume": number(volume * average),
        "openTime": now - 24 * 60 * MINUTE_MS,
        "closeTime": now,
    }
    # Only the ticker of spot has best offers: ccxt distinguishes spot and futures by them.
    return ticker if listing.is_futures else ticker | _best_offers(listing, now)


def book_ticker(listing: Listing, now: int) -> Payload:
    """`ticker/bookTicker`."""
    ticker = {"symbol": listing.symbol, **_best_offers(listing, now)}
    return ticker | ({"time": now} if listing.is_futures else {})


def price_ticker(listing: Listing, now: int) -> Payload:
    """`ticker/price`."""
    ticker: Payload = {"symbol": listing.symbol, "price": number(listing.price(now))}
    return ticker | ({"time": now} if listing.is_futures else {})


def premium_index(listing: Listing, now: int) -> Payload:
    """`premiumIndex`: the mark price is the last price."""
    price = number(listing.price(now))
    _, rates = listing.funding_until(now)
    return {
        "symbol": listing.symbol,
        "markPrice": price,
        "indexPrice": price,
        "estimatedSettlePrice": price,
        "lastFundingRate": number(rates[-1] if len(rates) else 0.0),
        "interestRate": "0.00010000",
        "nextFundingTime": (now // FUNDING_MS + 1) * FUNDING_MS,
        "time": now,
    }


def funding_rows(
    listing: Listing, times: NDArray[np.int64], rates: NDArray[np.float64]
) -> list[Payload]:
    """`fundingRate`."""
    return [
        {
            "symbol": listing.symbol,
            "fundingTime": time,
            "fundingRate": number(rate),
            "markPrice": number(listing.price(time)),
        }
        for time, rate in zip(times.tolist(), rates.tolist(), strict=True)
    ]


def _best_offers(listing: Listing, now: int) -> Payload:
    book = order_book(listing, now, 1)
    (bid, bid_amount), (ask, ask_amount) = book["bids"][0], book["asks"][0]
    return {"bidPrice": bid, "bidQty": bid_amount, "askPrice": ask, "askQty": ask_amount}
