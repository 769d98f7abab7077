from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ccxt
import httpx
import pytest
from fastapi.testclient import TestClient

from demo.config import exchange_overlay
from demo.exchange import create_app
from demo.faults import AnyFault, read_faults
from demo.listing import Listing
from demo.market import MarketSpec
from demo.running import REPOSITORY, running_exchange
from demo.sources import synthetic_listings
from demo.stopping import end

SPOT, CONTRACT = "BTC/USDT", "BTC/USDT:USDT"
FAPI, API = "/fapi/v1", "/api/v3"
START = datetime(2025, 3, 30, tzinfo=UTC)
#: Ten minutes of faults, from 12:00 on.
NOON = START + timedelta(hours=12)
DURING = {"begin": "2025-03-30T12:00", "end": "2025-03-30T12:10"}


@pytest.fixture(scope="module")
def listings() -> list[Listing]:
    return synthetic_listings([SPOT, CONTRACT, "ETH/USDT:USDT"], MarketSpec(days=1, start=START))


@pytest.fixture
def planned(tmp_path: Path) -> Any:
    """Read faults as `--faults` does."""

    def read(*faults: dict[str, Any]) -> list[AnyFault]:
        path = tmp_path / "faults.json"
        path.write_text(json.dumps(faults), encoding="utf-8")
        return read_faults(path)

    return read


class Faulty:
    """An exchange in this process with faults, at a time that the test sets."""

    def __init__(self, listings: list[Listing], faults: list[AnyFault]) -> None:
        self.minute(0)
        self._client = TestClient(create_app(listings, lambda: self.now, faults))

    def minute(self, minutes: float) -> Faulty:
        """Set the clock to so many minutes after noon."""
        self.now = int((NOON + timedelta(minutes=minutes)).timestamp() * 1000)
        return self

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self._client.get(path, params=query)

    def opened(self, prefix: str = FAPI, limit: int = 5, **query: Any) -> list[str]:
        """When the candles of a klines answer open, as HH:MM."""
        wanted = {"symbol": "BTCUSDT", "interval": "1m", "limit": limit, **query}
        rows = self.get(f"{prefix}/klines", **wanted).json()
        return [datetime.fromtimestamp(row[0] / 1000, UTC).strftime("%H:%M") for row in rows]


def test_an_error_lasts_from_begin_to_end(listings: Any, planned: Any) -> None:
    exchange = Faulty(listings, planned({"kind": "error", **DURING}))
    statuses = [
        exchange.minute(at).get(f"{FAPI}/time").status_code for at in (-0.001, 0, 9.999, 10)
    ]
    assert statuses == [200, 500, 500, 200]
    assert exchange.minute(5).get(f"{API}/ping").json()["code"] == -1000


def test_an_error_may_be_any_status_and_body(listings: Any, planned: Any) -> None:
    page = Faulty(listings, planned({"kind": "error", "status": 502, "body": "<html>", **DURING}))
    answer = page.get(f"{FAPI}/time")
    assert (answer.status_code, answer.text) == (502, "<html>")
    assert answer.headers["content-type"].startswith("text/plain")
    body = {"code": -1001, "msg": "Internal error; unable to process your request."}
    refusal = Faulty(listings, planned({"kind": "error", "status": 503, "body": body, **DURING}))
    assert refusal.get(f"{FAPI}/time").json() == body


def test_path_and_symbol_say_which_requests_are_meant(listings: Any, planned: Any) -> None:
    exchange = Faulty(
        listings, planned({"kind": "error", "path": "/fapi/", "symbol": "ETHUSDT", **DURING})
    )
    assert exchange.get(f"{FAPI}/depth", symbol="ETHUSDT").status_code == 500
    assert exchange.get(f"{FAPI}/depth", symbol="BTCUSDT").status_code == 200
    assert exchange.get(f"{FAPI}/time").status_code == 200
    assert exchange.get(f"{API}/depth", symbol="BTCUSDT").status_code == 200


def test_the_first_of_two_faults_decides(listings: Any, planned: Any) -> None:
    busy, error = {"kind": "busy", **DURING}, {"kind": "error", **DURING}
    assert Faulty(listings, planned(busy, error)).get(f"{FAPI}/time").status_code == 429
    assert Faulty(listings, planned(error, busy)).get(f"{FAPI}/time").status_code == 500


def test_busy_says_when_to_come_back(listings: Any, planned: Any) -> None:
    exchange = Faulty(listings, planned({"kind": "busy", "retry_after": 7, **DURING}))
    answer = exchange.get(f"{FAPI}/klines", symbol="BTCUSDT", interval="1m")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["code"] == -1003


def test_a_hanging_answer_comes_at_last(listings: Any, planned: Any) -> None:
    exchange = Faulty(listings, planned({"kind": "hang", "seconds": 0.3, **DURING}))
    began = time.monotonic()
    assert exchange.get(f"{FAPI}/ping").status_code == 200
    assert time.monotonic() - began >= 0.3


def test_a_drop_gives_no_answer(listings: Any, planned: Any) -> None:
    exchange = Faulty(listings, planned({"kind": "drop", **DURING}))
    with pytest.raises(ConnectionAbortedError):
        exchange.get(f"{FAPI}/ping")
    assert exchange.minute(10).get(f"{FAPI}/ping").status_code == 200


def test_a_late_candle_comes_after_later_ones(listings: Any, planned: Any) -> None:
    late = {"kind": "late", "candles": ["2025-03-30T12:01"], "end": "2025-03-30T12:04"}
    exchange = Faulty(listings, planned(late))
    assert exchange.minute(1.5).opened() == ["11:56", "11:57", "11:58", "11:59", "12:00"]
    assert exchange.minute(3.9).opened() == ["11:58", "11:59", "12:00", "12:02", "12:03"]
    assert exchange.minute(4).opened() == ["12:00", "12:01", "12:02", "12:03", "12:04"]


def test_a_stalled_feed_keeps_back_everything_newer(listings: Any, planned: Any) -> None:
    stall = {
        "kind": "late",
        "newest": True,
        "candles": ["2025-03-30T12:02", "2025-03-30T12:01"],
        "end": "2025-03-30T12:20",
    }
    exchange = Faulty(listings, planned(stall))
    assert exchange.minute(19).opened(limit=2) == ["11:59", "12:00"]
    assert exchange.minute(20).opened(limit=2) == ["12:19", "12:20"]


def test_a_candle_that_came_before_may_be_late_from_begin_on(listings: Any, planned: Any) -> None:
    exchange = Faulty(
        listings, planned({"kind": "late", "candles": ["2025-03-30T11:59"], **DURING})
    )
    assert "11:59" in exchange.minute(-0.5).opened()
    assert "11:59" not in exchange.minute(0.5).opened()


def test_missing_candles_never_come_and_pages_are_full_all_the_same(
    listings: Any, planned: Any
) -> None:
    missing = {"kind": "missing", "candles": ["2025-03-30T12:01", "2025-03-30T12:03"]}
    exchange = Faulty(listings, planned(missing)).minute(600)
    noon = int(NOON.timestamp() * 1000)
    assert exchange.opened(startTime=noon, limit=3) == ["12:00", "12:02", "12:04"]
    assert exchange.opened(startTime=noon, endTime=noon + 180_000) == ["12:00", "12:02"]


def test_double_candles_come_twice_in_one_answer(listings: Any, planned: Any) -> None:
    exchange = Faulty(
        listings, planned({"kind": "double", "candles": ["2025-03-30T12:01"]})
    ).minute(3)
    assert exchange.opened(limit=3) == ["12:01", "12:01", "12:02", "12:03"]
    wanted = {"symbol": "BTCUSDT", "interval": "1m", "limit": 3}
    first, second, *_ = exchange.get(f"{FAPI}/klines", **wanted).json()
    assert first == second


@pytest.mark.parametrize("kind", ["late", "missing", "double"])
def test_candle_faults_keep_to_their_symbol_and_market(
    kind: str, listings: Any, planned: Any
) -> None:
    fault = {"kind": kind, "candles": ["2025-03-30T12:01"], "symbol": "BTCUSDT", "path": "/fapi/"}
    exchange = Faulty(listings, planned({**fault, **DURING})).minute(2)
    right = ["12:00", "12:01", "12:02"]
    assert exchange.opened(limit=3) != right
    assert exchange.opened(limit=3, symbol="ETHUSDT") == right
    assert exchange.opened(API, limit=3) == right


def test_candle_faults_leave_prices_alone(listings: Any, planned: Any) -> None:
    stall = {"kind": "late", "newest": True, "candles": ["2025-03-30T06:00"], **DURING}
    faulty = Faulty(listings, planned(stall)).minute(5.5)
    right = Faulty(listings, []).minute(5.5)
    for path in ("depth", "ticker/24hr", "ticker/price", "premiumIndex"):
        query = {"symbol": "BTCUSDT"}
        assert faulty.get(f"{FAPI}/{path}", **query).json() == (
            right.get(f"{FAPI}/{path}", **query).json()
        )
    marks = {"symbol": "BTCUSDT", "interval": "1m"}
    asked = [each.get(f"{FAPI}/markPriceKlines", **marks).json() for each in (faulty, right)]
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "eror", **DURING}, "fault 0: Input tag 'eror'"),
        ({**DURING}, "fault 0: Unable to extract tag using discriminator 'kind'"),
        ({"kind": "busy", "retry": 3, **DURING}, "fault 0: retry 3: "),
        ({"kind": "busy", "begin": DURING["begin"]}, "fault 0: end: Field required"),
        ({"kind": "late", "candles": ["2025-03-30T12:01"]}, "fault 0: end: Field required"),
        ({"kind": "missing"}, "fault 0: candles: Field required"),
        ({"kind": "missing", "candles": []}, "fault 0: candles []: "),
        ({"kind": "missing", "candles": ["2025-03-30T12:01:30"]}, "'2025-03-30T12:01:30': candles"),
        ({"kind": "hang", "seconds": 1e9, **DURING}, "fault 0: seconds 1000000000.0: "),
        ({"kind": "error", "status": 200, **DURING}, "fault 0: status 200: "),
        ({"kind": "drop", "symbol": CONTRACT, **DURING}, "fault 0: symbol 'BTC/USDT:USDT': "),
        ({"kind": "drop", "begin": "noon", "end": DURING["end"]}, "fault 0: begin 'noon': "),
        ({"kind": "drop", "begin": DURING["end"], "end": DURING["end"]}, "must be after begin"),
    ],
)
def test_what_is_no_fault_is_named(fault: dict[str, Any], named: str, planned: Any) -> None:
    with pytest.raises(ValueError, match="holds what is not a fault") as refused:
        planned(fault)
    assert named in str(refused.value)


def test_all_problems_come_in_one_message(planned: Any) -> None:
    with pytest.raises(ValueError, match=r"fault 0: .*\n.*fault 1: "):
        planned({"kind": "eror"}, {"kind": "drop", "when": 1, **DURING})


@pytest.mark.parametrize(
    ("content", "reason"), [("[{", "is not JSON"), ("{}", "valid list"), (None, "No such file")]
)
def test_the_server_refuses_a_file_without_faults(
    content: str | None, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "faults.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    command = [sys.executable, "-m", "demo.serve", "--synthetic", SPOT, "--faults", str(path)]
    refused = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert reason in refused.stderr
    assert str(path) in refused.stderr


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a server with a fault of every kind, each on an endpoint of its own."""
    path: Path = tmp_path_factory.mktemp("faults") / "faults.json"
    during = {"begin": "2024-02-29T00:00", "end": "2024-03-01T00:00"}
    faults = [
        {"kind": "error", "path": "ticker/price", **during},
        {"kind": "busy", "path": "exchangeInfo", **during},
        {"kind": "hang", "path": "ping", "seconds": 300, **during},
        {"kind": "drop", "path": "depth", **during},
        {"kind": "late", "candles": ["2024-02-29T05:57"], **during},
        {"kind": "missing", "candles": ["2024-02-29T05:55"]},
        {"kind": "double", "candles": ["2024-02-29T05:56"]},
    ]
    path.write_text(json.dumps(faults), encoding="utf-8")
    market = ["--synthetic", SPOT, "--days", "1", "--now", "2024-02-29T06:00:30"]
    with running_exchange([*market, "--faults", str(path)]) as port:
        yield port


def test_every_kind_is_served(served: int) -> None:
    url = f"http://127.0.0.1:{served}{API}"
    symbol = {"symbol": "BTCUSDT"}
    with httpx.Client() as client:
        assert client.get(f"{url}/ticker/price", params=symbol).status_code == 500
        assert client.get(f"{url}/exchangeInfo").headers["retry-after"] == "10"
        with pytest.raises(httpx.ReadTimeout):
            client.get(f"{url}/ping", timeout=0.3)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.get(f"{url}/depth", params=symbol)
        query = {**symbol, "interval": "1m", "startTime": 1_709_186_040_000, "limit": 5}
        opened = [row[0] // 60_000 % 60 for row in client.get(f"{url}/klines", params=query).json()]
        assert opened == [54, 56, 56, 58, 59, 0]
        assert client.get(f"{url}/time").status_code == 200


def test_ccxt_sees_the_troubles_that_freqtrade_knows(served: int) -> None:
    client = ccxt.binance(exchange_overlay(served)["exchange"]["ccxt_config"])
    client.timeout = 300
    with pytest.raises(ccxt.DDoSProtection):
        client.public_get_exchangeinfo()
    with pytest.raises(ccxt.OperationFailed):
        client.public_get_ticker_price({"symbol": "BTCUSDT"})
    with pytest.raises(ccxt.RequestTimeout):
        client.public_get_ping()
    with pytest.raises(ccxt.NetworkError):
        client.public_get_depth({"symbol": "BTCUSDT"})


def test_the_server_ends_while_an_answer_hangs_and_its_port_is_free_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = []

    def recorded(server: subprocess.Popen[str], _seconds: float) -> None:
        # Longer than a busy machine takes, shorter than the answer.
        end(server, 60)
        statuses.append(server.returncode)

    monkeypatch.setattr("demo.running.end", recorded)
    path = tmp_path / "faults.json"
    always = {"begin": "2000-01-01", "end": "2100-01-01"}
    path.write_text(json.dumps([{"kind": "hang", "seconds": 600, **always}]), encoding="utf-8")
    market = ["--synthetic", SPOT, "--days", "1"]
    with (
        running_exchange([*market, "--faults", str(path)]) as port,
        socket.create_connection(("127.0.0.1", port)) as waiting,
    ):
        waiting.sendall(b"GET /api/v3/ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)
    # It has ended by itself: one that waited for the answer would have been killed.
    assert statuses == [0]
    with running_exchange([*market, "--port", str(port)]) as again:
        assert again == port
        assert httpx.get(f"http://127.0.0.1:{port}/api/v3/ping").status_code == 200
