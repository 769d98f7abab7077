"""An exchange that speaks the public endpoints of Binance, spot and USDT futures.

It serves given candles and accepts no orders: a dry run fills its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from demo import binance
from demo.binance import BinanceError, Payload
from demo.clock import Clock, wall_clock
from demo.faults import AnyFault, CandleFault
from demo.faulty_answers import FaultyAnswers
from demo.listing import Listing
from demo.venue import KlineRequest, Limits, Venue, page

SPOT_KLINES: Final = Limits(500, 1000)
SPOT_DEPTH: Final = Limits(100, 5000)
FUTURES_KLINES: Final = Limits(500, 1500)
FUTURES_DEPTH: Final = Limits(500, 1000)
FUNDING: Final = Limits(100, 1000)

Shape = Callable[[Listing, int], Payload]
StartTime = Annotated[int | None, Query(alias="startTime")]
EndTime = Annotated[int | None, Query(alias="endTime")]


async def _kline_request(
    symbol: str,
    interval: str,
    limit: int | None = None,
    start: StartTime = None,
    end: EndTime = None,
) -> KlineRequest:
    return KlineRequest(symbol, interval, limit, start, end)


KlinesOf = Annotated[KlineRequest, Depends(_kline_request)]


def create_app(
    listings: Iterable[Listing], clock: Clock = wall_clock, faults: Iterable[AnyFault] = ()
) -> FastAPI:
    """Build the exchange.

    Args:
        listings: what it lists; spot and futures may share symbols.
        clock: its time; nothing later is served.
        faults: of its responses. Drops need a server whose protocol is a `DroppableProtocol`.

    """
    app = FastAPI(title=binance.NOTICE, docs_url=None, redoc_url=None, openapi_url=None)
    offered = list(listings)
    spot = {listing.symbol: listing for listing in offered if not listing.is_futures}
    futures = {listing.symbol: listing for listing in offered if listing.is_futures}
    planned = list(faults)
    candle_faults = [fault for fault in planned if isinstance(fault, CandleFault)]
    spot_venue = Venue(spot, clock, SPOT_KLINES, SPOT_DEPTH, candle_faults)
    futures_venue = Venue(futures, clock, FUTURES_KLINES, FUTURES_DEPTH, candle_faults)
    app.include_router(_venue_router(spot_venue), prefix="/api/v3")
    app.include_router(_venue_router(futures_venue), prefix="/fapi/v1")
    app.include_router(_contract_router(futures_venue), prefix="/fapi/v1")
    # ccxt uses the second version only for last prices.
    app.include_router(_venue_router(futures_venue), prefix="/fapi/v2")
    app.add_middleware(FaultyAnswers, faults=planned, clock=clock)
    app.add_exception_handler(BinanceError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_parameter)
    return app


def _venue_router(venue: Venue) -> APIRouter:
    """Endpoints that spot and futures have in common."""
    router = APIRouter()

    @router.get("/ping")
    async def ping() -> Payload:
        return {}

    @router.get("/time")
    async def time() -> Payload:
        return {"serverTime": venue.clock()}

    @router.get("/exchangeInfo")
    async def exchange_info() -> Payload:
        return binance.exchange_info(list(venue.listings.values()), venue.clock())

    @router.get("/klines")
    async def klines(request: Request, wanted: KlinesOf) -> JSONResponse:
        candles = venue.klines(request.url.path, wanted)
        # Rows are JSON types already; FastAPI's own encoding would take longer than the rest.
        return JSONResponse(binance.kline_rows(candles, wanted.interval))

    @router.get("/depth")
    async def depth(symbol: str, limit: int | None = None) -> Payload:
        levels = venue.depth_limits.of(limit)
        return binance.order_book(venue.find(symbol), venue.clock(), levels)

    router.get("/ticker/24hr")(_listings_endpoint(venue, binance.day_ticker))
    router.get("/ticker/bookTicker")(_listings_endpoint(venue, binance.book_ticker))
    router.get("/ticker/price")(_listings_endpoint(venue, binance.price_ticker))
    return router


def _contract_router(venue: Venue) -> APIRouter:
    """Endpoints that only futures have."""
    router = APIRouter()

    @router.get("/markPriceKlines")
    async def mark_price_klines(wanted: KlinesOf) -> JSONResponse:
        candles = venue.mark_price_klines(wanted)
        return JSONResponse(binance.kline_rows(candles, wanted.interval, volumes=False))

    @router.get("/fundingRate")
    async def funding_rate(
        symbol: str, limit: int | None = None, start: StartTime = None, end: EndTime = None
    ) -> list[Payload]:
        listing = venue.find(symbol)
        times, rates = listing.funding_until(venue.clock())
        chosen = page(times, start, end, FUNDING.of(limit))
        return binance.funding_rows(listing, times[chosen], rates[chosen])

    router.get("/premiumIndex")(_listings_endpoint(venue, binance.premium_index))
    return router


def _listings_endpoint(venue: Venue, shape: Shape) -> Callable[..., Awaitable[Any]]:
    """Build an endpoint for one symbol, a list of them or all."""

    async def answer(symbol: str | None = None, symbols: str | None = None) -> Any:
        now = venue.clock()
        answers = [shape(listing, now) for listing in venue.pick(symbol, symbols)]
        # For a single symbol Binance returns no list.
        return answers if symbol is None else answers[0]

    return answer


async def _refuse(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BinanceError)
    return JSONResponse({"code": error.code, "msg": error.message}, status_code=400)


async def _refuse_parameter(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problem = error.errors()[0]
    name = problem["loc"][-1]
    if problem["type"] == "missing":
        message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        return await _refuse(request, BinanceError(-1102, message))
    message = f"Illegal characters found in parameter '{name}'."
    return await _refuse(request, BinanceError(-1100, message))
