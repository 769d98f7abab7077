"""ASGI middleware for responses that are errors, late or missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from demo.clock import Clock
from demo.faults import (
    TOO_MANY_REQUESTS,
    AnyFault,
    BusyFault,
    CandleFault,
    DropFault,
    ErrorFault,
    HangFault,
)

#: Key of a request's connection in its state, because ASGI itself does not provide it.
CONNECTION = "connection"

AnswerFault = ErrorFault | BusyFault | HangFault | DropFault


class DroppableProtocol(H11Protocol):  # type: ignore[misc]  # uvicorn is untyped to mypy here
    """uvicorn's protocol that lets the application close a connection without an answer."""

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Show the connection to the requests that come over it."""
        self.app_state = {**self.app_state, CONNECTION: transport}
        super().connection_made(transport)


class FaultyAnswers:
    """Applies the first fault that acts on a request to its response.

    Args:
        app: the application without faults.
        faults: of all kinds; those of candles are ignored.
        clock: the exchange's.

    """

    def __init__(self, app: ASGIApp, faults: Iterable[AnyFault], clock: Clock) -> None:
        self._app = app
        self._faults = [fault for fault in faults if not isinstance(fault, CandleFault)]
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            ConnectionAbortedError: for a drop if the server's protocol is no `DroppableProtocol`.

        """
        fault = self._acting(scope) if scope["type"] == "http" else None
        if isinstance(fault, DropFault):
            await _drop(scope, receive)
        elif isinstance(fault, ErrorFault | BusyFault):
            await _refusal(fault)(scope, receive, send)
        else:
            if isinstance(fault, HangFault):
                # A server that is asked to stop cancels it.
                await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)

    def _acting(self, scope: Scope) -> AnswerFault | None:
        symbol = parse_qs(scope["query_string"].decode("latin-1")).get("symbol", [None])[0]
        now = self._clock()
        acting = (fault for fault in self._faults if fault.acts(now, scope["path"], symbol))
        return next(acting, None)


def _refusal(fault: ErrorFault | BusyFault) -> Response:
    if isinstance(fault, BusyFault):
        message = "Too many requests; please use the websocket for live updates."
        return JSONResponse(
            {"code": TOO_MANY_REQUESTS, "msg": message},
            status_code=429,
            headers={"Retry-After": str(fault.retry_after)},
        )
    if isinstance(fault.body, str):
        return PlainTextResponse(fault.body, status_code=fault.status)
    return JSONResponse(fault.body, status_code=fault.status)


async def _drop(scope: Scope, receive: Receive) -> None:
    connection = scope.get("state", {}).get(CONNECTION)
    if connection is None:
        raise ConnectionAbortedError("the demo exchange dropped a connection on purpose")
    connection.close()
    # If this returned before the server notices, the server would respond itself.
    while (await receive())["type"] != "http.disconnect":
        pass
