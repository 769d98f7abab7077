from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import ccxt
import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from demo.config import exchange_overlay
from demo.exchange import create_app
from demo.funding import funding_rates
from demo.intervals import INTERVALS
from demo.listing import Listing, listing, milliseconds
from demo.market import MarketSpec, make_market
from demo.sources import synthetic_listings

SPOT, CONTRACT = "BTC/USDT", "BTC/USDT:USDT"
START = datetime(2025, 3, 30, tzinfo=UTC)
START_MS = int(START.timestamp()) * 1000
MINUTE = 60_000


class Exchange:
    """An exchange in this process whose clock the test sets."""

    def __init__(self, listings: list[Listing]) -> None:
        self.now = START_MS
        self._client = TestClient(create_app(listings, lambda: self.now))

    def get(self, path: str, **query: Any) -> Any:
        answer = self._client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, path: str, **query: Any) -> tuple[int, int]:
        answer = self._client.get(path, params=query)
        return answer.status_code, answer.json()["code"]


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange(synthetic_listings([SPOT, CONTRACT], MarketSpec(days=3, start=START)))


@pytest.fixture(scope="module")
def candles() -> pd.DataFrame:
    return make_market(MarketSpec(days=3, start=START)).candles


@pytest.fixture(scope="module")
def client(recorded: Any) -> ccxt.binance:
    client = ccxt.binance(exchange_overlay(recorded.port)["exchange"]["ccxt_config"])
    client.load_markets()
    return client


def as_frame(rows: list[list[Any]]) -> pd.DataFrame:
    columns = ["date", "open", "high", "low", "close", "volume"]
    frame = pd.DataFrame(rows, columns=columns).astype({"date": "int64"})
    return frame.astype(dict.fromkeys(columns[1:], "float64"))


def as_served(candles: pd.DataFrame) -> pd.DataFrame:
    return candles.assign(date=milliseconds(candles["date"])).reset_index(drop=True)


def test_ccxt_loads_the_markets_with_the_fees_of_the_real_exchange(client: ccxt.binance) -> None:
    assert set(client.markets) == {SPOT, CONTRACT}
    spot, contract = client.market(SPOT), client.market(CONTRACT)
    assert (spot["spot"], spot["active"], spot["taker"]) == (True, True, 0.001)
    assert (contract["swap"], contract["linear"], contract["taker"]) == (True, True, 0.0005)
    assert contract["precision"]["price"] == 0.1


def test_every_address_of_ccxt_leads_to_loopback() -> None:
    urls = exchange_overlay(8080)["exchange"]["ccxt_config"]["urls"]["api"]
    assert set(urls) == set(ccxt.binance().urls["api"])
    assert all(url.startswith("http://127.0.0.1:8080/") for url in urls.values())


@pytest.mark.parametrize("pair", [SPOT, CONTRACT])
def test_paging_through_klines_gives_back_the_source(
    client: ccxt.binance, recorded: Any, pair: str
) -> None:
    rows: list[list[Any]] = []
    since = 0
    while page := client.fetch_ohlcv(pair, "1m", since=since, limit=1000):
        rows += page
        since = page[-1][0] + 1
    pd.testing.assert_frame_equal(
        as_frame(rows), as_served(recorded.candles[pair]), check_exact=True
    )


@pytest.mark.parametrize(("interval", "rule"), [("5m", "5min"), ("1h", "1h"), ("1d", "1D")])
def test_longer_intervals_add_up_the_minutes(
    client: ccxt.binance, recorded: Any, interval: str, rule: str
) -> None:
    sums = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    minutes = recorded.candles[SPOT].set_index("date")
    expected = minutes.resample(rule).agg(sums).dropna().reset_index()
    served = as_frame(client.fetch_ohlcv(SPOT, interval, since=0, limit=1000))
    pd.testing.assert_frame_equal(served, as_served(expected.head(1000)))


def test_ccxt_reads_prices_books_and_funding(client: ccxt.binance, recorded: Any) -> None:
    for pair in (SPOT, CONTRACT):
        last = recorded.candles[pair]["close"].iloc[-1]
        assert client.fetch_ticker(pair)["last"] == last
        assert client.fetch_last_prices([pair])[pair]["price"] == last
        book = client.fetch_l2_order_book(pair, 5)
        assert len(book["bids"]) == len(book["asks"]) == 5
        assert book["bids"][0][0] == last < book["asks"][0][0]
        assert client.fetch_bids_asks([pair])[pair]["bid"] == last
        assert client.fetch_tickers([pair])[pair]["last"] == last
    expected = funding_rates(recorded.candles[CONTRACT])
    history = client.fetch_funding_rate_history(CONTRACT, since=0, limit=1000)
    assert [row["timestamp"] for row in history] == milliseconds(expected["date"]).tolist()
    assert [row["fundingRate"] for row in history] == expected["funding_rate"].tolist()
    assert client.fetch_funding_rate(CONTRACT)["fundingRate"] == history[-1]["fundingRate"]


def test_an_unknown_symbol_is_refused_as_binance_does(client: ccxt.binance) -> None:
    with pytest.raises(ccxt.BadSymbol, match="-1121"):
        client.public_get_klines({"symbol": "NONEUSDT", "interval": "1m"})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"symbol": "NONEUSDT", "interval": "1m"}, -1121),
        ({"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ({"interval": "1m"}, -1102),
        ({"symbol": "BTCUSDT", "interval": "1m", "limit": "many"}, -1100),
        ({"symbol": "BTCUSDT", "interval": "1m", "limit": 0}, -1130),
    ],
)
@pytest.mark.parametrize("path", ["/api/v3/klines", "/fapi/v1/klines", "/fapi/v1/markPriceKlines"])
def test_bad_requests_get_binances_codes(
    exchange: Exchange, path: str, query: dict[str, Any], code: int
) -> None:
    assert exchange.refusal(path, **query) == (400, code)


def test_start_pages_forward_and_without_it_the_newest_candles_come(exchange: Exchange) -> None:
    exchange.now = START_MS + 2000 * MINUTE
    ask = {"symbol": "BTCUSDT", "interval": "1m"}

    def opens(**query: int) -> list[int]:
        return [
            (row[0] - START_MS) // MINUTE for row in exchange.get("/api/v3/klines", **ask, **query)
        ]

    assert opens() == list(range(1501, 2001))
    assert opens(limit=5000) == list(range(1001, 2001))
    assert opens(startTime=0, limit=3) == [0, 1, 2]
    assert opens(startTime=START_MS + 1, limit=2) == [1, 2]
    assert opens(startTime=START_MS, endTime=START_MS + 2 * MINUTE) == [0, 1, 2]
    assert opens(endTime=START_MS + 7 * MINUTE, limit=2) == [6, 7]
    assert opens(startTime=exchange.now + MINUTE) == []
    assert opens(startTime=START_MS + 9 * MINUTE, endTime=START_MS) == []


def test_rows_have_the_shape_of_binance(exchange: Exchange) -> None:
    exchange.now = START_MS + 10 * MINUTE
    for path in ("/api/v3/klines", "/fapi/v1/klines", "/fapi/v1/markPriceKlines"):
        row = exchange.get(path, symbol="BTCUSDT", interval="5m")[0]
        assert len(row) == 12
        assert row[6] == row[0] + 5 * MINUTE - 1
        assert all(isinstance(value, str) for value in row[1:6])


@pytest.mark.parametrize("interval", ["1m", "5m", "1h"])
def test_the_forming_candle_shows_no_more_than_has_happened(
    exchange: Exchange, candles: pd.DataFrame, interval: str
) -> None:
    minute = 777
    finished = {"1m": minute + 1, "5m": 780, "1h": 780}[interval]
    first = {"1m": minute, "5m": 775, "1h": 720}[interval]
    seen = []
    for second in (0, 10, 25, 45, 59):
        exchange.now = START_MS + minute * MINUTE + second * 1000
        row = exchange.get("/api/v3/klines", symbol="BTCUSDT", interval=interval)[-1]
        assert row[0] == START_MS + first * MINUTE
        seen.append([float(value) for value in row[1:6]])
    opened, high, low, _, volume = np.array(seen).T
    whole = candles.iloc[first : minute + 1]
    assert (opened == whole["open"].iloc[0]).all()
    assert (np.diff(high) >= 0.0).all()
    assert high[-1] <= whole["high"].max()
    assert (np.diff(low) <= 0.0).all()
    assert low[-1] >= whole["low"].min()
    assert (np.diff(volume) > 0.0).all()
    assert seen[0][3] == candles["open"].iloc[minute]
    exchange.now = START_MS + finished * MINUTE
    row = exchange.get("/api/v3/klines", symbol="BTCUSDT", interval=interval)[-2]
    closed = candles.iloc[first:finished]
    expected = [closed["open"].iloc[0], closed["high"].max(), closed["low"].min()]
    assert [float(value) for value in row[1:5]] == [*expected, closed["close"].iloc[-1]]


def test_nothing_is_served_before_its_time(exchange: Exchange) -> None:
    exchange.now = START_MS + 9 * 60 * MINUTE
    rates = exchange.get("/fapi/v1/fundingRate", symbol="BTCUSDT")
    assert [rate["fundingTime"] - START_MS for rate in rates] == [0, 8 * 60 * MINUTE]
    ticker = exchange.get("/api/v3/ticker/24hr", symbol="BTCUSDT")
    exchange.now = START_MS - MINUTE
    assert exchange.get("/api/v3/klines", symbol="BTCUSDT", interval="1m") == []
    assert exchange.get("/fapi/v1/fundingRate", symbol="BTCUSDT") == []
    assert (
        exchange.get("/fapi/v1/premiumIndex", symbol="BTCUSDT")["lastFundingRate"] == "0.00000000"
    )
    assert float(ticker["volume"]) > 0.0
    assert exchange.get("/api/v3/time") == {"serverTime": exchange.now}


def test_later_candles_change_no_answer(candles: pd.DataFrame) -> None:
    minute = 1234
    answers = []
    for known in (candles, candles.iloc[: minute + 1]):
        exchange = Exchange([listing(SPOT, known, synthetic=True)])
        exchange.now = START_MS + minute * MINUTE + 40_000
        book, *tickers = (
            exchange.get(f"/api/v3/{path}", symbol="BTCUSDT")
            for path in ("depth", "ticker/24hr", "ticker/bookTicker", "ticker/price")
        )
        klines = [
            exchange.get("/api/v3/klines", symbol="BTCUSDT", interval=interval)
            for interval in INTERVALS
        ]
        answers.append((book, tickers, klines))
    assert answers[0] == answers[1]


def test_a_folder_of_synthetic_candles_is_known_as_one(client: ccxt.binance) -> None:
    assert all(market["info"]["synthetic"] for market in client.markets.values())


def test_synthetic_prices_say_so(exchange: Exchange) -> None:
    for path in ("/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo"):
        info = exchange.get(path)
        assert "synthetic" in info["notice"]
        assert all(symbol["synthetic"] for symbol in info["symbols"])


@pytest.mark.parametrize("symbol", [SPOT, CONTRACT])
def test_no_stake_buys_more_coins_than_an_order_may_have(symbol: str, client: ccxt.binance) -> None:
    """A coin may cost one step of 1e-8, and a stake a thousand of the quote coin."""
    assert client.markets[symbol]["limits"]["amount"]["max"] > 1000 / 1e-8
