"""freqtrade's exchange and ccxt in front of the demo exchange, whose answers may be damaged."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from fastapi.testclient import TestClient
from freqtrade.enums import RunMode
from freqtrade.exchange.binance import Binance

from demo.config import exchange_overlay
from demo.exchange import create_app
from demo.listing import Listing
from demo.market import MarketSpec
from demo.sources import synthetic_listings
from tests.fuzz.damage import damaged, damaged_json

PAIR: Final = "BTC/USDT:USDT"
START: Final = datetime(2025, 3, 30, tzinfo=UTC)
_STATUS: Final = (200, 200, 200, 200, 400, 401, 404, 418, 429, 451, 500, 502, 503)


@dataclass(frozen=True)
class Answer:
    """Of an exchange over HTTP."""

    status: int
    body: bytes


class WildSession:
    """Takes the place of ccxt's HTTP session: asks an exchange in this process.

    Attributes:
        now: its clock, milliseconds since 1970.
        damage: changes answers of candles; None leaves them as they are.
    """

    def __init__(self, listings: list[Listing]) -> None:
        self.now = int(START.timestamp() * 1000)
        self.headers: dict[str, str] = {}
        self.damage: Callable[[Answer], Answer] | None = None
        self._sound: dict[tuple[int, str], Answer] = {}
        self._client = TestClient(create_app(listings, lambda: self.now))

    @asynccontextmanager
    async def get(self, url: Any, **_options: Any) -> AsyncIterator[SimpleNamespace]:
        """An answer as aiohttp gives it."""
        asked = (self.now, f"{url.path}?{url.query_string}")
        if asked not in self._sound:
            found = self._client.get(asked[1])
            self._sound[asked] = Answer(found.status_code, found.content)
        answer = self._sound[asked]
        if self.damage is not None and "klines" in url.path.lower():
            answer = self.damage(answer)

        async def text(errors: str) -> str:
            return answer.body.decode("utf-8", errors)

        headers = {"Content-Type": "application/json"}
        yield SimpleNamespace(
            text=text, headers=headers, status=answer.status, reason="", content=answer.body
        )

    async def close(self) -> None:
        """Nothing is open."""


def wild_exchange(config: dict[str, Any], days: int = 3) -> tuple[Binance, WildSession]:
    """freqtrade's exchange on a market of made-up candles from `START` on."""
    session = WildSession(synthetic_listings([PAIR], MarketSpec(days=days, start=START)))
    config = {
        **config,
        **exchange_overlay(9),
        "dry_run": True,
        "runmode": RunMode.DRY_RUN,
        "trading_mode": "futures",
        "margin_mode": "isolated",
    }
    exchange = Binance(config, validate=False)
    exchange._api_async.session, exchange._api_async.own_session = session, False
    exchange.reload_markets(True, load_leverage_tiers=False)
    return exchange, session


def wild_answer(drawn: random.Random) -> Callable[[Answer], Answer]:
    """A change of an answer: of its bytes, its values, its kind or its status."""

    def change(answer: Answer) -> Answer:
        status = drawn.choice(_STATUS)
        match drawn.randrange(5):
            case 0:
                body = damaged(answer.body, drawn)
            case 1:
                body = b'{"code": -1121, "msg": "Invalid symbol."}'
            case 2:
                body = b"<html><body>Bad Gateway</body></html>"
            case _:
                body = damaged_json(answer.body, drawn)
        return Answer(status, body)

    return change
